/**
 * GRUB as UEFI firmware starts it, with its own HTTP client (modules http and efinet): it compares the field names of
 * responses exactly, and waits forever if it does not recognize Content-Length.
 */
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import { output } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { sha256 } from '../site.ts'
import { boot, diskName } from '../vm.ts'

/** Not declared: what it reads belongs to no node. */
const machine = { mac: '52:54:00:00:00:98', address: '172.16.0.98' }
const modules = ['fat', 'normal', 'net', 'efinet', 'http', 'hashsum', 'gcry_sha256', 'serial', 'terminal', 'echo', 'halt', 'sleep'] // prettier-ignore
const limitMs = 150_000

export const grubCheck: Check = {
  name: 'firmware: GRUB reads the kernel and the initramfs over HTTP completely',
  limitMs: 2 * limitMs + 10_000,
  async run(rig) {
    const dir = join(rig.dir, 'vm-grub')
    const storageDir = join(rig.dir, 'vm-grub-disk')
    const { imagesDir } = rig.payload
    const files = (await readdir(imagesDir)).filter((name) => /-(?:kernel|initramfs)/.test(name))
    await createDisk(storageDir, configuration(rig, files))
    const { mac } = machine
    const done = await boot(rig.network, { firmware: 'disk', mac, tap: 'tap1', dir, storageDir, limitMs })
    const console = done.console.map(({ text }) => text).join('\n')
    expectEqual(done.outcome, 'powered off', `outcome; console:\n${console.slice(-2000)}`)
    for (const file of files) {
      expectMatch(console, new RegExp(sha256(await readFile(join(imagesDir, file)))), `SHA-256 of ${file}`)
    }
    await rm(storageDir, { recursive: true })
    return `${((done.endedMs - done.startedMs) / 1000).toFixed(1)} s`
  },
}

function configuration(rig: Rig, files: readonly string[]): string {
  const remote = (file: string) => `(http,${addresses.server})/images/${rig.site.image}/${file}`
  return [
    'serial --unit=0 --speed=115200',
    'terminal_output serial',
    `net_add_addr card efinet0 ${machine.address}`,
    ...files.map((file) => `hashsum --hash sha256 ${remote(file)}`),
    'halt',
    '',
  ].join('\n')
}

/** Creates a FAT disk from which UEFI firmware starts GRUB. */
async function createDisk(dir: string, grubConfiguration: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir)
  const file = (name: string): string => join(dir, name)
  await writeFile(file('grub.cfg'), grubConfiguration)
  const options = ['-O', 'x86_64-efi', '-p', '/grub', '-c', file('grub.cfg'), '-o', file('BOOTX64.EFI')]
  await output(['grub-mkimage', ...options, ...modules])
  await writeFile(file(diskName), '')
  await truncate(file(diskName), 64 * 1024 * 1024)
  await output(['mformat', '-i', file(diskName), '-F', '::'])
  await output(['mmd', '-i', file(diskName), '::EFI', '::EFI/BOOT'])
  await output(['mcopy', '-i', file(diskName), file('BOOTX64.EFI'), '::EFI/BOOT/BOOTX64.EFI'])
}
