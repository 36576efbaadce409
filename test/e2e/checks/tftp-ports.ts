/**
 * TFTP's other ways to answer, with a real firewall and real NAT in between, and every client fetching a loader
 * through them. Each way is first seen to be needed: with a port per transfer the same fetch fails there.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual } from '../expect.ts'
import { addresses, innerNetwork, type Place } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { sha256 } from '../site.ts'
import { settleClient } from './client.ts'
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

/** Lets in nothing but what comes from `ports`. */
const firewall = (ports: string): string =>
  'add table ip slipway; ' +
  'add chain ip slipway input { type filter hook input priority 0; policy drop; }; ' +
  `add rule ip slipway input udp sport ${ports} accept`

const masquerade =
  'add table ip slipway; ' +
  'add chain ip slipway behind { type nat hook postrouting priority srcnat; }; ' +
  `add rule ip slipway behind ip saddr ${innerNetwork} masquerade`

type Way = {
  readonly name: string
  readonly rules: string
  readonly tftp: string
  readonly from: Place
  readonly atOnce: number
}

const ways: readonly Way[] = [
  {
    name: 'a firewall that knows a range of ports',
    rules: firewall(`${range.from}-${range.to}`),
    tftp: `{ ports: { from: ${range.from}, to: ${range.to} } }`,
    from: 'client',
    // A quarter of the range is one machine's.
    atOnce: 8,
  },
  {
    name: 'a firewall that knows port 69 only',
    rules: firewall('69'),
    tftp: '{ singlePort: true }',
    from: 'client',
    atOnce: 12,
  },
  {
    name: 'NAT that does not follow TFTP',
    rules: masquerade,
    tftp: '{ singlePort: true }',
    from: 'inner',
    atOnce: 24,
  },
]

export const tftpPortChecks: readonly Check[] = ways.map(({ name, rules, tftp, from, atOnce }): Check => ({
  name: `tftp-ports: ${name}`,
  limitMs: 120_000,
  async run(rig) {
    await settleClient(rig)
    const digest = sha256(await readFile(loaderFile))
    try {
      const set = await rig.at('client', ['nft', rules])
      expectEqual(set.status, 0, `nft (${set.stderr})`)
      const usual = await rig.at(from, ['curl', '-sS', '-m', '3', '-o', '/dev/null', url])
      expect(usual.status !== 0, 'a port per transfer comes through, so this shows nothing')

      await reload(rig, { tftp })
      for (const [client, command] of clients) {
        const { status, stderr } = await fetchInto(rig, from, command, 'tftp.download', digest)
        expectEqual(status, 0, `${client}: exit code (${stderr.trim()})`)
      }
      const [, curl] = clients[0] as Client
      const many = Array.from({ length: atOnce }, (_, index) =>
        fetchInto(rig, from, curl, `tftp.${index}`, digest),
      )
      for (const { status, stderr } of await Promise.all(many)) expectEqual(status, 0, stderr.trim())
      return `${clients.map(([client]) => client).join(', ')}; ${atOnce} at once`
    } finally {
      await rig.at('client', ['nft', 'flush ruleset'])
      await reload(rig)
    }
  },
}))

async function fetchInto(rig: Rig, from: Place, command: Client[1], file: string, digest: string) {
  const into = join(rig.dir, file)
  await rm(into, { force: true })
  const ended = await rig.at(from, command(rig, into))
  if (ended.status === 0) expectEqual(sha256(await readFile(into)), digest, `SHA-256 of ${file}`)
  await rm(into, { force: true })
  return ended
}
