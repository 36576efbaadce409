/**
 * The images of machines with several disks. Both systems have the RAID and multipath tools of Debian, and the installed one
 * starts with an initramfs of dracut: its modules for Ignition, mdraid, and multipath are those that RHCOS has. What RHCOS adds
 * to them at the first boot is in the directory dracut.
 */
import { chmod, copyFile, cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cached, source } from '../real/cache.ts'
import { buildInstaller } from '../real/installer.ts'
import { addInstaller, buildInitramfs, imageNames, liveSources, packRootfs } from '../real/live.ts'
import { buildMetalImage } from '../real/metal-image.ts'
import { buildSystem, copySystem, type System } from '../real/system.ts'

const minutes = 60_000
const here = (name: string): string => join(import.meta.dirname, name)

const packages = ['mdadm', 'xfsprogs', 'dosfstools', 'multipath-tools', 'dracut-core']

/** coreos-installer appends its arguments, and the first boot those of later boots. */
export const entry =
  'title disks\nversion 1\noptions rw console=ttyS0 mitigations=off ignition.platform.id=metal\n'

function buildDisksSystem(): Promise<System> {
  return buildSystem(packages)
}

/** Returns the disk image that is installed. */
export async function buildInstalledDisk(): Promise<string> {
  const system = await buildDisksSystem()
  const ours = (await readdir(here('dracut'))).map((name) => `dracut/${name}`)
  const dir = await cached({
    name: 'disk-image',
    inputs: [system.root, entry],
    files: [...['system.ts', 'metal-image.ts'].map(source), ...['images.ts', 'grub.cfg', ...ours].map(here)],
    async build(work) {
      const at = (name: string): string => join(work, name)
      const intermediate = at('work')
      await mkdir(intermediate)
      await runDracut(join(intermediate, 'dracut'), join(intermediate, 'initramfs.img'), system)
      const root = join(intermediate, 'installed')
      await copySystem(system, root)
      await addMultipath(root, system)
      await mkdir(join(root, 'boot'), { recursive: true })
      await buildMetalImage(intermediate, at('metal.raw'), {
        root,
        kernel: kernelOf(system),
        initramfs: join(intermediate, 'initramfs.img'),
        grub: here('grub.cfg'),
        entry,
      })
      await rm(intermediate, { recursive: true })
    },
  })
  return join(dir, 'metal.raw')
}

/** Returns the directory of the three files that a machine fetches. */
export async function buildDisksImages(): Promise<string> {
  const metal = await buildInstalledDisk()
  const installer = await buildInstaller()
  const system = await buildDisksSystem()
  return cached({
    name: 'images-disks',
    inputs: [installer.program, system.root, metal],
    files: [...liveSources, here('images.ts')],
    async build(work) {
      const intermediate = join(work, 'work')
      await mkdir(intermediate)
      await copyFile(kernelOf(system), join(work, imageNames.kernel))
      await buildInitramfs(join(intermediate, 'initramfs'), join(work, imageNames.initramfs), system)
      const live = join(intermediate, 'live')
      await copySystem(system, live)
      await addMultipath(live, system)
      await addInstaller(live, installer, metal)
      await packRootfs(live, work)
      await rm(intermediate, { recursive: true })
    },
  })
}

function kernelOf({ root, kernel }: System): string {
  return join(root, 'boot', `vmlinuz-${kernel}`)
}

/** Runs dracut in a copy of the system. */
async function runDracut(root: string, to: string, system: System): Promise<void> {
  await output(['cp', '-a', system.root, root], { limitMs: 5 * minutes })
  const modules = join(root, 'usr/lib/dracut/modules.d')
  await cp(here('dracut'), join(modules, '99first-boot'), { recursive: true })
  await copyFile(here('dracut/mpathconf'), join(root, 'usr/sbin/mpathconf'))
  for (const name of ['first-boot', 'mpathconf', 'module-setup.sh']) {
    await chmod(join(modules, '99first-boot', name), 0o755)
  }
  await chmod(join(root, 'usr/sbin/mpathconf'), 0o755)
  // The Ignition file is on the disk and complete: no network.
  const ofIgnition = join(modules, '30ignition/module-setup.sh')
  await output(['sed', '-i', 's/echo qemu systemd url-lib network/echo systemd/', ofIgnition])
  const drivers = 'virtio_pci virtio_scsi virtio_rng sd_mod scsi_mod dm_multipath raid1 ext4 xfs vfat'
  const dracut = [
    ...['dracut', '--no-hostonly', '--no-early-microcode', '--force', '--gzip', '--no-hostonly-cmdline'],
    ...['--modules', 'bash systemd systemd-initrd dracut-systemd base fs-lib kernel-modules rootfs-block'],
    ...['--add', 'udev-rules dm mdraid multipath ignition first-boot', '--add-drivers', drivers],
    ...['/installed.img', system.kernel],
  ]
  const inside = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$@"'
  await output(['unshare', '--mount', 'sh', '-c', inside, root, root, ...dracut], { limitMs: 10 * minutes })
  await copyFile(join(root, 'installed.img'), to)
  await rm(root, { recursive: true })
}

/** multipathd runs if rd.multipath=default is set, as on RHCOS. */
async function addMultipath(root: string, system: System): Promise<void> {
  const at = (path: string): string => join(root, path)
  await copyFile(here('dracut/mpathconf'), at('usr/sbin/mpathconf'))
  await chmod(at('usr/sbin/mpathconf'), 0o755)
  const units = 'usr/lib/systemd/system'
  const configure = 'multipathd-configure.service'
  await copyFile(
    join(system.root, 'usr/lib/dracut/modules.d/90multipath', configure),
    join(at(units), configure),
  )
  await copyFile(
    here('dracut/90-multipath-labels.rules'),
    at('usr/lib/udev/rules.d/90-multipath-labels.rules'),
  )
  await mkdir(at(`${units}/multipathd.service.d`), { recursive: true })
  await writeFile(
    at(`${units}/multipathd.service.d/rhcos.conf`),
    '[Unit]\nConditionPathExists=/etc/multipath.conf\n',
  )
  const wants = at(`${units}/sysinit.target.wants`)
  await mkdir(wants, { recursive: true })
  for (const name of [configure, 'multipathd.service']) await symlink(`../${name}`, join(wants, name))
}
