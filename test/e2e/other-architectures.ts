/**
 * Builds the images of machines with another architecture: Debian's kernel, and an initramfs with busybox that prints its
 * arguments and turns the machine off. The results are cached.
 */
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openIndex } from './debian-index.ts'
import { output } from './process.ts'

type Packages = { readonly debian: string; readonly kernel: string; readonly suites?: readonly string[] }

/** By the architecture of RHCOS. */
const packages = {
  aarch64: { debian: 'arm64', kernel: 'linux-image-arm64' },
  // GRUB 2.06 of Debian 12 damages its memory when it finds the network card of IBM Power (fixed in 2.12).
  ppc64le: {
    debian: 'ppc64el',
    kernel: 'linux-image-powerpc64le',
    suites: ['bookworm', 'bookworm-backports'],
  },
  s390x: { debian: 's390x', kernel: 'linux-image-s390x' },
} as const satisfies Record<string, Packages>

export type OtherArchitecture = keyof typeof packages

/** Modules of GRUB that its scripts need; the loader contains them, so it requests no further files. */
const grubModules = ['normal', 'configfile', 'linux', 'echo', 'test', 'sleep', 'search', 'search_fs_file', 'net', 'ofnet', 'tftp', 'http', 'reboot', 'regexp', 'true'] // prettier-ignore

const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "E2E arguments: $(/bin/busybox cat /proc/cmdline)"
/bin/busybox poweroff -f
`

/** Returns the directory of the image. */
export async function buildOtherImage(workDir: string, architecture: OtherArchitecture): Promise<string> {
  const { debian, kernel: metapackage, suites }: Packages = packages[architecture]
  const target = join(workDir, `${architecture}-image`)
  if (existsSync(target)) return target
  const work = join(workDir, `${architecture}-unfinished`)
  await rm(work, { recursive: true, force: true })
  const index = await openIndex(work, { architecture: debian, suites })
  const depends = await index.query('depends', metapackage)
  const kernelPackage = /linux-image-[\d.]+\S*/.exec(depends)?.[0]
  if (kernelPackage === undefined) throw new Error(`no kernel package: ${depends}`)
  const wanted = [kernelPackage, 'busybox-static']
  if (architecture === 'ppc64le') wanted.push('grub-ieee1275-bin/bookworm-backports')
  const root = await index.unpack(wanted)
  const image = join(work, 'image')
  await buildImage(image, root, architecture)
  await rename(image, target)
  await rm(work, { recursive: true })
  return target
}

async function buildImage(image: string, root: string, architecture: OtherArchitecture): Promise<void> {
  const release = `rhcos-4.17.0-${architecture}-live`
  await mkdir(image)
  const [kernel] = (await readdir(join(root, 'boot'))).filter((name) => /^vmlinu[xz]-/.test(name))
  if (kernel === undefined) throw new Error(`no kernel in ${root}`)
  await cp(join(root, 'boot', kernel), join(image, `${release}-kernel-${architecture}`))
  const live = join(image, '..', 'live')
  for (const name of ['bin', 'proc']) await mkdir(join(live, name), { recursive: true })
  await cp(join(root, 'bin/busybox'), join(live, 'bin/busybox'))
  await writeFile(join(live, 'init'), init)
  await chmod(join(live, 'init'), 0o755)
  const initramfs = join(image, `${release}-initramfs.${architecture}.img`)
  const pack = 'cd "$0" && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1 >"$1"'
  await output(['sh', '-c', pack, live, initramfs])
  await writeFile(join(image, `${release}-rootfs.${architecture}.img`), 'not read by this kernel\n')
  if (architecture !== 'ppc64le') return
  const modules = join(root, 'usr/lib/grub/powerpc-ieee1275')
  const options = ['-O', 'powerpc-ieee1275', '-d', modules, '-p', '/boot/grub', '-o', join(image, 'core.elf')]
  await output(['grub-mkimage', ...options, ...grubModules])
}
