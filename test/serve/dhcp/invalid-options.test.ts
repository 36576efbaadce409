/** Invalid options do not keep a declared machine from booting: they are ignored, counted, logged, and shown. */
import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { ask } from '../../support/dhcp-ask.ts'
import { address, clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { running } from '../../support/dhcp-service.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Fields = Parameters<typeof clientPacket>[0]
type Options = NonNullable<Fields['options']>

/** Node ocp45/m1 has 00:00:5e:00:53:11 and 192.0.2.11; its server is 192.0.2.2. */
const { plan } = compileDhcp(exampleModel(exampleSite()))
const offered = { kind: 'offered', about: { node: 'ocp45/m1', address: address('192.0.2.11') } }

const own: Options[number] = [54, octetsOf('192.0.2.2')]
const right: Options[number] = [50, octetsOf('192.0.2.11')]
const wrong: Options[number] = [50, octetsOf('192.0.2.99')]
const firmware: Options = [
  [55, [1, 3, 66, 67]],
  [60, 'PXEClient:Arch:00007:UNDI:003000'],
]

const discovers: { name: string; options: Options; ignored?: string[] }[] = [
  { name: 'a maximum size of 3 octets', options: [[57, [0, 5, 0xc0]]], ignored: ['option 57 with 3 octets'] },
  { name: 'a maximum size of 1 octet', options: [[57, [5]]], ignored: ['option 57 with 1 octet'] },
  {
    name: 'a maximum size that is sent twice',
    options: [[57, [5, 0xc0]], [57, [2, 0x40]]], // prettier-ignore
    ignored: ['option 57 a second time'],
  },
  {
    name: 'architectures of 5 octets',
    options: [[93, [0, 7, 0, 9, 0]]],
    ignored: ['option 93 with 5 octets'],
  },
  { name: 'no architecture', options: [[93, []]], ignored: ['option 93 with 0 octets'] },
  { name: 'an overload of 9', options: [[52, [9]]], ignored: ['option 52 with the value 9'] },
  { name: 'an overload of two octets', options: [[52, [1, 0]]], ignored: ['option 52 with 2 octets'] },
  {
    name: 'a requested address of 3 octets',
    options: [[50, [192, 0, 2]]],
    ignored: ['option 50 with 3 octets'],
  },
  { name: 'a requested address of 8 octets', options: [[50, [192, 0, 2, 11, 192, 0, 2, 12]]], ignored: ['option 50 with 8 octets'] }, // prettier-ignore
  { name: 'a server of 2 octets', options: [[54, [192, 0]]], ignored: ['option 54 with 2 octets'] },
  { name: 'a server that is not a host', options: [[54, [255, 255, 255, 255]]], ignored: ['option 54 with the value 255.255.255.255'] }, // prettier-ignore
  {
    name: 'a subnet selection of 3 octets',
    options: [[118, [192, 0, 2]]],
    ignored: ['option 118 with 3 octets'],
  },
  {
    name: 'several of them',
    options: [[57, [5]], [93, [0, 7, 0]], [50, []]], // prettier-ignore
    ignored: ['option 57 with 1 octet', 'option 93 with 3 octets', 'option 50 with 0 octets'],
  },
  // Options that are not read can have any length.
  ...[12, 51, 61, 77, 94, 97, 128, 175, 254].map((code) => ({
    name: `option ${code} with 1 octet`,
    options: [[code, [1]]] as Options,
  })),
]
for (const { name, options, ignored } of discovers) {
  t.test(`a DISCOVER with ${name} gets an offer`, (t) => {
    const { result, reply } = ask(
      plan,
      clientPacket({ type: 'discover', options: [...firmware, ...options] }),
    )
    t.match(result, offered)
    t.same('about' in result && result.about.ignored?.map(({ text }) => text), ignored)
    t.equal(reply?.file, 'efi/snponly.efi')
    t.end()
  })
}

t.test('a message type of two octets has the type of its first octet', (t) => {
  const packet = clientPacket({ options: [[53, [1, 0]], ...firmware] })
  t.match(ask(plan, packet).result, { ...offered, about: { ignored: [{ text: 'option 53 with 2 octets' }] } })
  t.end()
})

t.test(
  'an option that is cut short at the end of the packet is ignored, and those before it are used',
  (t) => {
    for (const cut of [[12], [12, 9], [12, 9, 0x61], [57, 2, 5], [255 - 1, 200]]) {
      const whole = clientPacket({ type: 'discover', options: firmware })
      const end = whole.indexOf(255, 240)
      const { result, reply } = ask(plan, Uint8Array.of(...whole.subarray(0, end), ...cut))
      t.match(result, { ...offered, about: { ignored: { length: 1 } } })
      t.equal(reply?.file, 'efi/snponly.efi')
    }
    t.end()
  },
)

const requests: { name: string; options: Options; result: object }[] = [
  {
    name: 'a server of 2 octets is INIT-REBOOT: the reserved address is acknowledged',
    options: [[54, [192, 0]], right],
    result: { kind: 'acknowledged', about: { state: 'init-reboot' } },
  },
  {
    name: 'a server of 2 octets and another address gets no NAK: the client may have chosen another server',
    options: [[54, [192, 0]], wrong],
    result: { kind: 'ignored', about: { code: 'dhcp.unreadable-server' } },
  },
  {
    name: 'the broadcast address as server and another address gets no NAK',
    options: [[54, [255, 255, 255, 255]], wrong],
    result: { kind: 'ignored', about: { code: 'dhcp.unreadable-server' } },
  },
  {
    name: 'an address of 3 octets accepts the offer of this server',
    options: [own, [50, [192, 0, 2]]],
    result: { kind: 'acknowledged', about: { state: 'selecting' } },
  },
  {
    name: 'an address of 3 octets and no server gets its reservation',
    options: [[50, [192, 0, 2]]],
    result: { kind: 'acknowledged', about: { state: 'init-reboot' } },
  },
  {
    name: 'neither a readable address nor a readable server gets no answer',
    options: [
      [50, [192, 0, 2]],
      [54, [192, 0]],
    ],
    result: { kind: 'ignored', about: { code: 'dhcp.no-requested-address' } },
  },
  {
    name: 'a message type of two octets is a REQUEST',
    options: [[53, [3, 3]], own, right],
    result: { kind: 'acknowledged' },
  },
]
for (const { name, options, result } of requests) {
  t.test(`a REQUEST with ${name}`, (t) => {
    const type = options.some(([code]) => code === 53) ? {} : ({ type: 'request' } as const)
    t.match(ask(plan, clientPacket({ ...type, options })).result, result)
    t.end()
  })
}

const relayed: { name: string; value: number[]; ignored?: string[]; server?: string; offer?: boolean }[] = [
  {
    name: 'a code without length after a complete sub-option',
    value: [1, 2, 3, 4, 2],
    ignored: ['option 82 with an incomplete sub-option 2'],
  },
  { name: 'nothing but a code', value: [1], ignored: ['option 82 with an incomplete sub-option 1'] },
  { name: 'no sub-options', value: [] },
  {
    name: 'an incomplete sub-option after a server override',
    value: [11, 4, 192, 0, 2, 1, 5, 4, 192, 0],
    ignored: ['option 82 with an incomplete sub-option 5'],
    server: '192.0.2.1',
  },
  ...[[], [172, 20], [192, 0, 2], [192, 0, 2, 1, 0]].flatMap((octets) =>
    [5, 11].map((code) => ({
      name: `sub-option ${code} of ${octets.length} octets`,
      value: [code, octets.length, ...octets],
      ignored: [`sub-option ${code} of option 82 with ${octets.length} octets`],
    })),
  ),
  ...['0.0.0.0', '255.255.255.255', '224.0.0.1', '240.0.0.1'].flatMap((text) =>
    [5, 11].map((code) => ({
      name: `${text} in sub-option ${code}`,
      value: [code, 4, ...octetsOf(text)],
      ignored: [`sub-option ${code} of option 82 with the address ${text}`],
    })),
  ),
]
for (const { name, value, ignored, server = '192.0.2.2' } of relayed) {
  t.test(`relay agent information with ${name}: giaddr decides, and it is echoed unchanged`, (t) => {
    const packet = clientPacket({
      type: 'discover',
      giaddr: '192.0.2.1',
      options: [...firmware, [82, value]],
    })
    const { result, reply } = ask(plan, packet)
    t.match(result, { ...offered, to: { address: '192.0.2.1', port: 67 } })
    t.same('about' in result && result.about.ignored?.map(({ text }) => text), ignored)
    t.same(reply?.value(54), octetsOf(server))
    t.same([...(reply?.value(82) ?? [])], value)
    t.end()
  })
}

for (const giaddr of ['192.0.2.0', '192.0.2.255', '255.255.255.255', '224.0.0.1']) {
  t.test(`a relay agent cannot have the address ${giaddr}: the reply would go to many machines`, (t) => {
    const { result } = ask(plan, clientPacket({ type: 'discover', giaddr }))
    t.match(result, { kind: 'ignored', about: { code: 'dhcp.unknown-relay' } })
    t.end()
  })
}

t.test('INFORM from the broadcast address of the network gets no answer', (t) => {
  const packet = clientPacket({ type: 'inform', ciaddr: '192.0.2.255', giaddr: '192.0.2.1' })
  t.match(ask(plan, packet).result, { kind: 'ignored', about: { code: 'dhcp.inform-wrong-network' } })
  t.end()
})

t.test(
  'the reply to INFORM goes to the client, without the option of the relay agent (RFC 3046 §2.1)',
  (t) => {
    const fields: Fields = { type: 'inform', ciaddr: '192.0.2.77', options: [[82, [1, 1, 7]]] }
    t.equal(ask(plan, clientPacket({ ...fields, giaddr: '192.0.2.1' })).reply?.codes.includes(82), false)
    t.equal(ask(plan, clientPacket(fields)).reply?.codes.at(-1), 82, 'a switch on the way removes it')
    t.end()
  },
)

t.test('ignored options are counted, logged, and observed', async (t) => {
  const { send, line, counters, seen, service } = await running()
  const mac = '52:54:00:00:00:11'
  await send(clientPacket({ type: 'discover', mac, options: [...firmware, [57, [5]], [93, [0, 7, 0]]] }))
  const texts = ['option 57 with 1 octet', 'option 93 with 3 octets']
  t.match(line(), { level: 'info', msg: 'address offered', ignored: texts })
  t.equal(counters.get('dhcp.optionsIgnored'), 2)
  t.match(seen, [
    { asker: 'firmware', ignored: [57, 93].map((code, index) => ({ code, text: texts[index] })) },
  ])
  await service.close(0)
})

const unsafe = [
  {
    name: 'without a DHCP message type',
    packet: clientPacket({ mac: '52:54:00:00:00:11' }),
    line: { msg: 'message ignored', code: 'dhcp.bootp' },
  },
  {
    name: 'without a magic cookie (BOOTP, RFC 951)',
    packet: clientPacket({ mac: '52:54:00:00:00:11' }).fill(0, 236, 240),
    line: { msg: 'malformed packet', code: 'dhcp.malformed', mac: '52:54:00:00:00:11' },
  },
  {
    name: 'that ends after the header',
    packet: clientPacket({ mac: '52:54:00:00:00:11' }).subarray(0, 100),
    line: { msg: 'malformed packet', code: 'dhcp.malformed', mac: '52:54:00:00:00:11' },
  },
  {
    name: 'of hardware type 32',
    packet: clientPacket({ htype: 32, hlen: 0, mac: '52:54:00:00:00:11' }),
    line: { msg: 'datagram ignored', code: 'dhcp.not-ethernet', reason: /^hardware type 32/ },
  },
]
for (const { name, packet, line: expected } of unsafe) {
  t.test(`a message of a declared machine ${name} gets no answer, and a line in the log`, async (t) => {
    const { send, line, heard, service } = await running()
    await send(packet)
    t.equal(heard.all.length, 0)
    t.match(line(), { level: 'info', ...expected, reason: expected.reason ?? String })
    await service.close(0)
  })
}
