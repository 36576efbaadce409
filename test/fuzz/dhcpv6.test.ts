/** DHCPv6: fuzzes the decoder, `respond`, and the lane with mutated messages of clients and relay agents. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { createOutbox } from '../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../src/host/lane/planned.ts'
import { MalformedPacket } from '../../src/proto/bytes.ts'
import { decodeMessage, MessageType, transactionOffset } from '../../src/proto/dhcpv6/message.ts'
import { OptionCode } from '../../src/proto/dhcpv6/option.ts'
import { encodeClasses } from '../../src/proto/dhcpv6/values.ts'
import type { Done } from '../../src/serve/dhcpv6/handle.ts'
import { createDhcpv6Program, maxUnreadOfDhcpv6 } from '../../src/serve/dhcpv6/lane.ts'
import { maxMessageOctets, readSender } from '../../src/serve/dhcpv6/request.ts'
import { maxReplyOctets } from '../../src/serve/dhcpv6/reply.ts'
import { respond } from '../../src/serve/dhcpv6/respond.ts'
import {
  clientMessage,
  firmwareOptions,
  ipv6Model,
  ipv6Plan,
  linkLocal,
  m1Mac,
  relayedMessage,
} from '../support/ipv6-site.ts'
import { fakeClock } from '../support/fake-clock.ts'
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
    checkLane(payload)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
  }
}

const clock = fakeClock()
const unread = new Int32Array(new SharedArrayBuffer(4))
const outbox = createOutbox<Done | AppliedMessage>(false, unread, maxUnreadOfDhcpv6)
const program = createDhcpv6Program(outbox, clock, () => ({
  ens4: ['fd00:16::101', 'fd00:17::101'].map((own) => ({
    ...{ address: own, netmask: '', cidr: null, internal: false },
  })),
}))
program.receive({ version: 1, plan: ipv6Model() })
const laneReply = new Uint8Array(maxReplyOctets)

/** The reply of the lane is that of the plan, also if the message is repeated. */
function checkLane(payload: Uint8Array): void {
  const again = Uint8Array.from(payload)
  if (again[0] !== MessageType.relayForward) again.set([1, 2, 3], transactionOffset)
  for (const each of [payload, again, payload, again]) {
    const result = respond({ payload: each, sender, port: 546 }, plan, () => networks, out)
    const peer = { address: `${linkLocal(m1Mac)}%ens4`, port: 546, socket: 0, slot: 0, to: undefined }
    const octets = program.answer(each, laneReply, peer)
    const expected = 'octets' in result ? out.subarray(0, result.octets) : out.subarray(0, 0)
    if (!isDeepStrictEqual(laneReply.subarray(0, octets), expected)) throw new Error('another reply')
  }
  outbox.take()
  unread.fill(0)
  // The budget of the machine is full again.
  clock.advance(1000)
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
