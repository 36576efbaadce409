/**
 * The port settings of TFTP with a firewall or NAT between server and clients. Each client fetches a loader. Each check first
 * shows that the setting is needed: the same transfer fails with one port per transfer.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual } from '../expect.ts'
import { addresses, innerNetwork, type Namespace } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { sha256 } from '../site.ts'
import { addClientAddress } from './client.ts'
import { reload } from './reload.ts'

const loader = 'efi/ipxe.efi'
const loaderFile = '/usr/lib/ipxe/ipxe.efi'
const url = `tftp://${addresses.server}/${loader}`
const range = { from: 30_000, to: 30_031 } as const

type Client = readonly [name: string, command: (rig: Rig, into: string) => readonly string[]]

const clients: readonly Client[] = [
  ['curl', (_, into) => ['curl', '-sS', '-m', '20', '--tftp-blksize', '1428', '-o', into, url]],
  ['tftp-hpa', (_, into) => ['tftp', '-m', 'binary', addresses.server, '-c', 'get', loader, into]],
  [
    'atftp with windowsize',
    (_, into) => [
      ...['atftp', '--option', 'blksize 1428', '--option', 'windowsize 8'],
      ...['-g', '-r', loader, '-l', into, addresses.server],
    ],
  ],
  [
    'busybox',
    (rig, into) => [
      ...[rig.payload.busybox, 'tftp', '-g', '-b', '1400'],
      ...['-r', loader, '-l', into, addresses.server],
    ],
  ],
]

/** Returns rules that accept only packets from these UDP ports. */
const firewall = (ports: string): string =>
  'add table ip slipway; ' +
  'add chain ip slipway input { type filter hook input priority 0; policy drop; }; ' +
  `add rule ip slipway input udp sport ${ports} accept`

const masquerade =
  'add table ip slipway; ' +
  'add chain ip slipway behind { type nat hook postrouting priority srcnat; }; ' +
  `add rule ip slipway behind ip saddr ${innerNetwork} masquerade`

type Setting = {
  readonly name: string
  readonly rules: string
  readonly tftp: string
  readonly from: Namespace
  readonly concurrent: number
}

const settings: readonly Setting[] = [
  {
    name: 'a firewall that allows a range of ports',
    rules: firewall(`${range.from}-${range.to}`),
    tftp: `{ ports: { from: ${range.from}, to: ${range.to} } }`,
    from: 'client',
    // One machine can use a quarter of the range.
    concurrent: 8,
  },
  {
    name: 'a firewall that allows only port 69',
    rules: firewall('69'),
    tftp: '{ singlePort: true }',
    from: 'client',
    concurrent: 12,
  },
  {
    name: 'NAT without a TFTP helper',
    rules: masquerade,
    tftp: '{ singlePort: true }',
    from: 'inner',
    concurrent: 24,
  },
]

export const tftpPortChecks: readonly Check[] = settings.map(
  ({ name, rules, tftp, from, concurrent }): Check => ({
    name: `tftp-ports: ${name}`,
    limitMs: 120_000,
    async run(rig) {
      await addClientAddress(rig)
      const digest = sha256(await readFile(loaderFile))
      try {
        const set = await rig.run('client', ['nft', rules])
        expectEqual(set.status, 0, `nft (${set.stderr})`)
        const transfer = await rig.run(from, ['curl', '-sS', '-m', '3', '-o', '/dev/null', url])
        expect(
          transfer.status !== 0,
          'the transfer succeeds with one port per transfer, so the setting is not needed',
        )

        await reload(rig, { tftp })
        for (const [client, command] of clients) {
          const { status, stderr } = await fetchInto(rig, from, command, 'tftp.download', digest)
          expectEqual(status, 0, `${client}: exit code (${stderr.trim()})`)
        }
        const [, curl] = clients[0] as Client
        const many = Array.from({ length: concurrent }, (_, index) =>
          fetchInto(rig, from, curl, `tftp.${index}`, digest),
        )
        for (const { status, stderr } of await Promise.all(many)) expectEqual(status, 0, stderr.trim())
        return `${clients.map(([client]) => client).join(', ')}; ${concurrent} concurrent transfers`
      } finally {
        await rig.run('client', ['nft', 'flush ruleset'])
        await reload(rig)
      }
    },
  }),
)

async function fetchInto(rig: Rig, from: Namespace, command: Client[1], file: string, digest: string) {
  const into = join(rig.dir, file)
  await rm(into, { force: true })
  const ended = await rig.run(from, command(rig, into))
  if (ended.status === 0) expectEqual(sha256(await readFile(into)), digest, `SHA-256 of ${file}`)
  await rm(into, { force: true })
  return ended
}
