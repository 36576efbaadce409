import t from 'tap'
import { MessageType } from '../../../src/proto/dhcp/option-table.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { Arrival } from '../../../src/serve/dhcp/decide.ts'
import { ask } from '../../support/dhcp-ask.ts'
import { address, clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Fields = Parameters<typeof clientPacket>[0]

/** Node ocp45/m1 has 00:00:5e:00:53:11 and 192.0.2.11; its server is 192.0.2.2. A second subnet is behind a relay. */
const site = exampleSite()
site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1' })
site.server['peers'] = ['192.0.2.4']
const { plan } = compileDhcp(exampleModel(site))

const own: readonly [number, number[]] = [54, octetsOf('192.0.2.2')]
const other: readonly [number, number[]] = [54, octetsOf('192.0.2.3')]
const right: readonly [number, number[]] = [50, octetsOf('192.0.2.11')]
const wrong: readonly [number, number[]] = [50, octetsOf('192.0.2.99')]

const decisions: readonly {
  name: string
  fields: Fields
  arrival?: Arrival
  /** The `ciaddr` by default. */
  source?: string
  kind: string
  about?: object
}[] = [
  {
    name: 'RFC 2131 §4.3.1: DISCOVER gets an offer of the reserved address',
    fields: { type: 'discover' },
    kind: 'offered',
    about: { node: 'ocp45/m1', mac: '00:00:5e:00:53:11', xid: 0x12345678, address: address('192.0.2.11') },
  },
  {
    name: 'RFC 2131 §4.3.1: DISCOVER with another requested address gets an offer of the reserved one',
    fields: { type: 'discover', options: [wrong] },
    kind: 'offered',
  },
  {
    name: 'RFC 2131 §4.3.1: DISCOVER through a relay agent on the reserved network',
    fields: { type: 'discover', giaddr: '192.0.2.1' },
    kind: 'offered',
  },
  {
    name: 'RFC 2131 §4.3.1: DISCOVER on another network gets no offer',
    fields: { type: 'discover', giaddr: '198.51.100.1' },
    kind: 'ignored',
    about: {
      code: 'dhcp.wrong-network',
      reason: 'request came through 198.51.100.1, but the reservation is on 192.0.2.0/24',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 SELECTING: acknowledged',
    fields: { type: 'request', options: [own, right] },
    kind: 'acknowledged',
    about: { state: 'selecting' },
  },
  {
    name: 'RFC 2131 §4.3.2 SELECTING: an address other than the offered one is refused',
    fields: { type: 'request', options: [own, wrong] },
    kind: 'refused',
    about: {
      state: 'selecting',
      code: 'dhcp.wrong-address',
      reason: 'requested 192.0.2.99, but the reservation is 192.0.2.11',
      node: 'ocp45/m1',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 SELECTING: no reply if the client chose another server',
    fields: { type: 'request', options: [other, right] },
    kind: 'other-server',
    about: { code: 'dhcp.other-server', reason: 'the client chose server 192.0.2.3', node: 'ocp45/m1' },
  },
  {
    name: 'a client that chose a peer is not reported',
    fields: { type: 'request', options: [[54, octetsOf('192.0.2.4')], right] },
    kind: 'ignored',
    about: { code: 'dhcp.peer-server', reason: 'the client chose server 192.0.2.4, a peer' },
  },
  {
    name: 'SELECTING without option 50 accepts the offer of this server, which is always the reservation',
    fields: { type: 'request', options: [own] },
    kind: 'acknowledged',
    about: { state: 'selecting' },
  },
  {
    name: 'SELECTING with the address in ciaddr, from a client that names the server in a renewal',
    fields: { type: 'request', options: [own], ciaddr: '192.0.2.11' },
    kind: 'acknowledged',
    about: { state: 'selecting' },
  },
  {
    name: 'RFC 2131 §4.3.2 INIT-REBOOT: the right address is acknowledged',
    fields: { type: 'request', options: [right] },
    kind: 'acknowledged',
    about: { state: 'init-reboot' },
  },
  {
    name: 'RFC 2131 §4.3.2 INIT-REBOOT: a wrong address is refused',
    fields: { type: 'request', options: [wrong] },
    kind: 'refused',
    about: {
      state: 'init-reboot',
      code: 'dhcp.wrong-address',
      reason: 'requested 192.0.2.99, but the reservation is 192.0.2.11',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 INIT-REBOOT: the right address on the wrong network is refused',
    fields: { type: 'request', options: [right], giaddr: '198.51.100.1' },
    kind: 'refused',
    about: {
      state: 'init-reboot',
      code: 'dhcp.wrong-network',
      reason: 'request came through 198.51.100.1, but the reservation is on 192.0.2.0/24',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 INIT-REBOOT: no reply to undeclared clients',
    fields: { type: 'request', options: [wrong], mac: '00:00:5e:00:53:99' },
    kind: 'unknown-client',
  },
  {
    name: 'RFC 2131 §4.3.2 RENEWING: acknowledged',
    fields: { type: 'request', ciaddr: '192.0.2.11' },
    arrival: 'unicast',
    kind: 'acknowledged',
    about: { state: 'renewing' },
  },
  {
    name: 'RFC 2131 §4.3.2 RENEWING: an address that is no longer reserved for it is refused',
    fields: { type: 'request', ciaddr: '192.0.2.99' },
    arrival: 'unicast',
    kind: 'refused',
    about: {
      state: 'renewing',
      code: 'dhcp.wrong-address',
      reason: 'requested 192.0.2.99, but the reservation is 192.0.2.11',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 RENEWING: option 50, which must be absent, is ignored',
    fields: { type: 'request', ciaddr: '192.0.2.11', options: [wrong] },
    kind: 'acknowledged',
    about: { state: 'renewing' },
  },
  {
    name: 'RFC 2131 §4.3.2 REBINDING: acknowledged',
    fields: { type: 'request', ciaddr: '192.0.2.11' },
    arrival: 'broadcast',
    kind: 'acknowledged',
    about: { state: 'rebinding' },
  },
  {
    name: 'RFC 2131 §4.3.2 REBINDING: through a relay agent',
    fields: { type: 'request', ciaddr: '192.0.2.11', giaddr: '192.0.2.1' },
    kind: 'acknowledged',
    about: { state: 'rebinding' },
  },
  {
    name: 'RFC 2131 §4.3.2 REBINDING: a wrong address is refused',
    fields: { type: 'request', ciaddr: '192.0.2.99' },
    arrival: 'broadcast',
    kind: 'refused',
    about: { state: 'rebinding' },
  },
  {
    name: 'RFC 2131 §4.3.2 REBINDING: no reply to undeclared clients',
    fields: { type: 'request', ciaddr: '192.0.2.11', mac: '00:00:5e:00:53:99' },
    kind: 'unknown-client',
  },
  {
    name: 'a REQUEST without any address',
    fields: { type: 'request' },
    kind: 'ignored',
    about: { code: 'dhcp.no-requested-address', reason: 'REQUEST without a requested address' },
  },
  {
    name: 'RFC 2131 §4.3.3: DECLINE is accepted',
    fields: { type: 'decline', options: [own, right] },
    kind: 'declined',
    about: { node: 'ocp45/m1' },
  },
  {
    name: 'RFC 2131 §4.3.3: DECLINE without its mandatory options is accepted anyway',
    fields: { type: 'decline' },
    kind: 'declined',
  },
  {
    name: 'RFC 2131 §4.3.3: DECLINE to another server is not processed',
    fields: { type: 'decline', options: [other, right] },
    kind: 'other-server',
    about: { code: 'dhcp.other-server', reason: 'the client declined an address of server 192.0.2.3' },
  },
  {
    name: 'RFC 2131 §4.3.4: RELEASE changes nothing',
    fields: { type: 'release', ciaddr: '192.0.2.11', options: [own] },
    kind: 'released',
    about: { node: 'ocp45/m1', address: address('192.0.2.11') },
  },
  {
    name: 'RELEASE without server identifier',
    fields: { type: 'release', ciaddr: '192.0.2.11' },
    kind: 'released',
  },
  {
    name: 'RFC 2131 §4.3.4: RELEASE to another server is not processed',
    fields: { type: 'release', ciaddr: '192.0.2.11', options: [other] },
    kind: 'other-server',
    about: { code: 'dhcp.other-server', reason: 'the client released an address of server 192.0.2.3' },
  },
  {
    name: 'RFC 2131 §4.3.5: INFORM is answered',
    fields: { type: 'inform', ciaddr: '192.0.2.77' },
    kind: 'informed',
    about: { node: 'ocp45/m1' },
  },
  {
    name: 'RFC 2131 §4.3.5: INFORM from another network is not answered: the parameters are of the reserved network',
    fields: { type: 'inform', ciaddr: '198.51.100.7' },
    kind: 'ignored',
    about: {
      code: 'dhcp.inform-wrong-network',
      reason: 'INFORM from 198.51.100.7, which is not on 192.0.2.0/24',
    },
  },
  {
    name: 'RFC 2131 §4.3.5: INFORM without an address',
    fields: { type: 'inform' },
    kind: 'ignored',
    about: { code: 'dhcp.inform-wrong-network', reason: 'INFORM from 0.0.0.0, which is not on 192.0.2.0/24' },
  },
  {
    name: 'RFC 2131 §4.3.5: INFORM from an address other than its ciaddr is not answered',
    fields: { type: 'inform', ciaddr: '192.0.2.77' },
    source: '192.0.2.66',
    kind: 'ignored',
    about: { code: 'dhcp.source-not-ciaddr', reason: /^ciaddr is 192.0.2.77, .* came from 192.0.2.66$/ },
  },
  {
    name: 'RFC 2131 §4.3.5: INFORM from 0.0.0.0 is not answered',
    fields: { type: 'inform', ciaddr: '192.0.2.77' },
    source: '0.0.0.0',
    kind: 'ignored',
    about: { code: 'dhcp.source-not-ciaddr' },
  },
  {
    name: 'RFC 2131 §4.4.3: INFORM through a relay agent comes from the address of the agent',
    fields: { type: 'inform', ciaddr: '192.0.2.77', giaddr: '192.0.2.1' },
    source: '192.0.2.1',
    kind: 'informed',
  },
  {
    name: 'RFC 2131 §4.3.2 RENEWING: a renewal from an address other than its ciaddr is not answered',
    fields: { type: 'request', ciaddr: '192.0.2.11' },
    arrival: 'unicast',
    source: '192.0.2.66',
    kind: 'ignored',
    about: {
      code: 'dhcp.source-not-ciaddr',
      reason: 'ciaddr is 192.0.2.11, but the message came from 192.0.2.66',
    },
  },
  {
    name: 'RFC 2131 §4.3.2 REBINDING: a client that broadcasts from 0.0.0.0 is acknowledged (udhcpc)',
    fields: { type: 'request', ciaddr: '192.0.2.11' },
    arrival: 'broadcast',
    source: '0.0.0.0',
    kind: 'acknowledged',
    about: { state: 'rebinding' },
  },
  {
    name: 'RFC 1534 §2: BOOTP is not served',
    fields: {},
    kind: 'ignored',
    about: { code: 'dhcp.bootp', reason: 'BOOTP request without a DHCP message type' },
  },
  ...(['offer', 'ack', 'nak'] as const).map((type) => ({
    name: `RFC 2131 §3.1: ${type.toUpperCase()} is not for a server`,
    fields: { type },
    kind: 'ignored',
    about: {
      code: 'dhcp.unsupported-message-type',
      reason: `message type ${MessageType[type]} is not for a server`,
    },
  })),
]
for (const { name, fields, arrival, source, kind, about = {} } of decisions) {
  t.test(name, (t) => {
    const { result } = ask(plan, clientPacket(fields), arrival, source)
    t.match(result, { kind, about })
    t.end()
  })
}

t.test('a declined address is that of option 50, or else the reserved one', (t) => {
  t.match(ask(plan, clientPacket({ type: 'decline', options: [own, wrong] })).result, {
    address: address('192.0.2.99'),
  })
  t.match(ask(plan, clientPacket({ type: 'decline' })).result, { address: address('192.0.2.11') })
  t.end()
})
