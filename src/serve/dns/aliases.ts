/**
 * Aliases that lead to another source: from a resolver's answer into a zone of the site, or to the resolvers of another
 * zone. The search restarts at such an alias (RFC 1034 §4.3.2 step 3a and §5.2.2). Bounded in restarts and in time.
 */
import type { Clock } from '../../host/clock.ts'
import { expandName, expandRecord, walkMessage, type RecordPosition } from '../../proto/dns/walk.ts'
import { lowerOctet } from '../../proto/dns/name.ts'
import {
  classIn,
  ednsUdpOctets,
  HeaderFlag,
  headerOctets,
  RecordType,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import { answer } from './answer.ts'
import { readFound } from './cache.ts'
import type { ForwardRequest } from './query.ts'
import { optOctets, readU16, writeHeader, writeOpt, writeU16 } from './reply.ts'
import type { Resolution } from './resolve.ts'

const maxRestarts = 8
const maxMs = 4500
const maxMessageOctets = 65_535

/** The part of an answer that remains, and the source of the rest. */
type Restart = {
  /** The CNAME records and their signatures, without compression. */
  readonly chain: readonly Uint8Array[]
  /** The target of the last one, in lower case. */
  readonly target: string
  /** An answer from the zones of the site, or the question for other resolvers. */
  readonly next: Uint8Array | ForwardRequest
}

const failed: Resolution = { kind: 'failed', rcode: ResponseCode.servFail, reason: 'refusal' }

/** Overwritten by each answer from the zones of the site. */
const out = new Uint8Array(maxMessageOctets)

/**
 * Resolves a question, and restarts at aliases that another source answers.
 *
 * @param resolve sends one question to its resolvers
 */
export async function resolveAliases(
  request: ForwardRequest,
  resolve: (request: ForwardRequest) => Promise<Resolution>,
  clock: Pick<Clock, 'monotonic'>,
): Promise<Resolution> {
  const start = clock.monotonic()
  const chain: Uint8Array[] = []
  const passed = new Set<string>()
  let current = request
  for (let restarts = 0; restarts <= maxRestarts; restarts++) {
    const resolution = await resolve(current)
    if (resolution.kind === 'failed') return resolution
    const { octets, hasAlias } = resolution.found
    const restart = hasAlias ? findRestart(octets, current) : undefined
    if (restart === undefined) return chain.length === 0 ? resolution : joined(request, chain, octets)
    chain.push(...restart.chain)
    if (restart.next instanceof Uint8Array) return joined(request, chain, restart.next)
    if (passed.has(restart.target) || clock.monotonic() - start >= maxMs) return failed
    passed.add(restart.target)
    current = restart.next
  }
  return failed
}

/** Follows the aliases of an answer to the first target that has another source. */
function findRestart(octets: Uint8Array, request: ForwardRequest): Restart | undefined {
  const { answers, questionEnd } = walkMessage(octets)
  const qtype = readU16(octets, questionEnd - 4)
  if (qtype === RecordType.CNAME || qtype === RecordType.ANY) return undefined
  const owners = answers.map((_, index) => answers[index - 1]?.end ?? questionEnd)
  const records = answers.map((position, index) => {
    const at = owners[index] as number
    return { position, at, owner: lowerName(octets, at) }
  })
  const chain: Uint8Array[] = []
  const passed = new Set<string>()
  let owner = lowerName(octets, headerOctets)
  while (!passed.has(owner)) {
    passed.add(owner)
    const alias = records.find(
      (record) => record.owner === owner && record.position.type === RecordType.CNAME,
    )
    if (alias === undefined) return undefined
    const kept = records.filter(
      (record) => record === alias || (record.owner === owner && record.position.type === RecordType.RRSIG),
    )
    chain.push(...kept.map(({ at, position }) => expandRecord(octets, at, position)))
    const next = sourceOf(expandName(octets, alias.position.start), qtype, request)
    owner = lowerName(octets, alias.position.start)
    if (next !== undefined) return { chain, target: owner, next }
  }
  return undefined
}

/** @returns nothing if the resolvers of the request, or no server, answer for the name */
function sourceOf(
  name: Uint8Array,
  qtype: number,
  request: ForwardRequest,
): Uint8Array | ForwardRequest | undefined {
  const end = headerOctets + name.length + 4
  const query = new Uint8Array(end + (request.isDnssecOk ? optOctets : 0))
  writeU16(query, 2, readU16(request.query, 2) & (HeaderFlag.recursionDesired | HeaderFlag.checkingDisabled))
  writeU16(query, 4, 1)
  query.set(name, headerOctets)
  writeU16(query, end - 4, qtype)
  writeU16(query, end - 2, classIn)
  if (request.isDnssecOk) {
    writeU16(query, 10, 1)
    writeOpt(query, end, ednsUdpOctets, true, 0)
  }
  const result = answer(query, { mayForward: true }, request.plan, out, 'tcp')
  if (result.kind === 'forward') {
    return result.request.resolvers === request.resolvers ? undefined : result.request
  }
  const isOurs = result.kind === 'reply' && ['answered', 'nodata', 'nxdomain'].includes(result.outcome)
  return isOurs ? result.octets.slice() : undefined
}

/** Returns the answer to `request`: the aliases, then the records of the last message. */
function joined(request: ForwardRequest, chain: readonly Uint8Array[], last: Uint8Array): Resolution {
  const { questionEnd, answers, authority } = walkMessage(last)
  const positions = [...answers, ...authority]
  const records = positions.map((position: RecordPosition, index) =>
    expandRecord(last, positions[index - 1]?.end ?? questionEnd, position),
  )
  const message = Buffer.concat([request.query.subarray(0, request.end), ...chain, ...records])
  if (message.length > maxMessageOctets) return failed
  writeHeader(request.query, message, HeaderFlag.response | (readU16(last, 2) & 15))
  writeU16(message, 6, chain.length + answers.length)
  writeU16(message, 8, authority.length)
  writeU16(message, 10, 0)
  return { kind: 'found', found: readFound(Uint8Array.from(message)) }
}

function lowerName(octets: Uint8Array, at: number): string {
  return String.fromCharCode(...expandName(octets, at).map((octet) => lowerOctet[octet] as number))
}
