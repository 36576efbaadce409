/**
 * Builds the three files that a node fetches, under the file names of RHCOS: Debian's kernel, an initramfs with Ignition
 * (initramfs/init), and a rootfs (squashfs) with coreos-installer, its own units, and the disk image that it writes.
 */
import { chmod, copyFile, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { output } from '../process.ts'
import { cached, source } from './cache.ts'
import { buildInstaller, installerVersion } from './installer.ts'
import type { Kubernetes } from './kubernetes.ts'
import { buildMetalImage, sizeInMebibytes } from './metal-image.ts'
import { addLoopbackPlugin, buildSystem, copySystem } from './system.ts'

const release = 'rhcos-4.17.0-x86_64-live'
const names = {
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

/** Returns the directory of the three files. */
export async function buildImages({ kubelet }: Pick<Kubernetes, 'kubelet'>): Promise<string> {
  const installer = await buildInstaller()
  const system = await buildSystem()
  return cached({
    name: 'images',
    inputs: [kubelet, installer.program, system.root],
    files: [
      ...['images.ts', 'system.ts', 'metal-image.ts', 'grub.cfg', 'initramfs/init', 'initramfs/lease'].map(
        source,
      ),
    ],
    async build(work) {
      const at = (name: string): string => join(work, name)
      const intermediate = at('work')
      await mkdir(intermediate)
      await copyFile(join(system.root, 'boot', `vmlinuz-${system.kernel}`), at(names.kernel))
      await buildInitramfs(join(intermediate, 'initramfs'), at(names.initramfs), system)

      const installed = join(intermediate, 'installed')
      await copySystem(system, installed)
      await addLoopbackPlugin(system, installed)
      await copyFile(kubelet, join(installed, 'usr/bin/kubelet'))
      for (const path of ['etc/kubernetes', 'etc/cni/net.d', 'var/lib/kubelet', 'etc/containerd', 'boot']) {
        await mkdir(join(installed, path), { recursive: true })
      }
      await writeFile(
        join(installed, 'etc/containerd/config.toml'),
        'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "/usr/lib/cni"\n',
      )
      const metal = join(intermediate, 'metal.raw')
      const sources = { kernel: at(names.kernel), initramfs: at(names.initramfs), root: installed }
      await buildMetalImage(intermediate, metal, sources)

      const live = join(intermediate, 'live')
      await copySystem(system, live)
      const inLive = (path: string): string => join(live, path)
      for (const path of ['usr/bin/containerd', 'usr/bin/containerd-shim-runc-v2', 'usr/sbin/runc']) {
        await rm(inLive(path))
      }
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
      const options = ['-comp', 'lz4', '-no-progress', '-quiet', '-noappend', '-no-xattrs']
      await output(['mksquashfs', live, at(names.rootfs), ...options], { limitMs: 10 * minutes })
      await rm(intermediate, { recursive: true })
      await chmod(work, 0o755)
      const [rootfs, initramfs] = [names.rootfs, names.initramfs].map((name) => sizeInMebibytes(at(name)))
      console.log(
        `tools  rootfs of ${await rootfs} MiB with coreos-installer ${installerVersion}, initramfs of ${await initramfs} MiB`,
      )
    },
  })
}

async function buildInitramfs(
  dir: string,
  to: string,
  { root, kernel }: { readonly root: string; readonly kernel: string },
): Promise<void> {
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
