import t from 'tap'
import { networksOf } from '../../../src/serve/dhcpv6/decide.ts'
import { maxReplyOctets } from '../../../src/serve/dhcpv6/reply.ts'
import { readSender } from '../../../src/serve/dhcpv6/request.ts'
import { respond, type Dhcpv6Result } from '../../../src/serve/dhcpv6/respond.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import type { Ipv6 } from '../../../src/proto/address/ip.ts'
import { duidOctets, linkLayerDuid, type Duid } from '../../../src/proto/dhcpv6/duid.ts'
import {
  decodeMessage,
  encodeMessage,
  MessageType,
  type ClientMessage,
  type RelayMessage,
} from '../../../src/proto/dhcpv6/message.ts'
import {
  decodeAssociation,
  firstValue,
  OptionCode,
  type Dhcpv6Option,
} from '../../../src/proto/dhcpv6/option.ts'
import { encodeClasses, encodeNumbers } from '../../../src/proto/dhcpv6/values.ts'
import {
  clientMessage,
  firmwareOptions,
  i1Duid,
  ipv6Plan,
  linkLocal,
  m1Mac,
  octets6,
  relayedMessage,
  w1Mac,
  type ClientOptions,
} from '../../support/ipv6-site.ts'

const plan = ipv6Plan()
const out = new Uint8Array(maxReplyOctets)
const networksOn = (name: string) =>
  name === 'ens4'
    ? networksOf(
        plan.subnets.map(({ network }) => network),
        'fd00:16::101' as Ipv6,
      )
    : []

function send(payload: Uint8Array, from = `${linkLocal(m1Mac)}%ens4`, port = 546): Dhcpv6Result {
  return respond({ payload, sender: readSender(from), port }, plan, networksOn, out)
}

function solicit(options: ClientOptions = {}, from?: string): Dhcpv6Result {
  return send(clientMessage(MessageType.solicit, { addresses: [], ...options }), from)
}

/** Returns the octets of the latest reply. */
function octetsOf(result: Dhcpv6Result): Uint8Array {
  if (!('octets' in result)) throw new Error(`no reply: ${result.about.reason}`)
  return out.slice(0, result.octets)
}

function replyOf(result: Dhcpv6Result): ClientMessage {
  return decodeMessage(octetsOf(result)) as ClientMessage
}

/** Returns the address in the only IA_NA of a reply. */
function addressIn({ options }: ClientMessage): readonly Uint8Array[] {
  return decodeAssociation(firstValue(options, OptionCode.iaNa) as Uint8Array).addresses
}

const textIn = ({ options }: ClientMessage, code: number) =>
  Buffer.from(firstValue(options, code) ?? []).toString('latin1')

t.test('SOLICIT gets an ADVERTISE of the reserved address (RFC 8415 §18.3.1)', (t) => {
  const result = solicit({ others: [{ code: OptionCode.optionRequest, value: encodeNumbers([23, 24]) }] })
  const reply = replyOf(result)
  t.equal(reply.type, MessageType.advertise)
  t.equal(reply.transactionId, 0xabcdef)
  t.same(firstValue(reply.options, OptionCode.clientId), linkLayerDuid(m1Mac))
  t.same(firstValue(reply.options, OptionCode.serverId), plan.serverDuid)
  t.same(firstValue(reply.options, OptionCode.preference), Uint8Array.of(255))
  t.same(addressIn(reply), [octets6('fd00:16::11')])
  t.same(firstValue(reply.options, OptionCode.dnsServers), octets6('fd00:16::101'))
  t.ok(firstValue(reply.options, OptionCode.domainList))
  t.notOk(firstValue(reply.options, OptionCode.clientFqdn), 'not requested')
  t.match(result, {
    kind: 'advertised',
    port: 546,
    about: { node: 'ocp45/m1', address: 'fd00:16::11', mac: m1Mac },
  })
  t.end()
})

t.test('RFC 8415 §18.3.1: rapid commit gets a REPLY', (t) => {
  const reply = replyOf(solicit({ others: [{ code: OptionCode.rapidCommit, value: new Uint8Array(0) }] }))
  t.equal(reply.type, MessageType.reply)
  t.ok(firstValue(reply.options, OptionCode.rapidCommit))
  t.notOk(firstValue(reply.options, OptionCode.preference))
  t.end()
})

t.test('RFC 5970: firmware gets the URL of its loader, and iPXE that of its script', (t) => {
  const pxe = replyOf(solicit({ others: firmwareOptions(7, 'PXEClient') }))
  t.equal(textIn(pxe, OptionCode.bootFileUrl), 'tftp://[fd00:16::101]/efi/snponly.efi')
  const http = replyOf(solicit({ others: firmwareOptions(16, 'HTTPClient') }))
  t.equal(textIn(http, OptionCode.bootFileUrl), 'http://[fd00:16::101]/loaders/efi/snponly.efi')
  t.match(textIn(http, OptionCode.vendorClass), /HTTPClient$/)
  const named: Dhcpv6Option[] = firmwareOptions(7, 'PXEClient').filter(
    ({ code }) => code !== OptionCode.clientArchitecture,
  )
  t.equal(
    textIn(replyOf(solicit({ others: named })), OptionCode.bootFileUrl),
    'tftp://[fd00:16::101]/efi/snponly.efi',
    'the architecture of the vendor class',
  )
  const ipxe = [
    ...firmwareOptions(7, 'PXEClient'),
    { code: OptionCode.userClass, value: encodeClasses(['iPXE']) },
  ]
  const result = solicit({ others: ipxe })
  t.equal(textIn(replyOf(result), OptionCode.bootFileUrl), 'http://[fd00:16::101]/boot/ocp45/m1/boot.ipxe')
  t.match(result, {
    seen: { node: 'ocp45/m1', asker: 'ipxe', message: 'discover', answer: 'offered', architecture: 7 },
  })
  const other = solicit(
    { clientId: linkLayerDuid(w1Mac), others: firmwareOptions(7, 'PXEClient') },
    `${linkLocal(w1Mac)}%ens4`,
  )
  t.match(other.about, { code: 'dhcpv6.no-boot-file', reason: /boots over IPv4/ })
  t.match(other, { seen: { answer: 'nothing-to-boot' } })
  t.equal(firstValue(replyOf(other).options, OptionCode.bootFileUrl), undefined)
  t.end()
})

t.test('what counts as evidence of a boot', (t) => {
  const serverId = plan.serverDuid
  const request = (type: number, others: Dhcpv6Option[] = [], port = 546, clientId?: Uint8Array) => {
    const options = { serverId, addresses: ['fd00:16::11'], others, ...(clientId && { clientId }) }
    const result = send(clientMessage(type, options), undefined, port)
    return 'seen' in result ? result.seen : undefined
  }
  t.match(request(MessageType.request), {
    asker: 'system',
    message: 'request',
    isFresh: true,
    answer: 'acknowledged',
  })
  t.match(request(MessageType.renew), { isFresh: false })
  t.match(request(MessageType.request, firmwareOptions(7, 'PXEClient')), { asker: 'firmware' })
  t.match(request(MessageType.request, [], 1024), { isUnprivileged: true }, 'any process can use the port')
  t.equal(request(MessageType.release), undefined)
  const dnsOnly = [{ code: OptionCode.optionRequest, value: encodeNumbers([23]) }]
  const uuid = duidOctets(i1Duid as Duid)
  t.equal(
    request(MessageType.request, dnsOnly, 546, uuid),
    undefined,
    'the IPv6 stack of UEFI is not a system',
  )
  t.ok(request(MessageType.request, dnsOnly), 'with another DUID it is one')
  const hostMac = '00:00:5e:00:53:99' as Mac
  const host = solicit({ clientId: linkLayerDuid(hostMac) }, `${linkLocal(hostMac)}%ens4`)
  t.match(host, { kind: 'advertised', seen: undefined, about: { node: 'switch.example.net' } })
  t.end()
})

t.test('INFORMATION-REQUEST gets parameters and no address (RFC 8415 §18.3.6)', (t) => {
  const others = [{ code: OptionCode.optionRequest, value: encodeNumbers([23, 32, 39]) }]
  const result = send(clientMessage(MessageType.informationRequest, { others }))
  const reply = replyOf(result)
  t.equal(reply.type, MessageType.reply)
  t.same(
    reply.options.map(({ code }) => code),
    [
      OptionCode.clientId,
      OptionCode.serverId,
      OptionCode.dnsServers,
      OptionCode.informationRefreshTime,
      OptionCode.clientFqdn,
    ],
  )
  t.match(result, { kind: 'informed', seen: undefined })
  const anonymous = send(clientMessage(MessageType.informationRequest, { clientId: null }))
  t.equal(firstValue(replyOf(anonymous).options, OptionCode.clientId), undefined)
  const firmware = send(
    clientMessage(MessageType.informationRequest, { others: firmwareOptions(7, 'PXEClient') }),
  )
  t.match(firmware, { seen: { asker: 'firmware', answer: 'acknowledged' } })
  t.end()
})

t.test('only link-local senders on declared links get an answer', (t) => {
  t.match(solicit({}, 'fd00:16::11').about, {
    code: 'dhcpv6.not-multicast',
    reason: 'fd00:16::11 is not a link-local address',
  })
  t.match(solicit({}, `${linkLocal(m1Mac)}%ens5`).about, {
    code: 'dhcpv6.undeclared-link',
    reason: 'the site declares no network on the link of ens5',
    node: 'ocp45/m1',
  })
  t.match(
    solicit({}, linkLocal(m1Mac)).about,
    { code: 'dhcpv6.undeclared-link' },
    'the interface is not known',
  )
  t.match(solicit({}, 'nonsense').about, { code: 'dhcpv6.not-multicast' })
  const far = solicit({ clientId: linkLayerDuid('00:00:5e:00:53:22' as Mac) }, 'fe80::1%ens4')
  t.match(far.about, {
    code: 'dhcpv6.wrong-network',
    reason: 'the message came through ens4, but the reservation is on fd00:17::/64',
  })
  t.end()
})

const farMac = '00:00:5e:00:53:22' as Mac

const relayed: typeof relayedMessage = (inner, options) =>
  relayedMessage(inner, { link: 'fd00:17::1', peer: linkLocal(farMac), ...options })

const enterprise = duidOctets('00:02:00:00:ab:11:01:02:03:04' as Duid)
const farSolicit = clientMessage(MessageType.solicit, { addresses: [], clientId: enterprise })

t.test('a relay agent gets the reply for its client (RFC 8415 §19.3)', (t) => {
  const interfaceId = { code: OptionCode.interfaceId, value: Uint8Array.of(1, 2, 3) }
  const result = send(relayed(farSolicit, { options: [interfaceId] }), 'fd00:17::1', 547)
  t.match(result, { kind: 'advertised', port: 547, about: { node: 'ocp45/w2', relay: 'fd00:17::1' } })
  const outer = decodeMessage(octetsOf(result)) as RelayMessage
  t.match(outer, { type: MessageType.relayReply, linkAddress: 'fd00:17::1', peerAddress: linkLocal(farMac) })
  t.same(firstValue(outer.options, OptionCode.interfaceId), interfaceId.value)
  const inner = decodeMessage(
    firstValue(outer.options, OptionCode.relayMessage) as Uint8Array,
  ) as ClientMessage
  t.same(addressIn(inner), [octets6('fd00:17::22')])
  t.end()
})

t.test('relay agents can be nested, and the one nearest to the client names the link', (t) => {
  const first = relayed(farSolicit)
  const result = send(relayed(first, { link: '::', peer: 'fe80::9' }), 'fd00:17::1', 547)
  const outer = decodeMessage(octetsOf(result)) as RelayMessage
  const second = decodeMessage(
    firstValue(outer.options, OptionCode.relayMessage) as Uint8Array,
  ) as RelayMessage
  t.same([outer.peerAddress, second.peerAddress], ['fe80::9', linkLocal(farMac)])
  t.end()
})

t.test('RFC 6939: a relay agent can name the link-layer address of the client', (t) => {
  const named = {
    code: OptionCode.clientLinkLayerAddress,
    value: Uint8Array.of(0, 1, 0, 0, 0x5e, 0, 0x53, 0x22),
  }
  const packet = relayed(farSolicit, { peer: 'fe80::1:2:3:4', options: [named] })
  t.equal(send(packet, 'fd00:17::1', 547).about.node, 'ocp45/w2')
  const without = relayed(farSolicit, { peer: 'fe80::1:2:3:4' })
  t.equal(send(without, 'fd00:17::1', 547).kind, 'unknown-client')
  t.end()
})

t.test('only the relay agents of the site may relay', (t) => {
  t.match(send(relayed(farSolicit), 'fd00:16::9', 547).about, {
    code: 'dhcpv6.unknown-relay',
    reason: 'fd00:16::9 is not a relay agent of the link of fd00:17::1',
  })
  const near = relayed(clientMessage(MessageType.solicit, { addresses: [] }), {
    link: 'fd00:16::1',
    peer: linkLocal(m1Mac),
  })
  t.equal(send(near, 'fd00:17::5', 547).kind, 'advertised', 'without a list, any address of the site')
  t.equal(send(near, 'fe80::5%ens4', 547).kind, 'advertised', 'or one on a declared link')
  for (const from of ['2001:db8::1', 'fe80::5%ens5', 'fe80::5']) {
    t.match(send(near, from, 547).about, { code: 'dhcpv6.unknown-relay' }, from)
  }
  const foreign = relayed(farSolicit, { link: '2001:db8::1' })
  t.match(send(foreign, 'fd00:17::1', 547).about, { code: 'dhcpv6.undeclared-link' })
  t.match(send(relayed(farSolicit, { link: '::' }), 'fd00:17::1', 547).about, {
    code: 'dhcpv6.undeclared-link',
  })
  t.end()
})

t.test('what is not a message of a client', (t) => {
  const nested = Array.from({ length: 9 }).reduce<Uint8Array>((packet) => relayed(packet), farSolicit)
  const reply = encodeMessage({
    ...(decodeMessage(relayed(farSolicit)) as RelayMessage),
    type: MessageType.relayReply,
  })
  const empty = encodeMessage({ ...(decodeMessage(relayed(farSolicit)) as RelayMessage), options: [] })
  const cases: readonly [Uint8Array, RegExp][] = [
    [nested, /more than 8 relay agents/],
    [reply, /a relay message without a message of a client/],
    [empty, /a relay message without a message of a client/],
    [new Uint8Array(4097), /message of 4097 octets is longer than 4096/],
    [
      clientMessage(MessageType.solicit, { clientId: new Uint8Array(131) }),
      /client identifier of 131 octets/,
    ],
  ]
  for (const [packet, message] of cases) t.throws(() => send(packet), message)
  t.end()
})
