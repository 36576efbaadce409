/**
 * The three files that a machine fetches, under the file names of RHCOS: Debian's kernel, an initramfs with Ignition
 * (initramfs/init), and a rootfs (squashfs) with coreos-installer, its own units, and the disk image that it writes.
 */
import { chmod, copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { output } from '../process.ts'
import { source } from './cache.ts'
import { installerVersion, type Installer } from './installer.ts'
import { sizeInMebibytes } from './metal-image.ts'
import type { System } from './system.ts'

const release = 'rhcos-4.17.0-x86_64-live'
export const imageNames = {
  kernel: `${release}-kernel-x86_64`,
  initramfs: `${release}-initramfs.x86_64.img`,
  rootfs: `${release}-rootfs.x86_64.img`,
} as const
const minutes = 60_000

const modules = [
  ...['virtio_pci', 'virtio_net', 'virtio_scsi', 'virtio_rng', 'sd_mod'],
  ...['ext4', 'squashfs', 'overlay', 'loop'],
]

/** Where Debian has the program. */
const ignition = '/usr/lib/dracut/modules.d/30ignition/ignition'

/** What these files depend on, for the cache. */
export const liveSources: readonly string[] = [
  ...['live.ts', 'system.ts', 'metal-image.ts', 'initramfs/init', 'initramfs/lease'].map(source),
]

/** Adds coreos-installer with its units and the disk image to a live system. */
export async function addInstaller(live: string, installer: Installer, metal: string): Promise<void> {
  const inLive = (path: string): string => join(live, path)
  await copyFile(installer.program, inLive('usr/bin/coreos-installer'))
  await cp(installer.scriptsDir, inLive('usr/libexec'), { recursive: true })
  for (const name of await readdir(installer.unitsDir)) {
    const isUnit = /\.(?:service|target)$/.test(name)
    const to = inLive(isUnit ? 'usr/lib/systemd/system' : 'usr/lib/systemd/system-generators')
    await copyFile(join(installer.unitsDir, name), join(to, name))
    if (!isUnit) await chmod(join(to, name), 0o755)
  }
  for (const name of await readdir(installer.scriptsDir)) {
    await chmod(join(inLive('usr/libexec'), name), 0o755)
  }
  await mkdir(inLive('etc/coreos/installer.d'), { recursive: true })
  await mkdir(inLive('usr/share/coreos'), { recursive: true })
  await cp(metal, inLive('usr/share/coreos/metal.raw'))
  // Instead of the image that the live system of RHCOS reads from its own medium; it has no signature.
  await writeFile(
    inLive('etc/coreos/installer.d/image.yaml'),
    'image-file: /usr/share/coreos/metal.raw\ninsecure: true\n',
  )
}

/** Packs a live system, and prints the sizes of the files. @param dir with the other two files */
export async function packRootfs(live: string, dir: string): Promise<void> {
  const at = (name: string): string => join(dir, name)
  const options = ['-comp', 'lz4', '-no-progress', '-quiet', '-noappend', '-no-xattrs']
  await output(['mksquashfs', live, at(imageNames.rootfs), ...options], { limitMs: 10 * minutes })
  await chmod(dir, 0o755)
  const [rootfs, initramfs] = [imageNames.rootfs, imageNames.initramfs].map((name) =>
    sizeInMebibytes(at(name)),
  )
  console.log(
    `tools  rootfs of ${await rootfs} MiB with coreos-installer ${installerVersion}, initramfs of ${await initramfs} MiB`,
  )
}

/** @param dir directory for intermediate files */
export async function buildInitramfs(dir: string, to: string, { root, kernel }: System): Promise<void> {
  const at = (path: string): string => join(dir, path)
  for (const path of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'lib', 'lib64', 'usr/lib']) {
    await mkdir(at(path), { recursive: true })
  }
  const programs = { init: source('initramfs/init'), 'bin/lease': source('initramfs/lease') }
  for (const [path, from] of Object.entries(programs)) {
    await copyFile(from, at(path))
    await chmod(at(path), 0o755)
  }
  await copyFile('/bin/busybox', at('bin/busybox'))
  await copyFile(join(root, ignition), at('bin/ignition'))
  await copyFile(join(root, 'usr/bin/curl'), at('bin/curl'))
  // Ignition labels files for SELinux, which this system does not have.
  await writeFile(at('bin/setfiles'), '#!/bin/busybox sh\ncat >/dev/null\n')
  await chmod(at('bin/setfiles'), 0o755)

  const inserted: string[] = []
  for (const name of modules) {
    const listed = await output(['chroot', root, 'modprobe', '-S', kernel, '--show-depends', name])
    for (const [, path] of listed.matchAll(/^insmod (\S+)/gm)) {
      if (path !== undefined && !inserted.includes(path)) inserted.push(path)
    }
  }
  await writeFile(at('lib/modules.order'), `${inserted.join('\n')}\n`)
  const libraries = await output(['chroot', root, 'ldd', ignition, '/usr/bin/curl'])
  const shared = [...libraries.matchAll(/(\/lib\S*\.so\S*)/g)].flatMap(([, path]) => path ?? [])
  for (const path of [...inserted, ...new Set(shared)]) {
    await mkdir(dirname(at(path)), { recursive: true })
    await output(['cp', '-L', join(root, path), at(path)])
  }
  await output(['sh', '-c', 'cd "$0" && find . | cpio --quiet -o -H newc | zstd -q -3 >"$1"', dir, to])
}
