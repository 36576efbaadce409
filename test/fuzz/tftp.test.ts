/** TFTP: fuzzes the decoder, names and options, and the service with malicious clients. */
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import type { UdpPort } from '../../src/host/udp.ts'
import type { TftpPlan } from '../../src/plan/tftp.ts'
import { parseCidr, type Cidr } from '../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../src/proto/bytes.ts'
import { decodePacket, encodePacket, type TftpPacket } from '../../src/proto/tftp/packet.ts'
import { createTftpProgram } from '../../src/serve/tftp/lane.ts'
import type { TftpService, TftpServiceOptions } from '../../src/serve/tftp/listen.ts'
import { negotiate, checkRequest } from '../../src/serve/tftp/request.ts'
import { startTftp } from '../../src/serve/tftp/service.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { hexFixture } from '../support/hex.ts'
import { memorySockets, type MemorySockets } from '../support/memory-sockets.ts'
import { listenForFile } from '../support/tftp-client.ts'
import { until } from '../support/until.ts'
import { fuzz } from './campaign.ts'
import { watchFailures } from './failures.ts'
import { replaced, shuffled, type Mutator } from './mutate.ts'
import type { Random } from './random.ts'

const requests = [
  ...[
    'atftp',
    'busybox',
    'curl',
    'ipxe-bios',
    'lenovo-t460',
    'ovmf-probe',
    'ovmf-read',
    'ovmf-size',
    'tftp-hpa',
  ],
]
const answers: readonly TftpPacket[] = [
  { kind: 'ack', block: 0 },
  { kind: 'ack', block: 1 },
  { kind: 'ack', block: 65_535 },
  { kind: 'data', block: 1, payload: new Uint8Array(512) },
  { kind: 'error', code: 8, message: 'User aborted the transfer' },
  { kind: 'oack', options: new Map([['blksize', '1468']]) },
]

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const words = [
  'blksize',
  'tsize',
  'timeout',
  'windowsize',
  'octet',
  'netascii',
  'mail',
  'undionly.kpxe',
  'BLKSIZE',
  'x',
]
const numbers = [
  '0',
  '1',
  '7',
  '8',
  '255',
  '256',
  '512',
  '1468',
  '65464',
  '65535',
  '65536',
  '-1',
  '1e3',
  ' 8',
  '007',
  '9'.repeat(20),
]
const names = [
  '..',
  '../secret',
  '/',
  '\\..\\secret',
  './/own',
  'OWN',
  '%2e%2e/secret',
  '\u00ff',
  'a'.repeat(300),
  '.hidden',
]

/** Applies `change` to the texts of a request, without their terminating NULs. */
function texts(change: (parts: string[], random: Random) => readonly string[]): Mutator {
  return (octets, random) => {
    const parts = Buffer.from(octets.subarray(2)).toString('latin1').split('\0').slice(0, -1)
    const made = change(parts, random).map((part) => `${part}\0`)
    return Uint8Array.of(...octets.subarray(0, 2), ...latin1(made.join('')))
  }
}

/** Replaces one text with another. */
function text(from: readonly string[], first = 0): Mutator {
  return texts((parts, random) => {
    const at = first + random.below(Math.max(1, parts.length - first))
    return parts.map((part, index) => (index === at ? random.pick(from) : part))
  })
}

const mutators: readonly Mutator[] = [
  (octets, random) => replaced(octets, 0, 2, Uint8Array.of(0, random.below(8))),
  (octets, random) => replaced(octets, 2, 4, random.octets(2)),
  texts(shuffled),
  texts((parts, random) => parts.filter(() => !random.once(4))),
  texts((parts, random) => [...parts, random.pick(words), random.pick(numbers)]),
  texts((parts) => [...parts, ...parts.slice(2)]),
  text(words),
  text(numbers, 2),
  text(names),
  texts(([, ...rest], random) => [random.pick(names), ...rest]),
]

function check(octets: Uint8Array): void {
  let packet: TftpPacket
  try {
    packet = decodePacket(octets)
  } catch (error) {
    if (error instanceof MalformedPacket) return
    throw error
  }
  checkCodec(packet)
  if (packet.kind !== 'rrq' && packet.kind !== 'wrq') return
  const checked = checkRequest(packet, true, undefined)
  if (checked.kind === 'refuse') return
  const parts = checked.name.split('/')
  if (packet.kind === 'wrq') throw new Error('a write request was accepted')
  if (parts.some((part) => part.startsWith('.') || part === ''))
    throw new Error(`the file name ${checked.name} was accepted`)
  const { blockOctets, windowBlocks, timeoutSeconds = 1, granted } = negotiate(checked.options, 3000)
  if (!(blockOctets >= 8 && blockOctets <= 1468)) throw new Error(`blocks of ${blockOctets} octets`)
  if (!(windowBlocks >= 1 && windowBlocks <= 64)) throw new Error(`windows of ${windowBlocks} blocks`)
  if (!(timeoutSeconds >= 1 && timeoutSeconds <= 255)) throw new Error(`a timeout of ${timeoutSeconds} s`)
  for (const name of granted.keys()) {
    if (!checked.options.has(name)) throw new Error(`${name} was not requested`) // RFC 2347
  }
}

/** Decoding and encoding must preserve the packet. It can be too long to encode: replacing invalid UTF-8 makes it longer. */
function checkCodec(packet: TftpPacket): void {
  // A request that cannot be read keeps nothing but its problem.
  if ('problem' in packet) return
  let again: Uint8Array
  try {
    again = encodePacket(packet)
  } catch (error) {
    if (error instanceof RangeError && /at most 512/.test(error.message)) return
    throw error
  }
  if (!isDeepStrictEqual(decodePacket(again), packet)) throw new Error('the encoded packet differs')
}

const secret = 'secret content'
const folder = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
t.teardown(() => rmSync(folder, { recursive: true }))
mkdirSync(join(folder, 'root'))
const loader = Buffer.alloc(3000, 'loader')
writeFileSync(join(folder, 'loader'), loader)
writeFileSync(join(folder, 'root/own'), 'own file')
writeFileSync(join(folder, 'root/.hidden'), secret)
writeFileSync(join(folder, 'secret'), secret)

const plan: TftpPlan = {
  address: '192.0.2.2',
  port: 69,
  files: new Map([['undionly.kpxe', join(folder, 'loader')]]),
  missing: new Map(),
  root: join(folder, 'root'),
  transfers: { kind: 'any' },
  // Those of all clients: others get nothing.
  networks: ['192.0.2.0/24', '10.0.0.0/8'].map((text) => parseCidr(text) as Cidr),
  mtus: [],
  nodeByAddress: new Map(),
}

async function serve(inputs: readonly Uint8Array[]): Promise<void> {
  await serveBy(startHere, inputs)
  await serveBy(startLane, inputs)
}

type Start = (options: TftpServiceOptions) => Promise<Pick<TftpService, 'close'>>

const startHere: Start = startTftp

/** The program of the lane, in this thread: the main thread gets what it sends as a value. */
const startLane: Start = async ({ sockets, log, counters, clock, onLost }) => {
  const { address, port } = plan
  const requestPorts = await sockets.udp('tftp', { address, port, onLost })
  const closed = Promise.withResolvers<undefined>()
  const program = createTftpProgram({
    sockets: requestPorts.map(({ local }) => ({ fd: -1, local, sendBufferOctets: 1 })),
    ports: {
      bindUdp: (options) => sockets.bindUdp(options),
      adopt: ({ local }) => requestPorts.find((each) => each.local === local) as UdpPort,
      wait: () => 0,
      open: () => 0,
    },
    outbox: {
      ...{ log, counters },
      add(message) {
        if (structuredClone(message).kind === 'closed') closed.resolve(undefined)
        return true
      },
    },
    clock,
  })
  program.receive({ version: 1, plan })
  return {
    async close(graceMs) {
      program.receive({ close: { graceMs } })
      await closed.promise
    },
  }
}

async function serveBy(start: Start, inputs: readonly Uint8Array[]): Promise<void> {
  const sockets = memorySockets()
  const clock = fakeClock()
  const counters = new Counters()
  const { failures, log, onLost } = watchFailures()
  const service = await start({
    plan: () => plan,
    sockets,
    log,
    counters,
    clock,
    onLost,
  })
  /** Each client has its own address, and sends its input to the request port and to the port that answered. */
  const clients = await Promise.all(
    inputs.map((_, index) => sockets.bindUdp({ address: `10.0.${index >> 8}.${index & 255}`, port: 2000 })),
  )
  const request = encodePacket({ kind: 'rrq', file: 'undionly.kpxe', mode: 'octet', options: new Map() })
  for (const [index, client] of clients.entries()) {
    if (index % 2 === 0) client.send(request, '192.0.2.2', 69)
    client.send(inputs[index] as Uint8Array, '192.0.2.2', 69)
  }
  await untilIdle(sockets)
  for (const [index, client] of clients.entries()) {
    const answer = sockets.flights.findLast(
      ({ from, to }) => to.address === client.local.address && from.port !== 69,
    )
    if (answer === undefined) continue
    for (const input of [
      inputs[index],
      inputs[(index * 7) % inputs.length],
      inputs[(index * 3) % inputs.length],
    ]) {
      client.send(input as Uint8Array, answer.from.address, answer.from.port)
    }
    // Another client sends to the same port.
    clients[(index + 1) % clients.length]?.send(
      inputs[index] as Uint8Array,
      answer.from.address,
      answer.from.port,
    )
  }
  await untilIdle(sockets)
  clock.advance(1000)
  await untilIdle(sockets)

  const validClient = await sockets.bindUdp({ address: '192.0.2.11', port: 2000 })
  const download = listenForFile(validClient)
  validClient.send(request, '192.0.2.2', 69)
  await until(() => download.isComplete(), 5000).catch(() => failures.push('no file after these inputs'))
  const closing = service.close(0)
  await untilIdle(sockets)
  clock.advance(0)
  await closing

  if (failures.length > 0) throw new Error(failures[0])
  if (counters.get('tftp.unhandled') > 0) throw new Error('a packet could not be handled')
  if (!loader.equals(Buffer.from(download.received))) throw new Error('a wrong file after these inputs')
  if (sockets.open().some((each) => each.startsWith('192.0.2.2:'))) throw new Error('a port is still open')
  if (clock.pending() > 0) throw new Error('a timer is still pending')
  const leaks = sockets.flights.some(
    ({ from, payload }) => from.address === '192.0.2.2' && Buffer.from(payload).includes(secret),
  )
  if (leaks) throw new Error('a packet contains a secret')
}

const isReading = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))

/** Waits until no file is being read and nothing was sent for some milliseconds. */
async function untilIdle(sockets: MemorySockets): Promise<void> {
  for (let still = 0, sent = -1; still < 4; still++) {
    await sockets.settled()
    await pause(1)
    if (sockets.flights.length === sent && !isReading()) continue
    sent = sockets.flights.length
    still = 0
  }
}

fuzz(t, {
  protocol: 'tftp',
  captures: [...requests.map((name) => hexFixture(`tftp/${name}`)), ...answers.map(encodePacket)],
  mutators,
  maxOctets: 700,
  shortRuns: 2000,
  batch: 200,
  check,
  serve,
})
