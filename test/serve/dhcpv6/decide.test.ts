import t from 'tap'
import { decide, type Decision } from '../../../src/serve/dhcpv6/decide.ts'
import { readRequest, readSender } from '../../../src/serve/dhcpv6/request.ts'
import { maxReplyOctets, writeReply } from '../../../src/serve/dhcpv6/reply.ts'
import { decodeMessage, MessageType, type ClientMessage } from '../../../src/proto/dhcpv6/message.ts'
import { OptionCode, StatusCode, type Dhcpv6Option } from '../../../src/proto/dhcpv6/option.ts'
import type { Cidr6 } from '../../../src/proto/address/network6.ts'
import {
  association,
  clientMessage,
  ipv6Plan,
  linkLocal,
  m1Mac,
  octets6,
  type ClientOptions,
} from '../../support/ipv6-site.ts'

const plan = ipv6Plan()
const m1 = plan.reservationByMac.get(m1Mac)!
const [here, far] = plan.subnets.map(({ network }) => network) as [Cidr6, Cidr6]
const serverId = plan.serverDuid
const own = 'fd00:16::11'

function decided(type: number, options: ClientOptions = {}, networks: readonly Cidr6[] = [here]): Decision {
  return decide(request(type, options), m1, networks, plan.serverDuid)
}

function request(type: number, options: ClientOptions) {
  return readRequest(clientMessage(type, options), readSender(`${linkLocal(m1Mac)}%ens4`))
}

/** Returns `code: address valid…` or `code: status` of each association. */
function associations(decision: Decision): string[] {
  if (decision.kind === 'ignored') throw new Error(decision.reason)
  return decision.associations.map(({ code, addresses, status }) => {
    const lifetimes = addresses.map(({ address, valid }) => `${address[15]!.toString(16)} ${valid}`)
    return `${code}: ${lifetimes.join(', ')}${status === undefined ? '' : `status ${status.code}`}`
  })
}

t.test('REQUEST (RFC 8415 §18.3.2)', (t) => {
  const request = (options: ClientOptions, networks?: readonly Cidr6[]) =>
    associations(decided(MessageType.request, { serverId, ...options }, networks))
  t.same(request({ addresses: [own] }), ['3: 11 86400'])
  t.same(
    request({ addresses: ['fd00:16::77'] }),
    ['3: 11 86400'],
    'the reserved address, whatever it requests',
  )
  const second: Dhcpv6Option = { code: OptionCode.iaNa, value: association([own], 2) }
  t.same(
    request({ addresses: [], others: [second] }),
    ['3: status 2', '3: 11 86400'],
    'the association that has it',
  )
  const others = [
    { code: OptionCode.iaTa, value: Uint8Array.of(0, 0, 0, 3) },
    { code: OptionCode.iaPd, value: association([], 4) },
    { code: OptionCode.iaTa, value: Uint8Array.of(0) },
  ]
  t.same(request({ addresses: [], others }), ['3: 11 86400', '4: status 2', '25: status 6'])
  t.same(
    request({ addresses: [own], others }, [far]),
    ['3: status 4', '4: status 2', '25: status 6'],
    'NotOnLink',
  )
  t.same(request({}), [], 'no association')
  const many = Array.from({ length: 40 }, (_, index) => ({
    code: OptionCode.iaNa,
    value: association([], index),
  }))
  t.equal(request({ others: many }).length, 16)
  t.end()
})

for (const { name, type, server } of [
  { name: 'RENEW (RFC 8415 §18.3.4)', type: MessageType.renew, server: { serverId } },
  { name: 'REBIND (RFC 8415 §18.3.5)', type: MessageType.rebind, server: {} },
]) {
  t.test(name, (t) => {
    const extended = (options: ClientOptions, networks?: readonly Cidr6[]) =>
      associations(decided(type, { ...server, ...options }, networks))
    t.same(extended({ addresses: [own] }), ['3: 11 86400'])
    t.same(extended({ addresses: ['fd00:16::77', own] }), ['3: 11 86400, 77 0'])
    t.same(extended({ addresses: [own] }, [far]), ['3: 11 0'], 'on another link, the address ends')
    const others = [{ code: OptionCode.iaNa, value: association([], 2) }]
    t.same(extended({ addresses: [own], others }), ['3: 11 86400', '3: status 3'], 'NoBinding')
    t.end()
  })
}

t.test('CONFIRM (RFC 8415 §18.3.3)', (t) => {
  const status = (addresses: readonly string[], networks?: readonly Cidr6[]) => {
    const decision = decided(MessageType.confirm, { addresses }, networks)
    return 'status' in decision ? decision.status.code : decision.kind
  }
  t.equal(status([own]), StatusCode.success)
  t.equal(status([own, 'fd00:99::1']), StatusCode.notOnLink)
  t.equal(status([own], [far]), StatusCode.notOnLink)
  t.equal(status([]), 'ignored')
  t.end()
})

t.test('RELEASE and DECLINE (RFC 8415 §18.3.7, §18.3.8)', (t) => {
  for (const [type, kind] of [
    [MessageType.release, 'released'],
    [MessageType.decline, 'declined'],
  ] as const) {
    const decision = decided(type, { serverId, addresses: [own] })
    t.match(decision, { kind, status: { code: StatusCode.success }, associations: [], assigns: false })
    t.same(associations(decided(type, { serverId, addresses: ['fd00:16::77'] })), ['3: status 3'])
  }
  t.end()
})

t.test('RFC 8415 §16: messages that a server must discard', (t) => {
  const cases: readonly [number, ClientOptions, RegExp][] = [
    [MessageType.solicit, { clientId: null }, /^the message has no client identifier$/],
    [MessageType.solicit, { serverId }, /^the message must not name a server$/],
    [MessageType.rebind, { serverId }, /must not name a server/],
    [MessageType.request, {}, /^the message names no server$/],
    [MessageType.request, { serverId: Uint8Array.of(0, 3, 0) }, /^the client chose another server$/],
    [MessageType.informationRequest, { serverId, addresses: [] }, /must not have identity associations/],
    [MessageType.advertise, {}, /^message type 2 is not for a server$/],
    [MessageType.reconfigure, {}, /^message type 10 is not for a server$/],
    [200, {}, /^message type 200 is not for a server$/],
  ]
  for (const [type, options, reason] of cases) {
    const decision = decided(type, options)
    t.equal(decision.kind, 'ignored')
    t.match('reason' in decision ? decision.reason : '', reason)
  }
  t.equal(decided(MessageType.informationRequest, { serverId }).kind, 'informed')
  t.equal(decided(MessageType.informationRequest, {}, [far]).kind, 'ignored')
  t.end()
})

t.test('every association of a reply has its times and its status', (t) => {
  const others = [
    { code: OptionCode.iaTa, value: Uint8Array.of(0, 0, 0, 3) },
    { code: OptionCode.iaPd, value: association([], 4) },
  ]
  const message = request(MessageType.request, { serverId, addresses: [own], others })
  const decision = decide(message, m1, [here], plan.serverDuid)
  if (decision.kind === 'ignored') throw new Error(decision.reason)
  const out = new Uint8Array(maxReplyOctets)
  const octets = writeReply(decision, message, m1, plan, undefined, out)
  const { options } = decodeMessage(out.subarray(0, octets)) as ClientMessage
  const [na, ta, pd] = [OptionCode.iaNa, OptionCode.iaTa, OptionCode.iaPd].map(
    (code) => options.find((option) => option.code === code)!.value,
  )
  t.same([...na!.subarray(4, 12)], [0, 0, 0xa8, 0xc0, 0, 1, 0x0e, 0], 'T1 is one half, T2 four fifths')
  t.same(na!.subarray(16, 32), octets6(own))
  t.same([...ta!.subarray(0, 6)], [0, 0, 0, 3, 0, OptionCode.statusCode])
  t.same([...pd!.subarray(4, 14)], [0, 0, 0, 0, 0, 0, 0, 0, 0, OptionCode.statusCode])
  t.end()
})
