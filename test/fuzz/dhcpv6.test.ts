/** DHCPv6: fuzzes the decoder and `respond` with mutated messages of clients and relay agents. */
import t from 'tap'
import { MalformedPacket } from '../../src/proto/bytes.ts'
import { decodeMessage, MessageType } from '../../src/proto/dhcpv6/message.ts'
import { OptionCode } from '../../src/proto/dhcpv6/option.ts'
import { encodeClasses } from '../../src/proto/dhcpv6/values.ts'
import { maxMessageOctets, readSender } from '../../src/serve/dhcpv6/request.ts'
import { maxReplyOctets } from '../../src/serve/dhcpv6/reply.ts'
import { respond } from '../../src/serve/dhcpv6/respond.ts'
import {
  clientMessage,
  firmwareOptions,
  ipv6Plan,
  linkLocal,
  m1Mac,
  relayedMessage,
} from '../support/ipv6-site.ts'
import { fuzz } from './campaign.ts'
import { replaced, type Mutator } from './mutate.ts'

const plan = ipv6Plan()
const out = new Uint8Array(maxReplyOctets)
const networks = plan.subnets.map(({ network }) => network)
const serverId = plan.serverDuid
const address = 'fd00:16::11'
const sender = readSender(`${linkLocal(m1Mac)}%ens4`)

const interfaceId = { code: OptionCode.interfaceId, value: Uint8Array.of(1, 2, 3) }
const relayed = (inner: Uint8Array) => relayedMessage(inner, { options: [interfaceId] })

const solicit = clientMessage(MessageType.solicit, { addresses: [], others: firmwareOptions(7, 'PXEClient') })
const userClass = [{ code: OptionCode.userClass, value: encodeClasses(['iPXE']) }]
const captures = [
  solicit,
  clientMessage(MessageType.request, {
    serverId,
    addresses: [address],
    others: firmwareOptions(16, 'HTTPClient'),
  }),
  clientMessage(MessageType.request, { serverId, addresses: [address], others: userClass }),
  clientMessage(MessageType.renew, { serverId, addresses: [address] }),
  clientMessage(MessageType.confirm, { addresses: [address] }),
  clientMessage(MessageType.decline, { serverId, addresses: [address] }),
  clientMessage(MessageType.informationRequest, {}),
  relayed(solicit),
  relayed(relayed(solicit)),
]

const type: Mutator = (octets, random) => replaced(octets, 0, 1, Uint8Array.of(random.below(15)))

/** @throws {Error} if an invariant is violated */
function check(payload: Uint8Array): void {
  const received = { payload, sender, port: 546 }
  try {
    const result = respond(received, plan, () => networks, out)
    if (!('octets' in result)) return
    if (result.octets > 2 * maxMessageOctets) throw new Error(`reply of ${result.octets} octets`)
    const reply = decodeMessage(out.subarray(0, result.octets))
    if (reply.kind === 'relay' && reply.type !== MessageType.relayReply) throw new Error('not a RELAY-REPL')
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
  }
}

fuzz(t, {
  protocol: 'dhcpv6',
  captures,
  mutators: [type],
  maxOctets: maxMessageOctets + 100,
  shortRuns: 4000,
  batch: 1000,
  check,
  // The service adds only counters and the log, which test/serve/dhcpv6 covers.
  serve: () => Promise.resolve(),
})
