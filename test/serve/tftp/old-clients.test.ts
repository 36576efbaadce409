/** Requests of firmware as it is: formal errors, repeated requests, and links with a small MTU. */
/* eslint-disable no-control-regex -- TFTP packets begin with control characters */
import t from 'tap'
import { createInterfaceMtu, type InterfaceAddresses } from '../../../src/host/attached-networks.ts'
import { parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox } from '../../support/memory-sockets.ts'
import { ask, read, serve } from '../../support/tftp-service.ts'
import { until } from '../../support/until.ts'

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const file = 'ipxe.efi'
const oack = (text: string) => `\0\x06${text}`
const error = (code: string, text: string) => `\0\x05\0${code}${text}\0`

const requests: { name: string; octets: string; reply: string | RegExp }[] = [
  { name: 'no mode', octets: `\0\x01${file}\0`, reply: error('\x04', 'the request has no mode') },
  {
    name: 'a mode that does not end',
    octets: `\0\x01${file}\0octet`,
    reply: error('\x04', 'the request has no mode'),
  },
  {
    name: 'a name that does not end',
    octets: `\0\x01${file}`,
    reply: error('\x04', 'the file name does not end with a zero octet'),
  },
  { name: 'no name', octets: '\0\x01', reply: error('\x04', 'the file name does not end with a zero octet') },
  { name: 'an empty name', octets: '\0\x01\0octet\0', reply: error('\x04', 'the file name is empty') },
  {
    name: 'an empty write request',
    octets: '\0\x02',
    reply: error('\x04', 'the file name does not end with a zero octet'),
  },
  {
    name: 'an unknown mode',
    octets: `\0\x01${file}\0binary\0`,
    reply: error('\x04', 'only the modes octet and netascii are supported'),
  },
  {
    name: 'more octets than a frame',
    octets: `\0\x01${file}\0octet\0${'x\0y\0'.repeat(400)}`,
    reply: error('\x04', 'the request has 1617 octets'),
  },
  {
    name: 'an empty option name',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0\0tsize\x000\0`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: 'nothing but an empty option name',
    octets: `\0\x01${file}\0octet\0\0blksize\x001024\0`,
    reply: /^\0\x03\0\x01loader/,
  },
  {
    name: 'an option without a value',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0windowsize\0`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: 'a value that does not end',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0windowsize\x004`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: 'an option name that does not end',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0window`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: 'the same option twice',
    octets: `\0\x01${file}\0octet\0tsize\x000\0tsize\x000\0`,
    reply: oack('tsize\x003000\0'),
  },
  {
    name: 'the same option with two values',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0BLKSIZE\x00512\0`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: '530 octets',
    octets: `\0\x01${file}\0octet\0blksize\x001024\0x\0${'y'.repeat(495)}\0`,
    reply: oack('blksize\x001024\0'),
  },
  {
    name: 'a windowsize with a leading zero',
    octets: `\0\x01${file}\0octet\0windowsize\x0004\0`,
    reply: oack('windowsize\x004\0'),
  },
  {
    name: 'a timeout with a leading zero',
    octets: `\0\x01${file}\0octet\0timeout\x0005\0`,
    reply: oack('timeout\x005\0'),
  },
  { name: 'padding', octets: `\0\x01${file}\0octet\0${'\0'.repeat(20)}`, reply: /^\0\x03\0\x01loader/ },
]
for (const { name, octets, reply } of requests) {
  t.test(`a request with ${name} is answered at once`, async (t) => {
    const { bind, lines } = await serve(t)
    const port = await bind()
    const answers = inbox(port)
    port.send(bytes(octets), '192.0.2.2', 69)
    const text = read((await answers.next()).payload)
    if (typeof reply === 'string') t.equal(text, reply)
    else t.match(text, reply)
    if (!text.startsWith('\0\x05')) return
    t.match(lines, [{ level: 'warn', node: 'ocp45/m1', msg: 'request refused', reason: text.slice(4, -1) }])
  })
}

t.test('only requests are answered with an ERROR, never an ERROR or another packet', async (t) => {
  const { bind, sockets } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  for (const octets of [
    '\0\x05\0\0',
    '\0\x05',
    '\0\x04\0\0',
    '\0\x03\0\x01x',
    '\0\x06',
    '\0\x07',
    '\0\0',
    '\0',
    '',
  ]) {
    port.send(bytes(octets), '192.0.2.2', 69)
  }
  await sockets.settled()
  t.same(answers.all, [])
})

const options = { tsize: '0', blksize: '1024' }
const granted = oack('tsize\x003000\0blksize\x001024\0')
const dataBlock = (block: number) => `\0\x03\0${String.fromCharCode(block)}`

/** Starts a transfer from port 2070, as ROMs with a fixed port do. */
async function started(t: Parameters<typeof serve>[0], more: Record<string, string> = options) {
  const world = await serve(t)
  const port = await world.bind(2070)
  const answers = inbox(port)
  const request = () => ask(port, file, more)
  request()
  const first = await answers.next()
  const ack = (block: number) => port.send(Uint8Array.of(0, 4, 0, block), first.address, first.port)
  const settledAfter = async (ms: number) => {
    world.clock.advance(ms)
    await world.sockets.settled()
  }
  return { ...world, answers, request, ack, first, settledAfter }
}

t.test('a repeated request gets the OACK again at once, from the same port', async (t) => {
  const { answers, request, first, clock, counters } = await started(t)
  t.equal(read(first.payload), granted)
  clock.advance(500)
  request()
  const again = await answers.next()
  t.equal(read(again.payload), granted)
  t.equal(again.port, first.port)
  t.equal(counters.get('tftp.repeatedRequests'), 1)
})

t.test('a repeated request without options gets the first block again at once', async (t) => {
  const { answers, request, first, clock } = await started(t, {})
  t.match(read(first.payload), /^\0\x03\0\x01/)
  clock.advance(500)
  request()
  const again = await answers.next()
  t.same([read(again.payload).slice(0, 4), again.port], [dataBlock(1), first.port])
})

t.test('a copy of a request within 200 ms gets no further answer', async (t) => {
  const { answers, request, settledAfter } = await started(t)
  for (let copy = 0; copy < 10; copy++) request()
  await settledAfter(199)
  request()
  await settledAfter(0)
  t.equal(answers.all.length, 1)
})

const restarts = [
  { name: 'after ACK 0', acks: [0] },
  { name: 'after ACK 0, without a timeout of the server', acks: [0], more: { ...options, timeout: '255' } },
  { name: 'in the middle', acks: [0, 1] },
  { name: 'at the last block', acks: [0, 1, 2] },
  { name: 'with a window', acks: [0], more: { ...options, windowsize: '8' } },
]
for (const { name, acks, more = options } of restarts) {
  t.test(`a client that starts again ${name} gets a new OACK`, async (t) => {
    const { answers, request, ack, first, settledAfter, lines, counters } = await started(t, more)
    for (const block of acks) {
      ack(block)
      await settledAfter(0)
    }
    await settledAfter(250)
    const before = answers.all.length
    request()
    await until(() => answers.all.length > before)
    const again = answers.all[before]!
    t.match(read(again.payload), /^\0\x06tsize\x003000\0blksize\x001024\0/)
    t.not(again.port, first.port)
    await until(() => lines.length > 0)
    t.match(lines, [{ level: 'warn', code: 'tftp.client-restarted', msg: 'file not sent' }])
    t.equal(counters.get('tftp.repeatedRequests'), 0)
  })
}

t.test('a late copy of the request does not end the transfer', async (t) => {
  const { answers, request, ack, settledAfter, lines } = await started(t)
  ack(0)
  await until(() => answers.all.length === 2)
  request()
  await settledAfter(100)
  request()
  for (const block of [1, 2]) {
    ack(block)
    await until(() => answers.all.length === block + 2)
  }
  t.match(answers.all.map(({ payload }) => read(payload).slice(0, 4)), [/^\0\x06/, dataBlock(1), dataBlock(2), dataBlock(3)]) // prettier-ignore
  t.same(lines, [])
})

t.test('a client that abandons its transfers is not locked out', async (t) => {
  const { bind, sockets, clock } = await serve(t)
  for (let attempt = 0; attempt < 40; attempt++) {
    const port = await bind(3000 + attempt)
    const answers = inbox(port)
    ask(port, file, options)
    const { payload, address, port: from } = await answers.next()
    t.equal(read(payload), granted, `attempt ${attempt}`)
    port.send(Uint8Array.of(0, 4, 0, 0), address, from)
    await sockets.settled()
    clock.advance(1100)
    await sockets.settled()
  }
})

const mtus = [
  { name: 'the MTU of its subnet', address: '192.0.2.11', mtus: [['192.0.2.0/24', 1300]], blksize: '1268' },
  {
    name: 'that of another subnet',
    address: '192.0.2.11',
    mtus: [['198.51.100.0/24', 1300]],
    blksize: '1432',
  },
  {
    name: 'the smallest MTU of the site file',
    address: '192.0.2.11',
    mtus: [['192.0.2.0/24', 576]],
    blksize: '544',
  },
  {
    name: 'more than Ethernet carries',
    address: '192.0.2.11',
    mtus: [['192.0.2.0/24', 9000]],
    blksize: '1432',
  },
  {
    name: 'the MTU of the interface of this machine',
    address: '192.0.2.11',
    mtus: [],
    mtu: 1420,
    blksize: '1388',
  },
] as const
for (const { name, address, mtus: declared, blksize, ...rest } of mtus) {
  t.test(`blocks fit ${name}`, async (t) => {
    const interfaceMtu = 'mtu' in rest ? rest.mtu : undefined
    const ofSite = declared.map(([network, mtu]) => ({ network: parseCidr(network) as Cidr, mtu }))
    const { bind } = await serve(t, { mtus: ofSite }, undefined, interfaceMtu)
    const port = await bind(2000, address)
    const answers = inbox(port)
    ask(port, file, { blksize: '1432', windowsize: '64' })
    t.equal(read((await answers.next()).payload), oack(`blksize\0${blksize}\0windowsize\x0064\0`))
    const plain = await bind(2001, address)
    const blocks = inbox(plain)
    ask(plain, file)
    t.equal((await blocks.next()).payload.length, 516, 'without blksize 512 octets')
  })
}

t.test('the MTU of an interface is that of the kernel, and read again after ten seconds', (t) => {
  const clock = fakeClock()
  const interfaces: InterfaceAddresses = {
    lo: [{ address: '127.0.0.1', netmask: '255.0.0.0', cidr: '127.0.0.1/8', internal: true }],
    ens4: [{ address: '192.0.2.2', netmask: '255.255.255.0', cidr: '192.0.2.2/24', internal: false }],
  }
  let text = '1420\n'
  const mtuOf = createInterfaceMtu(clock, () => interfaces, (name) => (name === 'ens4' ? text : '65536\n')) // prettier-ignore
  t.equal(mtuOf('192.0.2.2'), 1420)
  text = '1500\n'
  t.equal(mtuOf('192.0.2.2'), 1420)
  clock.advance(10_000)
  t.equal(mtuOf('192.0.2.2'), 1500)
  t.equal(mtuOf('127.0.0.1'), 65_536)
  t.equal(mtuOf('192.0.2.9'), undefined, 'no interface has it')
  const unreadable = createInterfaceMtu(clock, () => interfaces, () => { throw new Error('ENOENT') }) // prettier-ignore
  t.equal(unreadable('192.0.2.2'), undefined)
  for (const odd of ['', 'x', '0', '67']) {
    t.equal(createInterfaceMtu(clock, () => interfaces, () => odd)('192.0.2.2'), undefined, `"${odd}"`) // prettier-ignore
  }
  t.type(createInterfaceMtu(clock)('127.0.0.1'), 'number', 'of this machine')
  t.end()
})
