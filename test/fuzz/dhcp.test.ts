/** DHCP: fuzzes the decoder, `respond`, the lane, and the service with mutated captures of real firmware. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { DhcpPlan } from '../../src/plan/dhcp/plan.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { formatIpv4 } from '../../src/proto/address/ip.ts'
import { macFromOctets } from '../../src/proto/address/mac.ts'
import { MalformedPacket } from '../../src/proto/bytes.ts'
import type { Datagram } from '../../src/host/udp.ts'
import { decodeMessage, encodeMessage, xidOffset, type DhcpMessage } from '../../src/proto/dhcp/message.ts'
import { OptionCode } from '../../src/proto/dhcp/option-table.ts'
import { createOutbox } from '../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../src/host/lane/planned.ts'
import { handleDatagram, isRepeatable, portable, recordedOf, replyOf } from '../../src/serve/dhcp/handle.ts'
import { createDhcpProgram, maxUnreadOfDhcp, type DhcpLaneMessage } from '../../src/serve/dhcp/lane.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond, type Replied } from '../../src/serve/dhcp/respond.ts'
import { startDhcp } from '../../src/serve/dhcp/service.ts'
import { captured, captureModel, captures } from '../support/dhcp-captures.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { inbox, memorySockets } from '../support/memory-sockets.ts'
import { fuzz } from './campaign.ts'
import { replaced, shuffled, type Mutator } from './mutate.ts'
import type { Random } from './random.ts'

const { plan } = compileDhcp(captureModel())
const { plan: proxyPlan } = compileDhcp(captureModel({ dhcp: 'proxy' }))
const optionsOffset = 240
const discover = captured('OVMF PXE DISCOVER')

/** Splits the options, with code and length, as far as possible. */
function optionsOf(octets: Uint8Array): Uint8Array[] {
  const options: Uint8Array[] = []
  let at = optionsOffset
  while (at < octets.length && octets[at] !== 255) {
    const end = octets[at] === 0 ? at + 1 : at + 2 + (octets[at + 1] ?? 0)
    options.push(octets.subarray(at, end))
    at = end
  }
  return options
}

function withOptions(octets: Uint8Array, options: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([octets.subarray(0, optionsOffset), ...options, Uint8Array.of(255)])
}

const codes = Object.values(OptionCode)

function anyOption(random: Random): Uint8Array {
  const value = random.octets(random.pick([0, 1, 2, 3, 4, 5, 8, 17, 64, 255]))
  return Uint8Array.of(random.pick(codes), random.once(8) ? random.below(256) : value.length, ...value)
}

/** Replaces one option with the result of `change`. */
function changed(change: (option: Uint8Array, random: Random) => readonly Uint8Array[]): Mutator {
  return (octets, random) => {
    const options = optionsOf(octets)
    if (options.length === 0) return octets
    const at = random.below(options.length)
    return withOptions(
      octets,
      options.flatMap((option, index) => (index === at ? change(option, random) : [option])),
    )
  }
}

/** Overwrites octets at a fixed offset of the header. */
function header(at: number, values: readonly (readonly number[])[]): Mutator {
  return (octets, random) => {
    const value = random.pick(values)
    return replaced(octets, at, at + value.length, Uint8Array.from(value))
  }
}

const addresses = [
  [0, 0, 0, 0],
  [172, 16, 0, 11],
  [172, 16, 0, 61],
  [172, 16, 0, 99],
  [10, 0, 0, 1],
  [255, 255, 255, 255],
]

const mutators: readonly Mutator[] = [
  (octets, random) => withOptions(octets, shuffled(optionsOf(octets), random)),
  (octets, random) => withOptions(octets, [...optionsOf(octets), anyOption(random)]),
  changed(() => []),
  changed((option) => [option, option]),
  // A wrong length.
  changed((option, random) => [Uint8Array.of(option[0] ?? 0, random.below(256), ...option.subarray(2))]),
  // Another value of the same option.
  changed((option, random) => {
    const value = random.octets(random.below(20))
    return [Uint8Array.of(option[0] ?? 0, value.length, ...value)]
  }),
  // A value under another code.
  changed((option, random) => [Uint8Array.of(random.pick(codes), ...option.subarray(1))]),
  // A value in two parts (RFC 3396).
  changed((option, random) => {
    const value = option.subarray(2)
    const at = random.below(value.length + 1)
    const part = (octets: Uint8Array) => Uint8Array.of(option[0] ?? 0, octets.length, ...octets)
    return [part(value.subarray(0, at)), part(value.subarray(at))]
  }),
  // Options in sname and file (RFC 2132 §9.3).
  (octets, random) => {
    const inside = Buffer.concat([anyOption(random), anyOption(random)])
    const start = random.pick([44, 108])
    const filled = replaced(octets, start, start + inside.length, inside).slice(0, octets.length)
    return withOptions(filled, [Uint8Array.of(OptionCode.overload, 1, random.below(5)), ...optionsOf(octets)])
  },
  // A relay agent's option, with link selection and server identifier override.
  (octets, random) => {
    const sub = (code: number) => {
      const value = random.once(4) ? [...random.octets(random.below(8))] : random.pick(addresses)
      return [code, value.length, ...value]
    }
    const value = [...sub(1), ...sub(5), ...sub(11)]
    return withOptions(octets, [...optionsOf(octets), Uint8Array.of(82, value.length, ...value)])
  },
  header(0, [[0], [1], [2], [1, 6, 6], [1, 1, 16], [1, 1, 17]]),
  header(10, [
    [0x80, 0],
    [0, 0],
    [0xff, 0xff],
  ]),
  header(12, addresses),
  header(24, addresses),
  header(28, [
    [0x52, 0x54, 0, 0, 0, 0x11],
    [0x52, 0x54, 0, 0, 0x0c, 0x01],
  ]),
]

const lanes = ([undefined, 'proxy'] as const).map((dhcp) => {
  const arrivals = ['unicast', 'broadcast', 'unknown', 'proxy-port'] as const
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DhcpLaneMessage | AppliedMessage>(false, unread, maxUnreadOfDhcp)
  const program = createDhcpProgram({ arrivals, isEveryInterface: true }, outbox, fakeClock())
  program.receive({ version: 1, plan: { model: captureModel(dhcp && { dhcp }), withheld: [] } })
  while (program.step());
  outbox.take()
  return { arrivals, unread, outbox, program, plan: dhcp === undefined ? plan : proxyPlan }
})

/**
 * The reply of the lane is that of the plan, also if the message is repeated. The main thread gets each result as a value that
 * can be sent, or a repetition of a system as a number.
 */
function checkLanes(payload: Uint8Array): void {
  const address = payload.subarray(12, 16).join('.')
  const again = Uint8Array.from(payload)
  if (again.length >= optionsOffset) again.set([1, 2, 3, 4], xidOffset)
  for (const lane of lanes) {
    for (const socket of lane.arrivals.keys()) {
      for (const each of [payload, again, payload])
        checkLane(lane, { payload: each, address, port: 68 }, socket)
    }
  }
}

function checkLane(
  { arrivals, unread, outbox, program, plan: current }: (typeof lanes)[number],
  datagram: Datagram,
  socket: number,
): void {
  const [out, expected] = [new Uint8Array(2048), new Uint8Array(2048)]
  const { payload, address, port } = datagram
  const handled = handleDatagram(datagram, arrivals[socket] ?? 'unknown', current, expected, () => true)
  const octets = program.answer(payload, out, { address, port, socket, slot: 0, to: undefined })
  const messages = structuredClone(outbox.take())?.messages ?? []
  unread.fill(0)
  const reply = replyOf(handled)
  if (
    octets !== (reply?.octets ?? 0) ||
    !isDeepStrictEqual(out.subarray(0, octets), expected.subarray(0, octets))
  ) {
    throw new Error('the client gets another reply than that of the plan')
  }
  const sent = messages.findLast(isComplete)
  if (sent === undefined) {
    if (!isRepeatable(handled)) throw new Error('the main thread gets nothing')
    return
  }
  const recorded = recordedOf(sent.handled)
  if (recorded.kind === 'failed') throw new Error('the lane failed')
  if (!isDeepStrictEqual(recorded, recordedOf(portable(handled)))) {
    throw new Error('the main thread gets another result than the client')
  }
  if (reply !== undefined) checkReply(decodeMessage(payload), reply, out)
}

type Handled = Extract<DhcpLaneMessage, { kind: 'handled' }>

/** Whether a message is about one datagram, and not about repetitions. */
function isComplete(message: DhcpLaneMessage | AppliedMessage): message is Handled {
  return message.kind === 'handled' && message.repeated === undefined
}

function check(octets: Uint8Array): void {
  const message = orMalformed(() => decodeMessage(octets))
  if (message !== undefined) checkCodec(message)
  checkLanes(octets)
  for (const current of [plan, proxyPlan]) {
    for (const arrival of ['unicast', 'broadcast', 'unknown', 'proxy-port'] as const) {
      const out = new Uint8Array(maxReplyOctets)
      const result = orMalformed(() =>
        respond(
          { payload: octets, address: octets.subarray(12, 16).join('.'), port: 68 },
          arrival,
          current,
          out,
        ),
      )
      if (result === undefined || !('octets' in result)) continue
      if (message === undefined) throw new Error('a reply to a malformed message')
      checkReply(message, result, out)
      if (result.kind.startsWith('boot-') !== (current === proxyPlan))
        throw new Error(`a reply of the kind ${result.kind}`)
    }
  }
}

function orMalformed<T>(attempt: () => T): T | undefined {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

/** Decoding and encoding must preserve the message. Names that fill their field have no NUL and cannot be encoded. */
function checkCodec(message: DhcpMessage): void {
  if (message.sname.length > 63 || message.file.length > 127) return
  const out = new Uint8Array(16_384)
  const again = decodeMessage(out.subarray(0, encodeMessage(message, out)))
  const plain = ({ options, ...rest }: DhcpMessage) => ({
    ...rest,
    ignored: undefined,
    chaddr: [...rest.chaddr],
    options: options.map(({ code, value }) => [code, ...value]),
  })
  if (!isDeepStrictEqual(plain(again), plain(message))) throw new Error('the encoded message differs')
}

type Reply = Pick<Replied, 'octets' | 'to' | 'kind'>

/** Checks a reply against its request: RFC 2131 §4.3.1 table 3, RFC 3046 §2.2, RFC 6842 §3. */
function checkReply(request: DhcpMessage, { octets, to, kind }: Reply, out: Uint8Array): void {
  const value = (message: DhcpMessage, code: number) =>
    Buffer.from(message.options.find((option) => option.code === code)?.value ?? []).toString('hex')
  const size = value(request, 57)
  // An option of another length than two octets is ignored.
  const limit = Math.min(1500, Math.max(576, size.length === 4 ? parseInt(size, 16) : 0)) - 28
  const reply = decodeMessage(out.subarray(0, octets))
  const reservation = plan.reservationByMac.get(macFromOctets(request.chaddr))
  const hasAddress = kind === 'offered' || kind === 'acknowledged'
  const sender = request.giaddr !== 0 ? formatIpv4(request.giaddr) : formatIpv4(request.ciaddr)
  const facts: Readonly<Record<string, boolean>> = {
    'a length that the client accepts': octets >= 300 && octets <= limit,
    'op 2': reply.op === 2,
    'the transaction': reply.xid === request.xid,
    'the hardware address': Buffer.compare(reply.chaddr, request.chaddr) === 0,
    'the relay agent': reply.giaddr === request.giaddr,
    'the reserved address': reply.yiaddr === (hasAddress ? reservation?.address : 0),
    'a message type first': reply.options[0]?.code === OptionCode.messageType,
    'a server identifier': value(reply, 54) !== '',
    'a lease time with an address': (value(reply, 51) !== '') === hasAddress,
    'the client identifier': value(reply, 61) === value(request, 61) || octets + 300 > limit,
    // RFC 3046 §2.1: the reply to INFORM does not pass the relay agent.
    'the relay agent’s information':
      value(reply, 82) === (kind === 'informed' && request.giaddr !== 0 ? '' : value(request, 82)) ||
      octets + 300 > limit,
    'a valid destination':
      to === 'sender' ||
      to.address === '255.255.255.255' ||
      to.address === sender ||
      to.address === formatIpv4(request.ciaddr),
    'zeros after END': out.subarray(octets).every((octet) => octet === 0),
  }
  for (const [what, holds] of Object.entries(facts)) if (!holds) throw new Error(`a reply without ${what}`)
}

async function serve(inputs: readonly Uint8Array[]): Promise<void> {
  for (const current of [plan, proxyPlan]) await serveBy(current, inputs)
}

async function serveBy(current: DhcpPlan, inputs: readonly Uint8Array[]): Promise<void> {
  const network = memorySockets()
  const counters = new Counters()
  const failures: string[] = []
  const write = (line: string) => {
    if (line.includes('"level":"error"')) failures.push(line)
  }
  const service = await startDhcp({
    plan: () => current,
    sockets: network,
    log: createLog('debug', { write }),
    counters,
    clock: fakeClock(),
    onLost: (error) => failures.push(error.message),
  })
  const client = await network.bindUdp({ address: '0.0.0.0', port: 68, reuseAddress: true, broadcast: true })
  const received = inbox(client)
  for (const [index, input] of inputs.entries()) {
    const port = current.proxyPort !== undefined && index % 4 === 3 ? current.proxyPort : 67
    client.send(input, index % 2 === 0 ? '255.255.255.255' : '172.16.0.101', port)
    if (index % 32 === 31) await network.settled()
  }
  await network.settled()
  const before = received.all.length
  client.send(discover, '255.255.255.255', 67)
  await network.settled()
  await service.close(0)

  if (failures.length > 0) throw new Error(failures[0])
  if (received.all.length !== before + 1) throw new Error('no offer after these inputs')
  // A reply to a relay agent without a socket is also counted as received.
  const packets = network.flights.filter(({ to }) => to.port === 67 || to.port === current.proxyPort).length
  const details = ['dhcp.nothingToBoot', 'dhcp.optionsIgnored']
  const counts = Object.entries(counters.snapshot()).filter(([name]) => !details.includes(name))
  const counted = counts.reduce((sum, [, count]) => sum + count, 0)
  if (counted !== packets) throw new Error(`${packets} packets, ${counted} counted`)
}

fuzz(t, {
  protocol: 'dhcp',
  captures: captures.map(({ octets }) => octets),
  mutators,
  maxOctets: 1500,
  shortRuns: 2000,
  batch: 500,
  check,
  serve,
})
