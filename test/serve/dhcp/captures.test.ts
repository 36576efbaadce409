import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { observationOf } from '../../../src/serve/dhcp/observe.ts'
import { ask, replyFrom } from '../../support/dhcp-ask.ts'
import { captured, captureModel, captures } from '../../support/dhcp-captures.ts'

const { plan } = compileDhcp(captureModel())

const script = 'http://172.16.0.101/boot/ocp4/master-1/boot.ipxe'
const ipxe = {
  node: 'ocp4/master-1',
  bootFile: script,
  codes: [53, 54, 51, 61, 1, 67, 175, 97, 3, 6, 12, 15],
}
const ovmf = {
  node: 'ocp4/master-1',
  architecture: 7,
  bootFile: 'efi/snponly.efi',
  codes: [53, 54, 51, 1, 67, 66, 97, 3, 6, 12, 15, 28, 42, 58, 59],
}
const ovmfHttp = {
  node: 'ocp4/master-1',
  architecture: 16,
  bootFile: 'http://172.16.0.101/loaders/efi/snponly.efi',
  codes: [53, 54, 51, 1, 60, 67, 97, 3, 6, 12, 15, 28, 42, 58, 59],
}
const udhcpc = { bootFile: undefined, codes: [53, 54, 51, 61, 1, 3, 6, 12, 15, 28, 42] }
const dhclient = {
  node: 'cli-1.ocp4.lab.local',
  bootFile: undefined,
  codes: [53, 54, 51, 1, 28, 3, 15, 6, 12, 42],
}
const dhcpcd = { bootFile: undefined, codes: [53, 54, 51, 61, 1, 3, 6, 12, 15, 28, 42, 58, 59] }

type Expected = {
  readonly kind: string
  readonly state?: string
  readonly node?: string
  readonly architecture?: number
  readonly bootFile?: string | undefined
  readonly reason?: string
  readonly to?: string
  readonly codes?: readonly number[]
}
const everybody = '255.255.255.255'
const offered = { kind: 'offered', to: everybody }
const selected = { kind: 'acknowledged', state: 'selecting', to: everybody }

/** The result for each client's message. */
const answers: Readonly<Record<string, Expected>> = {
  'OVMF PXE DISCOVER': { ...offered, ...ovmf },
  'OVMF PXE REQUEST': { ...selected, ...ovmf },
  'OVMF PXE DISCOVER, MAC not declared': {
    kind: 'unknown-client',
    architecture: 7,
    reason: 'no reservation for 52:54:00:00:00:99 on 172.16.0.0/24',
  },
  'OVMF HTTP Boot DISCOVER': { ...offered, ...ovmfHttp },
  'OVMF HTTP Boot REQUEST': { ...selected, ...ovmfHttp },
  'iPXE EFI DISCOVER': { ...offered, ...ipxe, architecture: 7 },
  'iPXE EFI REQUEST': { ...selected, ...ipxe, architecture: 7 },
  'iPXE EFI (e1000 ROM) DISCOVER': { ...offered, ...ipxe, architecture: 7 },
  'iPXE EFI (e1000 ROM) REQUEST': { ...selected, ...ipxe, architecture: 7 },
  'iPXE BIOS (e1000 ROM) DISCOVER': { ...offered, ...ipxe, architecture: 0 },
  'iPXE BIOS (e1000 ROM) REQUEST': { ...selected, ...ipxe, architecture: 0 },
  'iPXE BIOS (undionly) DISCOVER': { ...offered, ...ipxe, architecture: 0 },
  'iPXE BIOS (undionly) REQUEST': { ...selected, ...ipxe, architecture: 0 },
  'iPXE BIOS as a PXE ROM (user class PXEROM) DISCOVER': { ...offered, ...ipxe, architecture: 0 },
  'iPXE BIOS as a PXE ROM (user class PXEROM) REQUEST': { ...selected, ...ipxe, architecture: 0 },
  'udhcpc DISCOVER': { ...offered, ...udhcpc, node: 'ocp4/master-1' },
  'udhcpc REQUEST': { ...selected, ...udhcpc, node: 'ocp4/master-1' },
  'udhcpc with options DISCOVER': { ...offered, ...udhcpc },
  'udhcpc with options REQUEST': { ...selected, ...udhcpc },
  'udhcpc REQUEST in RENEWING': { kind: 'acknowledged', state: 'renewing', to: '172.16.0.61', ...udhcpc },
  'udhcpc RELEASE': { kind: 'released' },
  'dhclient DISCOVER': { ...offered, ...dhclient },
  'dhclient REQUEST': { ...selected, ...dhclient },
  'dhclient REQUEST in INIT-REBOOT': {
    kind: 'acknowledged',
    state: 'init-reboot',
    to: everybody,
    ...dhclient,
  },
  'dhclient REQUEST in INIT-REBOOT, wrong address': {
    kind: 'refused',
    state: 'init-reboot',
    to: everybody,
    reason: 'requested 172.16.0.222, but the reservation is 172.16.0.61',
    codes: [53, 54, 56],
  },
  'dhclient RELEASE': { kind: 'released' },
  'dhcpcd DISCOVER': { ...offered, ...dhcpcd },
  'dhcpcd REQUEST': { ...selected, ...dhcpcd },
  'dhcpcd INFORM': { kind: 'informed', to: '172.16.0.61', codes: [53, 54, 61, 1, 3, 6, 12, 15, 28, 42] },
}

for (const { name, octets } of captures.filter((capture) => !capture.name.startsWith('dnsmasq'))) {
  t.test(`capture: ${name}`, (t) => {
    const { result, reply } = ask(plan, octets, 'unknown')
    const { kind, to, codes, ...about } = answers[name] ?? { kind: 'not expected' }
    t.match(result, { kind, about, ...(to && { to: { address: to, port: 68 } }) })
    t.same(reply?.codes, codes)
    t.end()
  })
}

for (const { name, octets } of captures.filter((capture) => capture.name.startsWith('dnsmasq'))) {
  t.test(`capture: ${name}, a server's reply, is not answered`, (t) => {
    t.match(ask(plan, octets).result, {
      kind: 'not-ours',
      code: 'dhcp.not-a-request',
      reason: 'a reply, not a request',
    })
    t.end()
  })
}

t.test('a request of firmware or iPXE has the UUID of its machine, any other message has none', (t) => {
  const uuid = '4c4c4544-0000-4000-8000-525400000011'
  for (const { name, octets } of captures.filter(({ name: each }) => /^(OVMF|iPXE|udhcpc D)/.test(each))) {
    const { result } = ask(plan, octets, 'unknown')
    const isRequest = name.endsWith('REQUEST')
    t.equal('uuid' in result ? result.uuid : undefined, isRequest ? uuid : undefined, name)
    const datagram = { payload: octets, address: '0.0.0.0', port: 68 }
    const seen = observationOf(result, datagram, plan)
    if (isRequest) t.match(seen, { kind: 'dhcp', uuid }, name)
  }
  t.end()
})

const zeros = (count: number) => new Array<number>(count).fill(0)
const text = (value: string) => [...Buffer.from(value, 'latin1')]
const machineIdentifier = [0, ...text('DELL'), 0, 0, 0, 0x40, 0x80, 0, 0x52, 0x54, 0, 0, 0, 0x11]

/** The options that all these golden packets have in common. */
const server = [54, 4, 172, 16, 0, 101]
const lease = [51, 4, 0, 0, 0x0e, 0x10] // 3600 s
const mask = [1, 4, 255, 255, 255, 0]
const router = [3, 4, 172, 16, 0, 1]
const domainServer = [6, 4, 172, 16, 0, 101]
const hostName = [12, 23, ...text('master-1.ocp4.lab.local')]
const domainName = [15, 14, ...text('ocp4.lab.local')]

const loaderUrl = 'http://172.16.0.101/loaders/efi/snponly.efi'

const golden = [
  {
    name: 'OVMF PXE DISCOVER',
    octets: [
      ...[2, 1, 6, 0], // op, htype, hlen, hops
      ...[0x7a, 0x78, 0x19, 0x9c], // xid of the request
      ...[0, 0, 0x80, 0], // secs; flags: OVMF requests a broadcast
      ...zeros(4), // ciaddr
      ...[172, 16, 0, 11], // yiaddr
      ...[172, 16, 0, 101], // siaddr
      ...zeros(4), // giaddr
      ...[0x52, 0x54, 0, 0, 0, 0x11, ...zeros(10)], // chaddr
      ...zeros(64), // sname
      ...[...text('efi/snponly.efi'), ...zeros(128 - 15)], // file
      ...[99, 130, 83, 99], // magic cookie
      ...[53, 1, 2], // OFFER
      ...[...server, ...lease, ...mask],
      ...[67, 16, ...text('efi/snponly.efi\0')],
      ...[66, 12, ...text('172.16.0.101')],
      ...[97, 17, ...machineIdentifier],
      ...[...router, ...domainServer, ...hostName, ...domainName],
      ...[28, 4, 172, 16, 0, 255],
      ...[42, 4, 172, 16, 0, 101],
      ...[58, 4, 0, 0, 0x07, 0x08], // 1800 s
      ...[59, 4, 0, 0, 0x0c, 0x4e], // 3150 s
      255,
    ],
  },
  {
    name: 'OVMF HTTP Boot REQUEST',
    octets: [
      ...[2, 1, 6, 0],
      ...[0xa7, 0x1a, 0x33, 0x9f],
      ...[0, 0, 0x80, 0],
      ...zeros(4),
      ...[172, 16, 0, 11],
      ...[172, 16, 0, 101],
      ...zeros(4),
      ...[0x52, 0x54, 0, 0, 0, 0x11, ...zeros(10)],
      ...zeros(64),
      ...[...text(loaderUrl), ...zeros(128 - loaderUrl.length)],
      ...[99, 130, 83, 99],
      ...[53, 1, 5], // ACK
      ...[...server, ...lease, ...mask],
      ...[60, 10, ...text('HTTPClient')],
      ...[67, loaderUrl.length + 1, ...text(loaderUrl), 0],
      ...[97, 17, ...machineIdentifier],
      ...[...router, ...domainServer, ...hostName, ...domainName],
      ...[28, 4, 172, 16, 0, 255],
      ...[42, 4, 172, 16, 0, 101],
      ...[58, 4, 0, 0, 0x07, 0x08],
      ...[59, 4, 0, 0, 0x0c, 0x4e],
      255,
    ],
  },
  {
    name: 'iPXE EFI REQUEST',
    octets: [
      ...[2, 1, 6, 0],
      ...[0x54, 0x1b, 0x96, 0x75],
      ...[0, 0, 0, 0], // secs; flags as iPXE sent them
      ...zeros(4),
      ...[172, 16, 0, 11],
      ...[172, 16, 0, 101],
      ...zeros(4),
      ...[0x52, 0x54, 0, 0, 0, 0x11, ...zeros(10)],
      ...zeros(64),
      ...[...text(script), ...zeros(128 - script.length)],
      ...[99, 130, 83, 99],
      ...[53, 1, 5], // ACK
      ...[...server, ...lease],
      ...[61, 7, 1, 0x52, 0x54, 0, 0, 0, 0x11],
      ...mask,
      ...[67, script.length + 1, ...text(script), 0],
      ...[175, 3, 0xb0, 1, 1], // no-pxedhcp
      ...[97, 17, ...machineIdentifier],
      ...[...router, ...domainServer, ...hostName, ...domainName],
      255,
    ],
  },
  {
    name: 'udhcpc DISCOVER',
    octets: [
      ...[2, 1, 6, 0],
      ...[0x79, 0x9c, 0xe3, 0x11],
      ...[0, 0, 0, 0],
      ...zeros(4),
      ...[172, 16, 0, 11],
      ...zeros(4), // siaddr: not a network boot
      ...zeros(4),
      ...[0x52, 0x54, 0, 0, 0, 0x11, ...zeros(10)],
      ...zeros(64),
      ...zeros(128),
      ...[99, 130, 83, 99],
      ...[53, 1, 2], // OFFER
      ...[...server, ...lease],
      ...[61, 7, 1, 0x52, 0x54, 0, 0, 0, 0x11],
      ...[...mask, ...router, ...domainServer, ...hostName, ...domainName],
      ...[28, 4, 172, 16, 0, 255],
      ...[42, 4, 172, 16, 0, 101],
      255,
    ],
  },
  {
    name: 'dhclient REQUEST in INIT-REBOOT, wrong address',
    octets: [
      ...[2, 1, 6, 0],
      ...[0xb4, 0xb9, 0xd5, 0x13],
      ...[0, 0, 0, 0],
      ...zeros(16), // ciaddr, yiaddr, siaddr, giaddr
      ...[0x52, 0x54, 0, 0, 0x0c, 0x01, ...zeros(10)],
      ...zeros(64 + 128),
      ...[99, 130, 83, 99],
      ...[53, 1, 6], // NAK
      ...server,
      ...[56, 58, ...text('requested 172.16.0.222, but the reservation is 172.16.0.61')],
      255,
    ],
  },
]
for (const { name, octets } of golden) {
  t.test(`golden: the reply to ${name}, octet by octet`, (t) => {
    const reply = replyFrom(plan, captured(name))
    t.equal(Buffer.from(reply.octets).toString('hex'), Buffer.from(octets).toString('hex'))
    t.end()
  })
}
