/** Which machine a DHCPv6 message comes from: the interface that sends, or the DUID of the client. */
import t from 'tap'
import { duidOctets, type Duid } from '../../../src/proto/dhcpv6/duid.ts'
import { MessageType } from '../../../src/proto/dhcpv6/message.ts'
import { OptionCode } from '../../../src/proto/dhcpv6/option.ts'
import { macOctets } from '../../../src/proto/address/mac.ts'
import { maxReplyOctets } from '../../../src/serve/dhcpv6/reply.ts'
import { readSender } from '../../../src/serve/dhcpv6/request.ts'
import { respond, type Dhcpv6Result } from '../../../src/serve/dhcpv6/respond.ts'
import {
  clientMessage,
  i1Duid,
  ipv6Plan,
  linkLocal,
  m1Mac,
  relayedMessage,
  type ClientOptions,
} from '../../support/ipv6-site.ts'

const plan = ipv6Plan()
const out = new Uint8Array(maxReplyOctets)
const networks = plan.subnets.map(({ network }) => network)

function send(payload: Uint8Array, from: string, port: number): Dhcpv6Result {
  return respond({ payload, sender: readSender(from), port }, plan, () => networks, out)
}

function solicit(options: ClientOptions = {}, from = `${linkLocal(m1Mac)}%ens4`): Dhcpv6Result {
  return send(clientMessage(MessageType.solicit, { addresses: [], ...options }), from, 546)
}

t.test('a machine is identified by', (t) => {
  const enterprise = duidOctets('00:02:00:00:ab:11:01:02:03:04' as Duid)
  const random = 'fe80::1:2:3:4%ens4'
  const cases: Readonly<Record<string, [ClientOptions, string | undefined, string]>> = {
    'its DUID-LL': [{}, random, 'ocp45/m1'],
    'its DUID-LLT': [
      { clientId: duidOctets('00:01:00:01:2c:00:00:00:00:00:5e:00:53:21' as Duid) },
      random,
      'ocp45/w1',
    ],
    'a declared DUID of any type': [{ clientId: duidOctets(i1Duid as Duid) }, random, 'ocp45/i1'],
    'its link-local address': [{ clientId: enterprise }, undefined, 'ocp45/m1'],
  }
  for (const [name, [options, from, node]] of Object.entries(cases))
    t.equal(solicit(options, from).about.node, node, name)
  const unknown = solicit({ clientId: enterprise }, random)
  t.match(unknown, {
    kind: 'unknown-client',
    about: { code: 'dhcpv6.no-reservation', reason: 'no reservation for 00:02:00:00:ab:11:01:02:03:04' },
  })
  t.match(solicit({ clientId: null }, random).about, { reason: 'no reservation for a client without a DUID' })
  t.end()
})

t.test(
  'a machine with the DUID of another one, as a clone has it, is identified by the interface that sends',
  (t) => {
    const ofW1 = duidOctets('00:01:00:01:2c:00:00:00:00:00:5e:00:53:21' as Duid)
    const ofI1 = duidOctets(i1Duid as Duid)
    for (const clientId of [ofW1, ofI1]) {
      t.match(solicit({ clientId }).about, { node: 'ocp45/m1', mac: m1Mac }, 'by its link-local address')
      const added = {
        code: OptionCode.clientLinkLayerAddress,
        value: Uint8Array.of(0, 1, ...macOctets(m1Mac)),
      }
      const peer = 'fe80::1:2:3:4'
      const message = clientMessage(MessageType.solicit, { addresses: [], clientId })
      const relayed = relayedMessage(message, { peer, options: [added] })
      t.match(send(relayed, 'fd00:16::1', 547).about, { node: 'ocp45/m1', mac: m1Mac }, 'by its relay agent')
    }
    t.end()
  },
)
