/**
 * Builds the image of machines with 64-bit ARM: Debian's kernel, and an initramfs with busybox that prints its arguments and
 * turns the machine off. The packages come from Debian's index for arm64, which does not touch the package manager of this
 * machine. The result is cached.
 */
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from './process.ts'

const release = 'rhcos-4.17.0-aarch64-live'
const minutes = 60_000

const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "E2E arguments: $(/bin/busybox cat /proc/cmdline)"
/bin/busybox poweroff -f
`

/** Returns the directory of the image. */
export async function buildArmImage(workDir: string): Promise<string> {
  const target = join(workDir, 'arm-image')
  if (existsSync(target)) return target
  const work = join(workDir, 'arm-unfinished')
  await rm(work, { recursive: true, force: true })
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  await mkdir(join(work, 'archives/partial'), { recursive: true })
  const apt = (...command: string[]) => [
    ...['env', `APT_CONFIG=${join(work, 'apt.conf')}`, 'sh', '-c', 'cd "$0" && exec "$@"', work],
    ...command,
  ]
  await writeFile(join(work, 'apt.conf'), aptConfiguration(work))
  await output(apt('apt-get', 'update', '-q'), { limitMs: 5 * minutes })
  const depends = await output(apt('apt-cache', 'depends', 'linux-image-arm64'))
  const kernelPackage = /linux-image-[\d.]+\S*/.exec(depends)?.[0]
  if (kernelPackage === undefined) throw new Error(`no kernel package: ${depends}`)
  await output(apt('apt-get', 'download', '-q', kernelPackage, 'busybox-static'), { limitMs: 5 * minutes })
  const root = join(work, 'root')
  for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb')))
    await output(['dpkg-deb', '-x', join(work, file), root], { limitMs: minutes })
  const image = join(work, 'image')
  await buildImage(image, root)
  await rename(image, target)
  await rm(work, { recursive: true })
  return target
}

async function buildImage(image: string, root: string): Promise<void> {
  await mkdir(image)
  const [kernel] = (await readdir(join(root, 'boot'))).filter((name) => name.startsWith('vmlinuz-'))
  if (kernel === undefined) throw new Error(`no kernel in ${root}`)
  await cp(join(root, 'boot', kernel), join(image, `${release}-kernel-aarch64`))
  const live = join(image, '..', 'live')
  for (const name of ['bin', 'proc']) await mkdir(join(live, name), { recursive: true })
  await cp(join(root, 'bin/busybox'), join(live, 'bin/busybox'))
  await writeFile(join(live, 'init'), init)
  await chmod(join(live, 'init'), 0o755)
  const initramfs = join(image, `${release}-initramfs.aarch64.img`)
  const pack = 'cd "$0" && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1 >"$1"'
  await output(['sh', '-c', pack, live, initramfs])
  await writeFile(join(image, `${release}-rootfs.aarch64.img`), 'not read by this kernel\n')
}

function aptConfiguration(work: string): string {
  return `\
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
Dir::State::lists "${join(work, 'lists')}";
Dir::State::status "/dev/null";
Dir::Cache "${work}";
`
}
