/**
 * A valid request of a declared machine with any one option damaged still gets its answer: DHCP, TFTP, and HTTP. Damage
 * that makes another valid request is left out, such as another requested address. Runs like the other campaigns:
 * `npm run fuzz` uses FUZZ_RUNS cases for each protocol with a new seed, and FUZZ_SEED repeats a run.
 */
import t from 'tap'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import { isUnicast, type Ipv4 } from '../../src/proto/address/ip.ts'
import { decodeMessage } from '../../src/proto/dhcp/message.ts'
import { optionRowByCode } from '../../src/proto/dhcp/option-table.ts'
import { readSubOptions } from '../../src/proto/dhcp/values/sub-options.ts'
import { decodePacket } from '../../src/proto/tftp/packet.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'
import { negotiate, checkRequest } from '../../src/serve/tftp/request.ts'
import { captures, captureModel } from '../support/dhcp-captures.ts'
import { hexFixture } from '../support/hex.ts'
import { rootfs, routesWorld } from '../support/http-service.ts'
import { createRandom, type Random } from './random.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 2000)
const seed = Number(
  process.env['FUZZ_SEED'] ?? (process.env['FUZZ_RUNS'] === undefined ? 1 : Date.now() % 0x7fffffff),
)

type Case = { readonly input: Uint8Array; readonly holds: () => boolean | Promise<boolean> }

/** Reports up to three failing inputs. @param next creates a case */
function property(protocol: string, count: number, next: (random: Random) => Case): void {
  t.test(`${protocol}: ${count} requests with one damaged option from seed ${seed}`, async (t) => {
    const random = createRandom(seed)
    const failures: string[] = []
    for (let run = 0; run < count && failures.length < 3; run++) {
      const { input, holds } = next(random)
      if (!(await holds())) failures.push(Buffer.from(input).toString('hex'))
    }
    t.same(failures, [])
  })
}

// DHCP

type Option = { readonly code: number; readonly value: Uint8Array }

const { plan } = compileDhcp(captureModel())
const out = new Uint8Array(maxReplyOctets)
const optionsOffset = 240
const [messageType, serverIdentifier, requestedAddress, relayInformation, subnetSelection] = [
  53, 54, 50, 82, 118,
]
/** RFC 2131 §3: these decide what the request is. Damage must leave no other valid value. */
const deciding = new Set([messageType, serverIdentifier, requestedAddress, subnetSelection])

function answerTo(payload: Uint8Array) {
  const address = payload.subarray(12, 16).join('.')
  const result = respond({ payload, address, port: 68 }, 'broadcast', plan, out)
  if (!('octets' in result)) return undefined
  const reply = decodeMessage(out.subarray(0, result.octets))
  return `${result.kind} ${reply.yiaddr} ${reply.xid}`
}

const relayed = (octets: Uint8Array): Uint8Array => {
  const copy = octets.slice()
  copy.set([172, 16, 0, 1], 24)
  const end = copy.indexOf(255, optionsOffset)
  return Uint8Array.of(...copy.subarray(0, end), 82, 13, 1, 3, 69, 116, 104, 2, 6, 0, 27, 84, 0, 0, 1, 255)
}

const requests = captures
  .flatMap(({ octets }) => [octets, relayed(octets)])
  .flatMap((octets) => {
    const answer = answerTo(octets)
    const options = decodeMessage(octets).options.map(({ code, value }) => ({ code, value: value.slice() }))
    // A request for another address than the reserved one gets a NAK: it is not a valid one.
    return answer === undefined || answer.startsWith('refused') ? [] : [{ octets, answer, options }]
  })

const encoded = ({ code, value }: Option): number[] => [code, value.length, ...value]

/** Returns the options field with one option damaged, without END where the damage is at its end. */
function damagedField(options: readonly Option[], at: number, random: Random): number[] | undefined {
  const option = options[at] as Option
  const { code, value } = option
  const others = options.filter((_, index) => index !== at)
  const around = (...changed: (readonly number[])[]) =>
    [...options.slice(0, at).map(encoded), ...changed, ...options.slice(at + 1).map(encoded), [255]].flat()
  const any = () => random.octets(random.pick([0, 1, 2, 3, 4, 5, 8, 17, 64, 255]))
  const isFixed = deciding.has(code)
  switch (random.below(7)) {
    case 0: {
      const longer = Uint8Array.of(...value, ...random.octets(1 + random.below(8))).slice(0, 255)
      return isFixed && optionRowByCode.get(code)?.type === 'address' && longer.length === 4 ? undefined : around(encoded({ code, value: longer })) // prettier-ignore
    }
    case 1:
      if (code === messageType || value.length === 0) return undefined
      return around(encoded({ code, value: value.slice(0, random.below(value.length)) }))
    case 2:
      return isFixed ? undefined : around(encoded({ code, value: any() }))
    case 3:
      return around(encoded(option), encoded({ code, value: any() }))
    case 4: {
      const cut = random.below(value.length + 1)
      if (isFixed && code !== messageType && cut > 0 && cut < value.length) return undefined
      return around(encoded({ code, value: value.slice(0, cut) }), encoded({ code, value: value.slice(cut) }))
    }
    case 5: {
      if (code === messageType || value.length === 0) return undefined
      return [...others.flatMap(encoded), code, value.length, ...value.slice(0, random.below(value.length))]
    }
    default: {
      const added = random.below(254) + 1
      if (deciding.has(added) || added === relayInformation) return undefined
      return around(encoded(option), encoded({ code: added, value: any() }))
    }
  }
}

/** Whether the relay agent names another network: a valid request for that network. */
function namesNetwork(field: Uint8Array): boolean {
  const { options } = decodeMessage(field)
  const value = options.find(({ code }) => code === relayInformation)?.value
  const link = value && readSubOptions(value).found.get(5)
  return link?.length === 4 && isUnicast(Buffer.from(link).readUInt32BE() as Ipv4)
}

property('dhcp', runs, (random) => {
  for (;;) {
    const { octets, answer, options } = random.pick(requests)
    const field = damagedField(options, random.below(options.length), random)
    if (field === undefined) continue
    const input = Uint8Array.of(...octets.subarray(0, optionsOffset), ...field)
    if (namesNetwork(input)) continue
    return { input, holds: () => answerTo(input) === answer }
  }
})

// TFTP

const reads = ['atftp', 'busybox', 'curl', 'ipxe-bios', 'lenovo-t460', 'ovmf-read', 'ovmf-size', 'tftp-hpa']
  .map((name) => hexFixture(`tftp/${name}`))
  .map((octets) => Buffer.from(octets.subarray(2)).toString('latin1').split('\0').slice(0, -1))
  .map((texts) => ({ texts, pairs: (texts.length - 2) / 2 }))

function readOf(octets: Uint8Array) {
  const packet = decodePacket(octets)
  if (packet.kind !== 'rrq') return undefined
  const check = checkRequest(packet, undefined)
  return check.kind === 'read'
    ? { name: check.name, granted: negotiate(check.options, 3000).granted }
    : undefined
}

const requestOf = (text: string) => Uint8Array.from(Buffer.from(`\0\x01${text}`, 'latin1'))
const joined = (texts: readonly string[]) => texts.map((text) => `${text}\0`).join('')

property('tftp', runs, (random) => {
  const { texts, pairs } = random.pick(reads)
  const whole = readOf(requestOf(joined(texts)))
  const at = 2 + 2 * random.below(pairs + 1)
  const [name = 'blksize', value = '8'] = texts.slice(at, at + 2)
  const [before, after] = [texts.slice(0, at), texts.slice(at + 2)]
  const any = () =>
    Buffer.from(random.octets(random.below(12)).filter((octet) => octet !== 0)).toString('latin1')
  const text = random.pick([
    () => joined([...before, name, any(), ...after]),
    () => joined([...before, any(), value, ...after]),
    () => joined([...before, '', value, ...after]),
    () => joined([...before, name, `00${value}`, ...after]),
    () => joined([...before, name, value, name, any(), ...after]),
    () => joined([...before, name, '9'.repeat(random.below(500)), ...after]),
    () => `${joined(before)}${name}\0`,
    () => `${joined(before)}${name}\0${value}`,
    () => `${joined(before)}${name}`,
    () => joined(texts) + '\0'.repeat(random.below(40)),
    () => joined(texts) + any(),
  ])()
  const input = requestOf(text)
  const isSame = () => {
    const read = readOf(input)
    const kept = new Set(before.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase()))
    const granted = [...(whole?.granted ?? [])].filter(([each]) => kept.has(each))
    return read?.name === whole?.name && granted.every(([each, text]) => read?.granted.get(each) === text)
  }
  return { input, holds: isSame }
})

// HTTP

const paths = ['/boot/ocp45/m1/boot.ipxe', '/images/rhcos/rhcos-live-rootfs.x86_64.img', '/loaders/efi/ipxe.efi', '/health'] // prettier-ignore
/** Fields that a client can leave out, and whose value does not make another request. */
const fields = ['range', 'if-range', 'if-modified-since', 'accept', 'accept-encoding', 'user-agent', 'cache-control', 'connection', 'referer', 'cookie', 'authorization', 'keep-alive', 'te', 'via', 'x'] // prettier-ignore
const values = ['', '*', '0', '-1', 'bytes=', 'bytes=-', 'bytes=0-', 'bytes=4-2', 'bytes=0-0,2-2', 'bytes=-5', 'W/"x"', '"', 'gzip;q=9', 'close, close', 'Thu, 01 Jan 1970 00:00:00 GMT', 'never', 'x'.repeat(2000)] // prettier-ignore

const ready = routesWorld(t)
property('http', runs, (random) => {
  const path = random.pick(paths)
  const printable = () =>
    Buffer.from(random.octets(random.below(30)).map((octet) => 32 + (octet % 95))).toString()
  const [field, value] = [random.pick(fields), random.once(2) ? random.pick(values) : printable()]
  const input = Buffer.from(`GET ${path} ${field}: ${value}`)
  const holds = async () => {
    const { ask } = await ready
    const { statusCode, body } = await ask(path, { [field]: value })
    const isFile = path.startsWith('/images/')
    if (isFile && statusCode === 206) return rootfs.includes(body)
    if (isFile && statusCode === 304) return field === 'if-modified-since'
    if (isFile && statusCode === 416) return field === 'range'
    return statusCode === 200 && (!isFile || body === rootfs)
  }
  return { input, holds }
})
