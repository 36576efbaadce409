import t from 'tap'
import type { DhcpPlan } from '../../../src/plan/dhcp/plan.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { similarNodes, similarText } from '../../../src/serve/dhcp/similar-mac.ts'
import { clientPacket } from '../../support/dhcp-message.ts'
import { plan, running, start } from '../../support/dhcp-service.ts'

const mac = (text: string): Mac => text as Mac
const minute = 60_000

/** A plan that declares nodes with these addresses; `host` does not boot from the network. */
function declared(
  nodes: Readonly<Record<string, string>>,
): Pick<DhcpPlan, 'reservationByMac' | 'proxiedByMac'> {
  const entries = Object.entries(nodes).map(([name, address]) => [
    mac(address),
    { name, boot: name === 'host' ? undefined : {} },
  ])
  return { reservationByMac: new Map(), proxiedByMac: new Map(entries as never) }
}

const neverSeen = (): undefined => undefined
const similar = (
  unknown: string,
  nodes: Readonly<Record<string, string>>,
  lastSeen: (node: string) => number | undefined = neverSeen,
): string[] =>
  similarNodes({ mac: mac(unknown), firstSeen: start }, declared(nodes), lastSeen).map(({ node }) => node)

t.test('two exchanged digits or one wrong digit make a MAC address similar', (t) => {
  const nodes = {
    'ocp45/bs': '00:50:56:96:11:c2',
    'ocp45/m1': '00:50:56:ab:cd:ef',
    host: '00:50:56:96:22:34',
  }
  for (const [unknown, expected] of [
    ['00:50:56:96:11:2c', ['ocp45/bs']],
    ['00:50:65:96:11:c2', ['ocp45/bs']],
    ['00:50:56:96:c1:12', ['ocp45/bs']],
    ['00:50:56:96:11:d2', ['ocp45/bs']],
    ['00:50:56:ab:cd:e0', ['ocp45/m1']],
    ['00:50:56:96:12:d2', []],
    ['00:50:56:96:22:43', []],
    ['02:00:00:00:00:01', []],
  ] as const) {
    t.same(similar(unknown, nodes), expected, unknown)
  }
  t.end()
})

t.test('exchanged digits are the likelier error, and many similar addresses are not a hint', (t) => {
  const nodes = {
    a: '00:00:5e:00:53:12',
    b: '00:00:5e:00:53:23',
    c: '00:00:5e:00:53:31',
    d: '00:00:5e:00:53:41',
  }
  t.same(similar('00:00:5e:00:53:21', nodes), ['a'])
  t.same(similar('00:00:5e:00:53:01', { c: nodes.c, d: nodes.d }), ['c', 'd'])
  t.same(similar('00:00:5e:00:53:01', { ...nodes, a: '00:00:5e:00:53:11', b: '00:00:5e:00:53:51' }), [])
  t.end()
})

t.test('a node that was seen shortly before is another machine', (t) => {
  const nodes = { bs: '00:50:56:96:11:c2' }
  t.same(
    similar('00:50:56:96:11:2c', nodes, () => start - 11 * minute),
    ['bs'],
  )
  t.same(
    similar('00:50:56:96:11:2c', nodes, () => start - 9 * minute),
    [],
  )
  t.same(
    similar('00:50:56:96:11:2c', nodes, () => start + minute),
    [],
  )
  t.end()
})

t.test('the text names the nodes and what to do', (t) => {
  t.equal(
    similarText([{ node: 'ocp45/bs', mac: mac('00:50:56:96:11:c2') }]),
    'similar to ocp45/bs (00:50:56:96:11:c2): correct the MAC address in the site file if this is the machine',
  )
  t.end()
})

t.test(
  'the service names similar nodes in the log and to administrators, until the site declares the machine',
  async (t) => {
    let current = plan
    const { send, service, lines } = await running({ plan: () => current })
    const [[declaredMac, reservation] = []] = [...plan.reservationByMac].filter(
      ([, { boot }]) => boot !== undefined,
    )
    const unknown = mac('52:54:00:00:01:01')
    current = {
      ...plan,
      reservationByMac: new Map([[mac('52:54:00:00:10:01'), reservation!]]),
    }
    await send(clientPacket({ mac: unknown, type: 'discover' }))
    await send(clientPacket({ mac: '02:00:00:00:00:01', type: 'discover' }))
    const expected = [{ node: reservation!.name, mac: '52:54:00:00:10:01' }]
    t.match(lines[0], { mac: unknown, code: 'dhcp.no-reservation', similar: expected })
    t.match(service.comparedClients(), [
      { mac: '02:00:00:00:00:01', similar: undefined },
      { similar: expected },
    ])
    t.equal(
      service.unknownClients().some((client) => 'similar' in client),
      false,
      '/health does not name nodes',
    )
    current = { ...plan, reservationByMac: new Map([[unknown, reservation!]]) }
    t.match(service.comparedClients(), [{ mac: '02:00:00:00:00:01' }])
    t.ok(declaredMac)
  },
)

t.test('the latest hundred machines are compared', async (t) => {
  const { send, service } = await running()
  for (let number = 0; number < 102; number++) {
    const last = number.toString(16).padStart(2, '0')
    await send(clientPacket({ mac: `02:00:00:00:00:${last}`, type: 'discover' }))
  }
  t.equal(service.comparedClients().length, 102)
})
