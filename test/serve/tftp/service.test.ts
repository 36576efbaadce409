/** The whole service: its answers and its log. */
import fc from 'fast-check'
import t from 'tap'
import { encodePacket } from '../../../src/proto/tftp/packet.ts'
import { hex, hexFixture } from '../../support/hex.ts'
import { inbox } from '../../support/memory-sockets.ts'
import { listenForFile } from '../../support/tftp-client.ts'
import { ask, loader, read, serve } from '../../support/tftp-service.ts'
import { until } from '../../support/until.ts'

t.test('a loader is transferred, and one line is logged', async (t) => {
  const { service, lines, counters, bind, clock, sockets } = await serve(t)
  t.equal(service.name, 'tftp')
  t.same(service.listening, ['udp 192.0.2.2:69'])
  const port = await bind()
  const heard = listenForFile(port, { blksize: 1468, windowsize: 4 })
  port.send(hexFixture('tftp/ovmf-size'), '192.0.2.2', 69)
  await until(() => heard.isComplete())
  t.same(heard.granted, [
    ['tsize', '3000'],
    ['blksize', '1468'],
    ['windowsize', '4'],
  ])
  t.equal(Buffer.from(heard.received).equals(loader), true)
  await until(() => lines.length > 0)
  t.match(lines, [
    {
      level: 'info',
      node: 'ocp45/m1',
      client: '192.0.2.11:2000',
      file: 'ipxe.efi',
      octets: 3000,
      durationMs: 0,
      blksize: 1468,
      windowsize: 4,
      retransmissions: 0,
      msg: 'file sent',
    },
  ])
  t.same(counters.snapshot(), {
    'tftp.finished': 1,
    'tftp.octets': 3000,
    'tftp.requests': 1,
    'tftp.retransmissions': 0,
  })
  t.equal(clock.pending(), 0)
  t.same(sockets.open(), ['192.0.2.2:69', '192.0.2.11:2000'])
})

t.test('OVMF requests the size first, then the file from another port', async (t) => {
  const { lines, counters, bind, sockets } = await serve(t)
  const first = await bind(1290)
  const answers = inbox(first)
  first.send(hexFixture('tftp/ovmf-size'), '192.0.2.2', 69)
  const oack = await answers.next()
  t.equal(read(oack.payload), '\0\x06tsize\x003000\0blksize\x001468\0windowsize\x004\0')
  first.send(hexFixture('tftp/ovmf-probe'), oack.address, oack.port)
  await until(() => counters.get('tftp.probes') === 1)
  t.match(lines, [{ level: 'debug', node: 'ocp45/m1', file: 'ipxe.efi', msg: 'file size sent' }])

  const second = await bind(1291)
  const heard = listenForFile(second, { blksize: 1468, windowsize: 4 })
  second.send(hexFixture('tftp/ovmf-read'), '192.0.2.2', 69)
  await until(() => counters.get('tftp.finished') === 1)
  t.equal(Buffer.from(heard.received).equals(loader), true)
  t.equal(
    new Set(sockets.flights.filter(({ from }) => from.address === '192.0.2.2').map(({ from }) => from.port))
      .size,
    2,
  )
})

t.test('a file of the root is served to an undeclared address', async (t) => {
  const { lines, bind } = await serve(t)
  const port = await bind(2000, '192.0.2.99')
  const heard = listenForFile(port)
  ask(port, '/own')
  await until(() => lines.length > 0)
  t.equal(Buffer.from(heard.received).toString(), 'own file')
  t.same(heard.granted, [])
  t.equal(lines[0]!.node, undefined)
  t.equal(lines[0]!.msg, 'file sent')
})

t.test('netascii: no tsize, because the translated size is not known in advance', async (t) => {
  const { bind } = await serve(t)
  const port = await bind()
  const heard = listenForFile(port, { blksize: 8 })
  const options = new Map([
    ['tsize', '0'],
    ['blksize', '8'],
  ])
  port.send(encodePacket({ kind: 'rrq', file: 'own', mode: 'netascii', options }), '192.0.2.2', 69)
  await until(() => heard.isComplete())
  t.same(heard.granted, [['blksize', '8']])
  t.equal(Buffer.from(heard.received).toString(), 'own file')
})

const refusals = [
  {
    name: 'a write request (RFC 1350 §5)',
    file: 'ipxe.efi',
    kind: 'wrq' as const,
    reply: '\0\x05\0\x02files are read-only\0',
    line: {
      level: 'warn',
      node: 'ocp45/m1',
      code: 'tftp.read-only',
      reason: 'files are read-only',
      msg: 'request refused',
    },
  },
  {
    name: 'a name that leads out of the served directory',
    file: '../loader',
    reply: '\0\x05\0\x02the name leads out of the served directory\0',
    line: { level: 'warn', file: '../loader', code: 'tftp.invalid-name', msg: 'request refused' },
  },
  {
    name: 'an unknown file: lists the served files',
    file: 'ipxe.kpxe',
    reply: '\0\x05\0\x01no such file\0',
    line: {
      level: 'error',
      node: 'ocp45/m1',
      file: 'ipxe.kpxe',
      served: ['ipxe.efi'],
      code: 'tftp.file-not-found',
      msg: 'file not found',
    },
  },
  {
    name: 'the script that iPXE does not need',
    file: 'efi/autoexec.ipxe',
    reply: '\0\x05\0\x01no such file\0',
    line: { level: 'debug', file: 'efi/autoexec.ipxe', msg: 'file not found' },
  },
  {
    name: 'a file that cannot be read',
    file: 'broken',
    reply: '\0\x05\0\x02not a regular file\0',
    line: {
      level: 'error',
      code: 'tftp.file-unreadable',
      reason: 'not a regular file',
      msg: 'file not readable',
    },
  },
]

for (const { name, file, kind, reply, line } of refusals) {
  t.test(`refused: ${name}`, async (t) => {
    const { lines, bind, state } = await serve(t)
    state.plan = { ...state.plan, files: new Map([...state.plan.files, ['broken', '/']]) }
    const port = await bind()
    const answers = inbox(port)
    ask(port, file, {}, kind)
    const { payload, port: from } = await answers.next()
    t.equal(read(payload), reply)
    t.equal(from, 69)
    await until(() => lines.length > 0)
    t.match(lines, [line])
  })
}

t.test('a loader that disappeared is a fault of this server, not a wrong name', async (t) => {
  const { lines, bind, state } = await serve(t)
  state.plan = { ...state.plan, files: new Map([['ipxe.efi', '/nonexistent/ipxe.efi']]) }
  ask(await bind(), 'ipxe.efi')
  await until(() => lines.length > 0)
  const reason = '/nonexistent/ipxe.efi: no such file'
  t.match(lines, [{ level: 'error', code: 'tftp.file-unreadable', node: 'ocp45/m1', reason }])
})

t.test('an unknown file for an undeclared address is only a warning', async (t) => {
  const { lines, bind } = await serve(t)
  ask(await bind(2000, '192.0.2.99'), 'ipxe.kpxe')
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'warn', file: 'ipxe.kpxe', served: ['ipxe.efi'], msg: 'file not found' }])
  t.equal(lines[0]?.node, undefined)
})

t.test('a directory that an undeclared address requests is only a warning', async (t) => {
  const { lines, bind, state } = await serve(t)
  const root = t.testdir({ directory: {} })
  state.plan = { ...state.plan, root }
  ask(await bind(2000, '192.0.2.99'), 'directory')
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'warn', code: 'tftp.file-unreadable', reason: 'not a regular file' }])
})

t.test('a packet other than a request at the request port is counted, not answered', async (t) => {
  const { bind, sockets, counters, lines } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  for (const octets of ['00 03 00 01', '00 04 00 00', '00 05 00 00 00', '00 06'])
    port.send(hex(octets), '192.0.2.2', 69)
  port.send(hex('00'), '192.0.2.2', 69)
  await sockets.settled()
  t.same(counters.snapshot(), { 'tftp.malformed': 1, 'tftp.unexpected': 4 })
  t.match(lines, [
    {
      level: 'debug',
      client: '192.0.2.11:2000',
      reason: '2 octets expected, 1 left at octet 0',
      octets: 1,
      msg: 'malformed packet',
    },
  ])
  t.same(answers.all, [])
})

t.test('arbitrary octets at the request port have no effect', async (t) => {
  const { bind, sockets } = await serve(t)
  const port = await bind()
  const wellFormed = fc
    .array(fc.constantFrom('ipxe.efi', 'own', '..', '', 'octet', 'netascii', 'blksize', 'tsize', '8', '0'), {
      maxLength: 7,
    })
    .map((texts) => Uint8Array.from(Buffer.from(`\0\x01${texts.map((each) => `${each}\0`).join('')}`)))
  const octets = fc.oneof(fc.uint8Array({ maxLength: 40 }), wellFormed)
  await fc.assert(
    fc.asyncProperty(octets, async (each) => {
      port.send(each, '192.0.2.2', 69)
      await sockets.settled()
    }),
    { numRuns: 150 },
  )
})
