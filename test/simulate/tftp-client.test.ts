import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { silentLog } from '../support/silent-log.ts'
import { decodePacket, encodePacket, type TftpPacket } from '../../src/proto/tftp/packet.ts'
import { startTftp } from '../../src/serve/tftp/service.ts'
import { probeSize, readFile, type TftpClient } from '../../src/simulate/tftp-client.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memorySockets, type MemorySockets } from '../support/memory-sockets.ts'

const server = { address: '192.0.2.2', port: 69 }
const asked = new Map([
  ['blksize', '1468'],
  ['windowsize', '4'],
])

function newClient(sockets = memorySockets()) {
  const clock = fakeClock()
  const client: TftpClient = { sockets, clock, source: '192.0.2.99', server }
  return { client, clock, sockets }
}

/** A server that says what `answer` returns to each packet it hears, from one port. */
async function serveWith(sockets: MemorySockets, answer: (packet: TftpPacket) => readonly TftpPacket[]) {
  const port = await sockets.bindUdp(server)
  const heard: TftpPacket[] = []
  port.receive((batch) => {
    for (const { payload, address, port: from } of batch) {
      const packet = decodePacket(Uint8Array.from(payload))
      heard.push(packet)
      for (const reply of answer(packet)) port.send(encodePacket(reply), address, from)
    }
  })
  return { port, heard }
}

t.test('slipway sends files of critical lengths completely', async (t) => {
  const lengths = [0, 1, 1467, 1468, 1469, 1468 * 4, 1468 * 9 + 5]
  const contents = new Map(lengths.map((length) => [`f${length}`, Buffer.alloc(length, `${length} `)]))
  const folder = t.testdir(Object.fromEntries(contents))
  const { client, clock, sockets } = newClient()
  const service = await startTftp({
    plan: () => ({
      ...server,
      transfers: { kind: 'any' },
      files: new Map([...contents.keys()].map((name) => [name, join(folder, name)])),
      missing: new Map(),
      root: undefined,
      networks: [],
      mtus: [],
      // Clients that the site does not declare get one block at a time.
      nodeByAddress: new Map([['192.0.2.99', 'ocp45/m1']]),
    }),
    sockets,
    clock,
    log: silentLog(),
    counters: new Counters(),
    interfaceMtu: () => 1500,
    onLost: (error) => {
      throw error
    },
  })
  for (const [file, octets] of contents) {
    t.equal(
      await probeSize(client, { file, options: new Map([['tsize', '0'], ...asked]) }),
      octets.length,
      file,
    )
    const sha256 = createHash('sha256').update(octets).digest('hex')
    t.same(await readFile(client, { file, options: asked }), {
      octets: octets.length,
      sha256,
      blksize: 1468,
      windowsize: 4,
    })
    t.match(await readFile(client, { file, options: new Map() }), { sha256, blksize: 512, windowsize: 1 })
  }
  await service.close(0)
  t.same(sockets.open(), [])
})

const data = (block: number, octets: number): TftpPacket => ({
  kind: 'data',
  block,
  payload: new Uint8Array(octets),
})
const oack = (...options: [string, string][]): TftpPacket => ({ kind: 'oack', options: new Map(options) })
const look = '; check the output of "slipway check", and the log of the server for this file'

const refusals: { name: string; reply: TftpPacket; got: string }[] = [
  {
    name: 'an ERROR, with its code and message',
    reply: { kind: 'error', code: 1, message: 'no such file' },
    got: 'expected the file for x from tftp://192.0.2.2:69; got ERROR 1 "no such file"',
  },
  {
    name: 'an option that was not requested (RFC 2347)',
    reply: oack(['timeout', '1']),
    got: 'expected only requested options (RFC 2347) for x from tftp://192.0.2.2:69; got timeout=1',
  },
  {
    name: 'a block size larger than requested (RFC 2348)',
    reply: oack(['blksize', '1469']),
    got: 'expected blksize from 1 to 1468 for x from tftp://192.0.2.2:69; got 1469',
  },
  {
    name: 'a window of 0 blocks (RFC 7440 §3)',
    reply: oack(['windowsize', '0']),
    got: 'expected windowsize from 1 to 4 for x from tftp://192.0.2.2:69; got 0',
  },
  {
    name: 'a block larger than negotiated',
    reply: data(1, 513),
    got: 'expected blocks of at most 512 octets for x from tftp://192.0.2.2:69; got 513',
  },
  {
    name: 'a packet that a server does not send',
    reply: { kind: 'ack', block: 7 },
    got: 'expected DATA for x from tftp://192.0.2.2:69; got ACK 7',
  },
]
for (const { name, reply, got } of refusals) {
  t.test(`refused: ${name}`, async (t) => {
    const { client, clock, sockets } = newClient()
    const { port } = await serveWith(sockets, () => [reply])
    await t.rejects(readFile(client, { file: 'x', options: asked }), {
      name: 'BootProblem',
      message: got + look,
    })
    await port.close()
    t.same(sockets.open(), [])
    t.equal(clock.pending(), 0)
  })
}

const probes: { name: string; reply: TftpPacket; got: string }[] = [
  {
    name: 'a server without options',
    reply: data(1, 512),
    got: 'expected an OACK to a request with tsize (RFC 2347) for x from tftp://192.0.2.2:69; got DATA 1',
  },
  {
    name: 'an OACK without the size',
    reply: oack(['blksize', '512']),
    got: 'expected the size of the file as tsize (RFC 2349) for x from tftp://192.0.2.2:69; got nothing',
  },
  {
    name: 'an invalid size',
    reply: oack(['tsize', 'big']),
    got: 'expected the size of the file as tsize (RFC 2349) for x from tftp://192.0.2.2:69; got big',
  },
]
for (const { name, reply, got } of probes) {
  t.test(`the probe refuses ${name}`, async (t) => {
    const { client, sockets } = newClient()
    await serveWith(sockets, () => [reply])
    const options = new Map([['tsize', '0'], ...asked])
    await t.rejects(probeSize(client, { file: 'x', options }), { message: got + look })
  })
}

t.test('the probe ends with ERROR 8, as OVMF does', async (t) => {
  const { client, sockets } = newClient()
  const { heard } = await serveWith(sockets, () => [oack(['tsize', '5'])])
  t.equal(await probeSize(client, { file: 'x', options: new Map([['tsize', '0']]) }), 5)
  await sockets.settled()
  t.match(heard, [{ kind: 'rrq' }, { kind: 'error', code: 8, message: 'User aborted the transfer' }])
})

t.test('a request is repeated, and no reply is a problem', async (t) => {
  const { client, clock, sockets } = newClient()
  const failed = readFile(client, { file: 'x', options: new Map() })
  await sockets.settled()
  clock.advance(7000)
  await t.rejects(failed, {
    message: `expected a reply for x from tftp://192.0.2.2:69; got no reply${look}`,
  })
  t.equal(sockets.flights.length, 3)
})

t.test('after a gap, the last block in order is acknowledged (RFC 7440 §4)', async (t) => {
  const { client, sockets } = newClient()
  const { heard } = await serveWith(sockets, (packet) => {
    if (packet.kind === 'rrq') return [oack(['windowsize', '4'])]
    if (packet.kind === 'ack' && packet.block === 0) return [data(1, 512), data(3, 512)]
    return [data(2, 512), data(3, 0)]
  })
  t.equal((await readFile(client, { file: 'x', options: asked })).octets, 1024)
  await sockets.settled()
  const acknowledged = heard.flatMap((packet) => (packet.kind === 'ack' ? [packet.block] : []))
  t.same(acknowledged, [0, 1, 3])
})

t.test(
  'another port gets an error, other addresses are ignored, and a malformed packet ends the transfer (RFC 1350 §4)',
  async (t) => {
    const { client, sockets } = newClient()
    const stranger = await sockets.bindUdp({ address: server.address, port: 4000 })
    const elsewhere = await sockets.bindUdp({ address: '192.0.2.66', port: 4000 })
    const toldStranger: TftpPacket[] = []
    stranger.receive((batch) =>
      batch.forEach(({ payload }) => toldStranger.push(decodePacket(Uint8Array.from(payload)))),
    )
    const port = await sockets.bindUdp(server)
    port.receive((batch) => {
      for (const { payload, address, port: from } of batch) {
        if (decodePacket(payload).kind !== 'rrq') return
        elsewhere.send(encodePacket(data(1, 0)), address, from)
        port.send(encodePacket(data(1, 512)), address, from)
        stranger.send(encodePacket(data(2, 0)), address, from)
        port.send(Uint8Array.of(9, 9), address, from)
      }
    })
    await t.rejects(readFile(client, { file: 'x', options: new Map() }), {
      message: `expected a readable packet for x from tftp://192.0.2.2:69; got opcode 2313 at octet 0${look}`,
    })
    await sockets.settled()
    t.match(toldStranger, [{ kind: 'error', code: 5, message: 'unknown transfer' }])
  },
)
