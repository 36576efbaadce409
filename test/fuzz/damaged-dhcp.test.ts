/** DHCP: messages of real clients with one damaged option. */
import t from 'tap'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import { isUnicast, type Ipv4 } from '../../src/proto/address/ip.ts'
import { decodeMessage } from '../../src/proto/dhcp/message.ts'
import { optionRowByCode } from '../../src/proto/dhcp/option-table.ts'
import { readSubOptions } from '../../src/proto/dhcp/values/sub-options.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'
import { captures, captureModel } from '../support/dhcp-captures.ts'
import { property } from './damaged.ts'
import type { Random } from './random.ts'

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

property(t, 'dhcp', (random) => {
  for (;;) {
    const { octets, answer, options } = random.pick(requests)
    const field = damagedField(options, random.below(options.length), random)
    if (field === undefined) continue
    const input = Uint8Array.of(...octets.subarray(0, optionsOffset), ...field)
    if (namesNetwork(input)) continue
    return { input, holds: () => answerTo(input) === answer }
  }
})
