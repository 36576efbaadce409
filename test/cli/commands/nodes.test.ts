import t from 'tap'
import { unknownClientLines } from '../../../src/cli/commands/nodes.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import type { UnknownClient } from '../../../src/serve/dhcp/unknown-clients.ts'

const now = Date.UTC(2026, 0, 1)
const stranger = (secondsAgo: number, more: Partial<UnknownClient>): UnknownClient => ({
  mac: '00:00:5e:00:53:01' as Mac,
  vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  architecture: 7,
  relay: undefined,
  firstSeen: now - secondsAgo * 1000,
  lastSeen: now - secondsAgo * 1000,
  count: 1,
  ...more,
})

t.test('each machine has a line, and a second one for further facts', (t) => {
  t.same(
    unknownClientLines(
      [
        stranger(12, { count: 3, uuid: '4c4c4544-0000-4000-8000-525400000099' }),
        stranger(300, {
          mac: '00:00:5e:00:53:02' as Mac,
          vendorClass: 'dhcpcd-9.4.1',
          architecture: undefined,
          hostName: 'old-web',
          relay: { address: '198.51.100.1', circuitId: 'Eth1/14', remoteId: '00:1b:54:00:00:01' },
        }),
        stranger(10_800, { vendorClass: '', architecture: 99, relay: { address: '198.51.100.1' } }),
        stranger(200_000, { similar: [{ node: 'ocp45/bs', mac: '00:00:5e:00:53:10' as Mac }] }),
      ],
      now,
    ),
    [
      'MAC                vendor class  architecture  last seen  requests',
      '00:00:5e:00:53:01  PXEClient     7 (x64 UEFI)  12 s ago   3',
      '  UUID 4c4c4544-0000-4000-8000-525400000099',
      '00:00:5e:00:53:02  dhcpcd-9.4.1  -             5 min ago  1',
      '  host name old-web, through relay agent 198.51.100.1, circuit Eth1/14, remote 00:1b:54:00:00:01',
      '00:00:5e:00:53:01  -             99            3 h ago    1',
      '  through relay agent 198.51.100.1',
      '00:00:5e:00:53:01  PXEClient     7 (x64 UEFI)  2 d ago    1',
      '  ! similar to ocp45/bs (00:00:5e:00:53:10): correct the MAC address in the site file if this is the machine',
      '',
      'To write one into the site file: slipway node adopt --name NAME --role ROLE --address ADDRESS MAC',
    ],
  )
  t.end()
})

t.test('what a machine reported in an inventory boot follows its other facts', (t) => {
  const report = {
    version: 1 as const,
    interfaces: [{ name: 'eth0', mac: '00:00:5e:00:53:01' as Mac }],
    disks: [],
    receivedAt: now,
  } as unknown as NonNullable<UnknownClient['inventory']>
  const lines = unknownClientLines([stranger(12, { uuid: 'u', inventory: report })], now)
  t.same(lines.slice(2, 4), ['  UUID u', '  interface eth0 00:00:5e:00:53:01'])
  t.end()
})

t.test('an empty list is a sentence', (t) => {
  t.same(unknownClientLines([], now), ['no undeclared machine sent a DHCP request'])
  t.end()
})
