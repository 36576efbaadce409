/** An undeclared machine with real firmware boots the inventory system, reports its hardware, and is adopted with its disk. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mac } from '../../../../src/proto/address/mac.ts'
import type { UnknownClient } from '../../../../src/serve/dhcp/unknown-clients.ts'
import { expect, expectEqual, expectMatch } from '../../expect.ts'
import { lastLines, output } from '../../process.ts'
import type { Rig } from '../../rig.ts'
import type { Check } from '../../runner.ts'
import { controlSocket, slipway } from '../../server.ts'
import { boot, diskName } from '../../vm.ts'
import { addClientAddress, flushClientAddresses } from '../client.ts'
import { reload } from '../reload.ts'

const mac = '52:54:00:00:00:98' as Mac
const address = '172.16.0.240'
const bootLimitMs = 180_000
const builder = join(import.meta.dirname, '../../../../packaging/inventory/build')

export const inventoryChecks: readonly Check[] = [
  {
    name: 'shapes: an undeclared machine boots the inventory system, reports its hardware, and is adopted',
    limitMs: 2 * bootLimitMs + 60_000,
    async run(rig) {
      const dir = join(rig.dir, 'inventory')
      const { kernelRoot, busybox } = rig.payload
      const modules = 'virtio_pci virtio_net virtio_blk'
      await output([builder, '--kernel', kernelRoot, '--busybox', busybox, '--modules', modules, dir], {
        limitMs: 120_000,
      })
      const files = `kernel: ${join(dir, 'vmlinuz')}, initrd: ${join(dir, 'initrd.img')}`
      const addresses = `addresses: { from: ${address}, to: 172.16.0.241 }`
      await reload(rig, { inventory: `{ ${addresses}, ${files}, kernelArguments: [console=ttyS0] }` })
      try {
        return await bootAndAdopt(rig, join(rig.dir, 'vm-inventory'))
      } finally {
        await reload(rig)
      }
    },
  },
]

async function bootAndAdopt(rig: Rig, dir: string): Promise<string> {
  const storageDir = join(dir, 'storage')
  const vm = { firmware: 'uefi', mac, tap: 'tap0', dir, storageDir, limitMs: bootLimitMs } as const
  const { outcome, console } = await boot(rig.network, vm)
  const text = console.map((line) => line.text).join('\n')
  expect(
    outcome === 'powered off',
    `${outcome}; last lines of the console (in ${dir}):\n${lastLines(text, 25)}`,
  )
  expectMatch(text, /slipway inventory: reported/, 'the console')
  const disk = await readFile(join(storageDir, diskName))
  expect(
    disk.every((byte) => byte === 0),
    'the inventory system wrote the disk',
  )

  const command = async (...args: string[]) => {
    const control = ['--control', controlSocket(rig.site.sitePath)]
    const { stdout, stderr, status } = await rig.run('server', slipway(...args, ...control))
    expect(status === 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const seen = JSON.parse(await command('nodes', 'seen', '--json')) as UnknownClient[]
  const report = seen.find((client) => client.mac === mac)?.inventory
  expect(report !== undefined, `no report of ${mac}`)
  expectEqual(report.interfaces[0]?.mac, mac, 'the MAC address in the report')
  expectEqual(report.disks[0]?.bytes, disk.length, 'the size of the disk in the report')
  expectEqual(report.uuid, '4c4c4544-0000-4000-8000-525400000098', 'the UUID in the report')
  expectMatch(await command('nodes', 'seen'), /disk \/dev\/vda, 64\.0 MiB/, 'the list of undeclared machines')
  const node = ['--name', 'w9', '--role', 'worker', '--address', '172.16.0.39', '--disk', 'reported']
  const diff = await command('node', 'adopt', ...node, '--dry-run', '--site', rig.site.sitePath, mac)
  expectMatch(diff, /\+.*name: w9.*disk: \/dev\/vda/, 'the entry of the site file')

  // This address has no lease.
  await addClientAddress(rig)
  const refused = await rig.run('client', [
    ...['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-d', JSON.stringify(report)],
    'http://172.16.0.101/inventory',
  ])
  await flushClientAddresses(rig)
  expectEqual(refused.stdout, '403', 'the report of a machine without a lease')
  return `${report.disks.length} disk, ${report.memoryMiB ?? 0} MiB`
}
