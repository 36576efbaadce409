/**
 * A virtual machine in which NetworkManager applies networks: Debian's kernel with bonds and VLANs, which the kernel of this
 * machine may lack, and an initramfs with the programs and libraries of this machine (init).
 */
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect } from '../expect.ts'
import { copyModules, pack, type Payload } from '../payload.ts'
import { output, run } from '../process.ts'

/** One network in both forms. */
export type NetworkToApply = {
  readonly arguments: readonly string[]
  /** Contents by name of the file. */
  readonly keyfiles: Readonly<Record<string, string>>
  /** The state is read when the interfaces have these addresses. */
  readonly addresses: readonly string[]
}

const modules = ['bonding', '8021q', 'bridge', 'veth']
const programs = ['/usr/sbin/NetworkManager', '/usr/lib/NetworkManager/nm-initrd-generator', '/usr/bin/ip']

/**
 * Applies each network, first its arguments and then its keyfiles.
 *
 * @returns the lines of the console that start with `E2E`, without that word
 * @throws {Unexpected} if the machine does not end in time
 */
export async function applyNetworks(
  { kernelRoot, kernelRelease, busybox }: Payload,
  dir: string,
  networks: readonly NetworkToApply[],
  limitMs: number,
): Promise<string[]> {
  const root = join(dir, 'root')
  await rm(dir, { recursive: true, force: true })
  for (const name of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'usr/sbin', 'var/lib']) {
    await mkdir(join(root, name), { recursive: true })
  }
  await cp(busybox, join(root, 'bin/busybox'))
  await cp(join(import.meta.dirname, 'init'), join(root, 'init'))
  await chmod(join(root, 'init'), 0o755)
  await writeFile(join(root, 'etc/modules'), modules.join('\n'))
  for (const program of programs) await copyProgram(program, root)
  await copyModules(kernelRoot, root, kernelRelease, modules)
  for (const [index, network] of networks.entries()) {
    await writeNetwork(join(root, 'cases', String(index)), network)
  }
  const initramfs = join(dir, 'initramfs')
  await pack(root, initramfs)
  await rm(root, { recursive: true })

  const console = join(dir, 'console')
  const { stderr, isTimedOut } = await run(
    [
      ...'qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none -no-reboot'.split(' '),
      ...'-machine q35,accel=tcg,graphics=off -cpu max,la57=off -smp 1 -m 512'.split(' '),
      ...['-kernel', join(kernelRoot, 'boot', `vmlinuz-${kernelRelease}`), '-initrd', initramfs],
      ...['-append', 'console=ttyS0 quiet panic=-1', '-serial', `file:${console}`],
    ],
    { limitMs },
  )
  const lines = (await readFile(console, 'utf8')).split(/\r*\n/)
  const isComplete = lines.includes('E2E complete')
  expect(
    isComplete,
    `the machine did not end${isTimedOut ? ' in time' : ''}: ${stderr}${lines.slice(-5).join('\n')}`,
  )
  return lines.flatMap((line) => /^E2E (.*)/.exec(line)?.[1] ?? [])
}

/** Copies a program and the libraries that the dynamic loader finds for it. */
async function copyProgram(program: string, root: string): Promise<void> {
  const libraries = (await output(['ldd', program])).matchAll(/(?:=> |^\s*)(\/\S+)/gm)
  await cp(program, join(root, 'usr/sbin', basename(program)), { dereference: true })
  for (const [, library = ''] of libraries) {
    await mkdir(join(root, dirname(library)), { recursive: true })
    await cp(library, join(root, library), { dereference: true })
  }
}

async function writeNetwork(dir: string, network: NetworkToApply): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'arguments'), network.arguments.map((each) => `${each}\n`).join(''))
  await writeFile(join(dir, 'wanted'), network.addresses.join(' '))
  for (const [name, text] of Object.entries(network.keyfiles)) await writeFile(join(dir, name), text)
}
