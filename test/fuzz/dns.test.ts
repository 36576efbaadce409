/** DNS over UDP: fuzzes the decoders, `answer`, the lane, the processing of resolvers' answers, and the service. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { MalformedPacket } from '../../src/proto/bytes.ts'
import { createFrameReader, frame, decodeAnswer } from '../../src/proto/dns/message.ts'
import { walkMessage } from '../../src/proto/dns/walk.ts'
import { createOutbox } from '../../src/host/lane/outbox.ts'
import { answer } from '../../src/serve/dns/answer.ts'
import { createCookies } from '../../src/serve/dns/cookies.ts'
import { createDnsProgram, maxUnreadOfDns, type DnsLaneMessage } from '../../src/serve/dns/lane.ts'
import type { ForwardRequest } from '../../src/serve/dns/query.ts'
import { clientReply, classifyAnswer, resolverQuery } from '../../src/serve/dns/relay.ts'
import { readFound } from '../../src/serve/dns/cache.ts'
import { readU16 } from '../../src/serve/dns/reply.ts'
import { startDns } from '../../src/serve/dns/service.ts'
import { crowdedModel } from '../plan/dns/guide.ts'
import { encode, planOf } from '../serve/dns/ask.ts'
import { dnsPacket } from '../support/dns-packet.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { inbox, memorySockets } from '../support/memory-sockets.ts'
import { fuzz } from './campaign.ts'
import { watchFailures } from './failures.ts'
import { dnsMutators, queries, questionEnd, resolverAnswers } from './dns-inputs.ts'

const plan = planOf(crowdedModel())
const client = { mayForward: true }
const outUdp = new Uint8Array(1232)
const outTcp = new Uint8Array(65_535)

/** Forwarded queries, to check answers against. */
const forwarded = [
  requestFor(encode({ name: 'quay.io', edns: { size: 1232 } })),
  requestFor(encode({ name: 'QUAY.io' })),
  requestFor(encode({ name: 'n192.quay.io' })),
]

function requestFor(query: Uint8Array): ForwardRequest {
  const result = answer(query, client, plan, outUdp, 'udp')
  if (result.kind !== 'forward') throw new Error(`expected a forwarded query, got ${result.kind}`)
  return result.request
}

const lane = createLane()

/** The program of the lane, in this thread, for a node of the site. */
function createLane() {
  const address = '172.16.0.21'
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DnsLaneMessage>(false, unread, maxUnreadOfDns)
  const clock = fakeClock()
  const [secret, machine] = [new Uint8Array(16), Uint8Array.of(0, 3, 0, 1, 65)]
  const program = createDnsProgram({ secret, machine }, outbox, clock)
  program.receive({ version: 1, plan: { ...plan, names: new Map() } })
  while (program.step());
  const cookies = createCookies(secret, clock)
  const nsid = plan.isNamed ? machine : undefined
  const out = new Uint8Array(2048)
  return {
    client: {
      mayForward: true,
      nsid,
      cookie: (received: Uint8Array) => cookies.verify(received, address).option,
    },
    answer(query: Uint8Array): Uint8Array {
      const peer = { address, port: 4000, socket: 0, slot: 0, to: undefined }
      const reply = out.slice(0, program.answer(query, out.fill(0xee), peer))
      // What the main thread gets must be a value that can be sent.
      structuredClone(outbox.take())
      unread.fill(0)
      return reply
    },
  }
}

/** The lane gives the pure answer, also the second and third time, from its cache. */
function checkLane(query: Uint8Array): void {
  const result = answer(query, lane.client, plan, outUdp, 'udp')
  const expected = result.kind === 'reply' ? new Uint8Array(result.octets) : new Uint8Array()
  for (const time of [1, 2, 3]) {
    if (Buffer.compare(lane.answer(query), expected) !== 0)
      throw new Error(`another reply of the lane, time ${time}`)
  }
}

function check(octets: Uint8Array): void {
  checkAnswer(octets, 'udp')
  checkLane(octets)
  checkAnswer(octets, 'tcp')
  for (const request of forwarded) {
    checkResolverAnswer(octets, request)
    checkResolverAnswer(answerTo(octets, request.query), request)
  }
  orMalformed(() => decodeAnswer(octets))
  checkFrames(octets)
}

function orMalformed<T>(attempt: () => T): T | undefined {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

function checkAnswer(query: Uint8Array, transport: 'udp' | 'tcp'): void {
  const result = answer(query, client, plan, transport === 'udp' ? outUdp : outTcp, transport)
  if (result.kind === 'silent') return
  if (result.kind === 'transfer') throw new Error('a zone transfer to a client that is not a secondary')
  if (result.kind === 'forward') {
    const sent = resolverQuery(result.request, 7)
    const again = answer(sent, client, plan, outUdp, 'udp')
    if (sent.length > 12 + 255 + 4 + 11 || again.kind !== 'forward')
      throw new Error('the forwarded query is not a query that would be forwarded')
    return
  }
  const { octets, outcome } = result
  if (octets.length > (transport === 'udp' ? 1232 : 65_535)) throw new Error(`${octets.length} octets`)
  checkReply(query, octets)
  const reply = dnsPacket.decode(octets)
  if (reply.type !== 'response') throw new Error('the reply is a query')
  if (outcome === 'nxdomain' && reply.authorities[0]?.type !== 'SOA' && !reply.flag_tc)
    throw new Error('NXDOMAIN without SOA')
  if (outcome === 'answered' && !reply.flag_aa) throw new Error('an answer without authority')
}

/** The reply has the id and the question of the query, and is well-formed. */
function checkReply(query: Uint8Array, reply: Uint8Array): void {
  const { questions, questionEnd } = walkMessage(reply)
  if (readU16(reply, 0) !== readU16(query, 0)) throw new Error('the reply has another id')
  const same = Buffer.compare(reply.subarray(12, questionEnd), query.subarray(12, questionEnd)) === 0
  if (questions > 1 || !same) throw new Error('the reply has another question')
}

function checkResolverAnswer(octets: Uint8Array, request: ForwardRequest): void {
  const kind = classifyAnswer(request, octets.length < 2 ? 1 : readU16(octets, 0), octets)
  if (kind !== 'answer' && kind !== 'truncated') return
  const found = orMalformed(() => readFound(octets))
  if (found === undefined) return
  for (const age of [0, 30, 'stale'] as const) {
    const reply = clientReply(request, found, age)
    if (reply.length > request.limitOctets)
      throw new Error(`${reply.length} octets of ${request.limitOctets}`)
    checkReply(request.query, reply)
    checkEdns(reply)
  }
}

/** RFC 6891 §6.1.2: the options must fill their record. */
function checkEdns(reply: Uint8Array): void {
  for (const { type, start, end } of walkMessage(reply).additional) {
    let at = start
    while (type === 41 && at < end) at += 4 + readU16(reply, at + 2)
    if (type === 41 && at !== end) throw new Error('EDNS options that do not fill their record')
  }
}

/** The segmentation of a stream must not change its messages. */
function checkFrames(octets: Uint8Array): void {
  const stream = Uint8Array.of(...frame(octets), ...octets)
  const whole = createFrameReader().push(stream)
  const reader = createFrameReader()
  const size = 1 + (stream[stream.length - 1] as number)
  const cut: Uint8Array[] = []
  for (let at = 0; at < stream.length; at += size) cut.push(...reader.push(stream.subarray(at, at + size)))
  if (!isDeepStrictEqual(whole, cut)) throw new Error('the segmentation of a stream changes its messages')
}

function answerTo(answer: Uint8Array, query: Uint8Array): Uint8Array {
  const header = Uint8Array.of(...query.subarray(0, 2), ...answer.subarray(2, 12))
  const question = query.subarray(12, questionEnd(query) + 4)
  return Buffer.concat([header, question, answer.subarray(questionEnd(answer) + 4)])
}

async function serve(inputs: readonly Uint8Array[]): Promise<void> {
  const sockets = memorySockets()
  const clock = fakeClock()
  const counters = new Counters()
  const { failures, log, onLost } = watchFailures()
  const service = await startDns({
    plan: () => plan,
    sockets: { ...sockets, tcp: () => Promise.resolve() },
    log,
    counters,
    clock,
    onLost,
  })
  // A resolver that sends one of the inputs, then the same with the id and question of the query.
  const upstream = await sockets.bindUdp({ address: '192.168.124.1', port: 53 })
  let received = 0
  upstream.receive((batch) => {
    for (const { payload, address, port } of batch) {
      const answer = inputs[received++ % inputs.length] as Uint8Array
      upstream.send(answer, address, port)
      upstream.send(answerTo(answer, payload), address, port)
    }
  })
  const node = await sockets.bindUdp({ address: '172.16.0.21', port: 4000 })
  const otherClient = await sockets.bindUdp({ address: '198.51.100.7', port: 4000 })
  const box = inbox(node)
  for (const [index, input] of inputs.entries()) {
    const from = index % 8 === 7 ? otherClient : node
    from.send(index % 3 === 0 ? encode({ name: `n${index}.quay.io` }) : input, '172.16.0.101', 53)
    if (index % 32 === 31) await sockets.settled()
  }
  await sockets.settled()
  for (let seconds = 0; seconds < 30; seconds++) {
    clock.advance(1000)
    await sockets.settled()
  }
  const before = box.all.length
  node.send(encode({ name: 'api.ocp45.example.localdomain', id: 0xbeef }), '172.16.0.101', 53)
  await sockets.settled()
  const closing = service.close(0)
  clock.advance(0)
  await sockets.settled()
  await closing

  if (failures.length > 0) throw new Error(failures[0])
  if (box.all.length !== before + 1 || readU16(box.all.at(-1)?.payload ?? new Uint8Array(2), 0) !== 0xbeef) {
    throw new Error('no response after these inputs')
  }
  for (const { payload } of box.all) walkMessage(payload)
  if (counters.get('dns.failures') > 0) throw new Error('a query failed')
  const open = sockets
    .open()
    .filter((each) => each.startsWith('172.16.0.101:') || each.startsWith('0.0.0.0:'))
  if (open.length > 0) throw new Error(`${open.join(' ')} are still open`)
}

fuzz(t, {
  protocol: 'dns',
  captures: [...queries, ...resolverAnswers],
  mutators: dnsMutators,
  maxOctets: 1500,
  shortRuns: 1500,
  batch: 300,
  check,
  serve,
})
