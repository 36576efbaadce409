/**
 * Builds the images that the virtual machines boot: Debian's kernel under the name of an RHCOS kernel, an initramfs with
 * busybox that checks its environment (initramfs/init), and a rootfs whose hash is in the initramfs: the disk image that
 * it can write. The packages are unpacked, never installed. The result is cached under a hash of all inputs.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { buildInstalledDisk } from './installed-disk.ts'
import { output, run, shellQuote } from './process.ts'

export type Payload = {
  /** Directory with the three files, under the file names of RHCOS. */
  readonly imagesDir: string
  readonly rootfs: string
  /** Clients that the checks run on this machine, from unpacked packages. */
  readonly busybox: string
  readonly dhclient: string
  /** ISC's relay agent. */
  readonly dhcrelay: string
  /** Directory with shim and GRUB, signed for Secure Boot, under the names of Debian. */
  readonly signedDir: string
  /** The unpacked package of the kernel, with all its modules. */
  readonly kernelRoot: string
  readonly kernelRelease: string
}

const release = 'rhcos-4.17.0-x86_64-live'
const kernelName = `${release}-kernel-x86_64`
const initramfsName = `${release}-initramfs.x86_64.img`
const rootfsName = `${release}-rootfs.x86_64.img`

/** Kernel modules of the virtual machines; their dependencies are added. */
const modules = ['virtio_pci', 'virtio_net', 'virtio_blk', 'virtio-rng']
const minutes = 60_000

/** Signed by Microsoft or Debian: package, and path in it. */
const signedFiles = [
  ['shim-signed', 'usr/lib/shim/shimx64.efi.signed'],
  ['shim-helpers-amd64-signed', 'usr/lib/shim/mmx64.efi.signed'],
  ['grub-efi-amd64-signed', 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'],
  ['grub-efi-amd64-signed', 'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'],
] as const

export async function buildPayload(workDir: string): Promise<Payload> {
  const kernelPackage = await dependencyOf('linux-image-amd64', 'linux-image-')
  const kernelRoot = await unpack(workDir, kernelPackage)
  const kernelRelease = kernelPackage.slice('linux-image-'.length)
  const busybox = join(await unpack(workDir, 'busybox-static'), 'bin/busybox')
  const dhclient = await unpackDhclient(workDir)
  const dhcrelay = await unpackDhcrelay(workDir)

  const signedDir = join(workDir, 'signed')
  await mkdir(signedDir, { recursive: true })
  for (const [name, file] of signedFiles) {
    const from = join(await unpack(workDir, name), file)
    await cp(from, join(signedDir, file.slice(file.lastIndexOf('/') + 1)))
  }

  const own = [import.meta.filename, join(import.meta.dirname, 'installed-disk.ts')]
  const sources = [...own, source('init'), source('udhcpc'), busybox]
  const key = createHash('sha256').update(kernelPackage)
  for (const file of sources) key.update(await readFile(file))
  const imagesDir = join(workDir, 'images', key.digest('hex').slice(0, 16))
  if (!existsSync(imagesDir)) {
    await mkdir(join(workDir, 'images'), { recursive: true })
    const unfinished = await mkdtemp(join(workDir, 'images', 'unfinished-'))
    await buildImages(unfinished, kernelRoot, busybox, signedDir)
    await chmod(unfinished, 0o755)
    await rename(unfinished, imagesDir)
  }
  const rootfs = join(imagesDir, rootfsName)
  return { imagesDir, rootfs, busybox, dhclient, dhcrelay, signedDir, kernelRoot, kernelRelease }
}

/** Returns the path of ISC dhclient, which is unpacked and not installed. */
export async function unpackDhclient(workDir: string): Promise<string> {
  return join(await unpack(workDir, 'isc-dhcp-client'), 'sbin/dhclient')
}

/** Returns the path of ISC dhcrelay, which is unpacked and not installed. */
export async function unpackDhcrelay(workDir: string): Promise<string> {
  return join(await unpack(workDir, 'isc-dhcp-relay'), 'sbin/dhcrelay')
}

async function buildImages(
  dir: string,
  kernelRoot: string,
  busybox: string,
  signedDir: string,
): Promise<void> {
  const [kernel] = (await readdir(join(kernelRoot, 'boot'))).filter((name) => name.startsWith('vmlinuz-'))
  if (kernel === undefined) throw new Error(`no kernel in ${kernelRoot}/boot`)
  const release = kernel.slice('vmlinuz-'.length)
  await cp(join(kernelRoot, 'boot', kernel), join(dir, kernelName))

  const root = join(dir, 'root')
  for (const name of ['bin', 'lib', 'dev', 'proc', 'sys', 'tmp', 'etc'])
    await mkdir(join(root, name), { recursive: true })
  await joinUsr(root)
  await cp(busybox, join(root, 'bin/busybox'))
  await cp(source('init'), join(root, 'init'))
  await cp(source('udhcpc'), join(root, 'etc/udhcpc'))
  await writeFile(join(root, 'etc/modules'), modules.join('\n'))
  await copyModules(kernelRoot, root, release, modules)

  // The installed system has the same initramfs, but only the live one has the hash of a rootfs.
  const initramfs = join(dir, initramfsName)
  await pack(root, initramfs)
  const rootfs = await buildInstalledDisk(join(dir, 'disk'), join(dir, kernelName), initramfs, signedDir)
  await writeFile(join(dir, rootfsName), rootfs)
  await writeFile(join(root, 'etc/rootfs.sha256'), createHash('sha256').update(rootfs).digest('hex'))
  await pack(root, initramfs)
  await rm(root, { recursive: true })
}

export async function pack(root: string, initramfs: string): Promise<void> {
  await output([
    ...['sh', '-c', 'cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1 >"$2"'],
    ...['sh', root, initramfs],
  ])
}

/** Copies the modules and their dependencies, uncompressed, because modprobe of busybox cannot read .ko.xz. */
export async function copyModules(
  kernelRoot: string,
  root: string,
  release: string,
  modules: readonly string[],
): Promise<void> {
  await output(['depmod', '-b', kernelRoot, release], { limitMs: 2 * minutes })
  const from = join(kernelRoot, 'lib/modules', release)
  const to = join(root, 'lib/modules', release)
  const { stdout } = await run(['modprobe', '-d', kernelRoot, '-S', release, '-a', '-D', ...modules])
  const files = stdout.split('\n').flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? [])
  if (files.length < modules.length)
    throw new Error(`modprobe found fewer than ${modules.length} modules: ${stdout}`)
  await mkdir(to, { recursive: true })
  for (const file of new Set(files)) {
    await cp(file, join(to, file.slice(file.lastIndexOf('/') + 1)))
  }
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    await cp(join(from, name), join(to, name))
  }
  await output([
    'sh',
    '-c',
    `cd ${shellQuote(to)} && for file in *.ko.xz; do [ ! -e "$file" ] || xz -d "$file"; done`,
  ])
  await output(['depmod', '-b', root, release])
}

/** Returns the versioned package that a metapackage depends on. */
async function dependencyOf(name: string, prefix: string): Promise<string> {
  const command = ['apt-cache', 'depends', '--important', name]
  const read = async (): Promise<string | undefined> =>
    new RegExp(`Depends: (${prefix}\\S+)`).exec((await run(command)).stdout)?.[1]
  const found = (await read()) ?? (await updateLists(), await read())
  if (found === undefined)
    throw new Error(`apt-cache found no dependency of ${name} that starts with ${prefix}`)
  return found
}

/** Downloads a package and unpacks it under the working directory, unless it is there already. */
async function unpack(workDir: string, name: string): Promise<string> {
  const dir = join(workDir, 'packages', name)
  if (existsSync(dir)) return dir
  await mkdir(join(workDir, 'packages'), { recursive: true })
  const unfinished = await mkdtemp(join(workDir, 'packages', 'unfinished-'))
  const download = ['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', name]
  const first = await run(download, { cwd: unfinished, limitMs: 5 * minutes })
  if (first.status !== 0) {
    await updateLists()
    await output(download, { cwd: unfinished, limitMs: 5 * minutes })
  }
  const [archive] = (await readdir(unfinished)).filter((file) => file.endsWith('.deb'))
  if (archive === undefined) throw new Error(`apt-get downloaded no ${name}`)
  await output(['dpkg-deb', '-x', join(unfinished, archive), unfinished], { limitMs: 5 * minutes })
  await rm(join(unfinished, archive))
  await joinUsr(unfinished)
  await rename(unfinished, dir)
  return dir
}

/** Makes /bin, /sbin and /lib the same as those under /usr: releases of Debian differ in where packages have them. */
async function joinUsr(root: string): Promise<void> {
  await mkdir(join(root, 'usr'), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib']) {
    const [short, long] = [join(root, name), join(root, 'usr', name)]
    if (existsSync(long) && !existsSync(short)) await symlink(`usr/${name}`, short)
    if (existsSync(short) && !existsSync(long)) await symlink(`../${name}`, long)
  }
}

async function updateLists(): Promise<void> {
  await output(['apt-get', 'update', '-q'], { limitMs: 5 * minutes })
}

function source(name: string): string {
  return join(import.meta.dirname, 'initramfs', name)
}
