/**
 * How `tftp2` 0.0.1 behaves as a server, and why slipway does not use it (docs/decisions/0002). As a client it implements
 * RFC 1350 without options, so it is used here as an independent client of slipway.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { systemClock } from '../../src/host/clock.ts'
import { Counters } from '../../src/host/counters.ts'
import { silentLog } from '../support/silent-log.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { startTftp } from '../../src/serve/tftp/service.ts'

type Request = { readonly filename: string; readonly mode: string }
type Client = { sendPacket(octets: Uint8Array): Promise<number>; close(): void }
type Server = {
  on(event: 'get', handler: (client: Client, write: (data: Uint8Array) => Promise<void>) => void): void
  handleMessage(octets: Uint8Array, peer: { address: string; port: number }): void
  close(): void
}
type Reader = {
  read(file: string, push: (block: Uint8Array) => void, done: () => void): Promise<void>
  close(): void
}
const require = createRequire(import.meta.url)
const tftp2 = require('tftp2') as {
  createServer(): Server
  readonly Client: (host: string, port: number) => Reader
  readonly Packet: { parse(octets: Uint8Array): Request }
}

/** Requests octet mode, `blksize` 1468, and `tsize` (RFC 2348). */
const readRequest = Buffer.from('\0\x01efi/ipxe.efi\0octet\0blksize\x001468\0tsize\x000\0', 'latin1')

t.test('one datagram of one octet crashes the process', async (t) => {
  const program = `
    const server = require(${JSON.stringify(require.resolve('tftp2'))}).createServer()
    server.bind(0, '127.0.0.1', () => console.log(server.address().port))
  `
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const bound = setTimeout(() => child.kill('SIGKILL'), 60_000)
  t.teardown(() => clearTimeout(bound))
  const exited = once(child, 'exit')
  const errors = text(child.stderr)
  const [port] = (await once(createInterface(child.stdout), 'line')) as [string]

  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.send(Buffer.of(0), Number(port), '127.0.0.1')

  t.same(await exited, [1, null])
  t.match(await errors, 'RangeError')
})

t.test('it does not decode the options of a request (RFC 2347)', (t) => {
  const { filename, mode, ...more } = tftp2.Packet.parse(readRequest)
  t.equal(filename, 'efi/ipxe.efi')
  t.equal(mode, 'octet')
  t.same(more, { opcode: 1 })
  t.end()
})

t.test('it answers options with a block of 512 octets, and sets no retransmission timer', async (t) => {
  const server = tftp2.createServer()
  t.teardown(() => server.close())
  const sent: Uint8Array[] = []
  const timers = countTimers()
  server.on('get', (client, write) => {
    t.teardown(() => client.close())
    client.sendPacket = (octets) => Promise.resolve(sent.push(octets))
    void write(Buffer.alloc(2000))
  })
  server.handleMessage(readRequest, { address: '127.0.0.1', port: 9 })
  await new Promise(setImmediate)

  t.equal(sent.length, 1)
  t.same([...(sent[0] as Uint8Array).subarray(0, 4)], [0, 3, 0, 1]) // DATA, block 1: no OACK
  t.equal(sent[0]?.length, 4 + 512)
  t.equal(countTimers(), timers)
})

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

t.test('as a client it downloads files with lengths around the block size from our server', async (t) => {
  const contents = new Map(
    [0, 1, 511, 512, 513, 5000].map((length) => [`f${length}`, Buffer.alloc(length, 'abc')]),
  )
  const folder = t.testdir(Object.fromEntries(contents))
  const sockets = createSockets({})
  const free = await sockets.bindUdp({ address: '127.0.0.1', port: 0 })
  const { port } = free.local
  await free.close()
  const service = await startTftp({
    plan: () => ({
      address: '127.0.0.1',
      port,
      root: undefined,
      missing: new Map(),
      networks: [],
      mtus: [],
      nodeByAddress: new Map(),
      files: new Map([...contents.keys()].map((name) => [name, join(folder, name)])),
      transfers: { kind: 'any' },
    }),
    sockets,
    clock: systemClock,
    log: silentLog(),
    counters: new Counters(),
    onLost: (error) => {
      throw error
    },
  })
  t.teardown(() => service.close(0))
  for (const [name, octets] of contents) {
    const client = tftp2.Client('127.0.0.1', port)
    const blocks: Uint8Array[] = []
    await client.read(
      name,
      (block) => void blocks.push(block),
      () => undefined,
    )
    client.close()
    t.equal(Buffer.concat(blocks).equals(octets), true, name)
  }
})
