/** The images that a node of a cluster is installed with: its system has a kubelet and containerd. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, source } from './cache.ts'
import { buildInstaller } from './installer.ts'
import type { Kubernetes } from './kubernetes.ts'
import { addInstaller, buildInitramfs, imageNames, liveSources, packRootfs } from './live.ts'
import { buildMetalImage } from './metal-image.ts'
import { addLoopbackPlugin, buildSystem, copySystem } from './system.ts'

/** Returns the directory of the three files. */
export async function buildImages({ kubelet }: Pick<Kubernetes, 'kubelet'>): Promise<string> {
  const installer = await buildInstaller()
  const system = await buildSystem()
  return cached({
    name: 'images',
    inputs: [kubelet, installer.program, system.root],
    files: [...liveSources, ...['images.ts', 'grub.cfg'].map(source)],
    async build(work) {
      const at = (name: string): string => join(work, name)
      const intermediate = at('work')
      await mkdir(intermediate)
      await copyFile(join(system.root, 'boot', `vmlinuz-${system.kernel}`), at(imageNames.kernel))
      await buildInitramfs(join(intermediate, 'initramfs'), at(imageNames.initramfs), system)

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
      await buildMetalImage(intermediate, metal, {
        root: installed,
        kernel: at(imageNames.kernel),
        initramfs: at(imageNames.initramfs),
        grub: source('grub.cfg'),
      })

      const live = join(intermediate, 'live')
      await copySystem(system, live)
      for (const path of ['usr/bin/containerd', 'usr/bin/containerd-shim-runc-v2', 'usr/sbin/runc']) {
        await rm(join(live, path))
      }
      await addInstaller(live, installer, metal)
      await packRootfs(live, work)
      await rm(intermediate, { recursive: true })
    },
  })
}
