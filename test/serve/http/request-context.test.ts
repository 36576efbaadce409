import t from 'tap'
import { parseCidr } from '../../../src/proto/address/ip.ts'
import { parseCidr6 } from '../../../src/proto/address/network6.ts'
import { clientOf, isMonitor, peerAddress } from '../../../src/serve/http/request-context.ts'

t.test('the address of a peer is its IPv4 address on a socket for both families', (t) => {
  for (const [remoteAddress, address] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '::ffff:c000:201'],
    ['2001:db8::1', '2001:db8::1'],
  ] as const) {
    t.equal(peerAddress({ remoteAddress }), address)
  }
  t.equal(peerAddress({ remoteAddress: undefined }), '')
  t.end()
})

t.test('a client is the node with its address, or this machine', (t) => {
  const plan = {
    address: '192.0.2.2',
    address6: '2001:db8::2',
    nodeByAddress: new Map([['192.0.2.21', 'ocp45/m1']]),
  }
  const client = (remoteAddress: string) => clientOf({ remoteAddress, remotePort: 1000 }, plan)
  t.match(client('::ffff:192.0.2.21'), { node: 'ocp45/m1', client: '192.0.2.21:1000', isLocal: false })
  t.match(client('2001:db8::2'), { node: undefined, client: '[2001:db8::2]:1000', isLocal: true })
  for (const local of ['127.0.0.1', '::1', '192.0.2.2']) t.ok(client(local).isLocal, local)
  t.notOk(client('192.0.2.3').isLocal)
  t.end()
})

t.test('only this machine and the declared networks may read the names of nodes in the metrics', (t) => {
  const monitors = [parseCidr('198.51.100.0/24'), parseCidr6('fd00:5::/64')].filter(
    (each) => each !== undefined,
  )
  const may = (address: string, isLocal: boolean) =>
    isMonitor({ address, isLocal, plan: { monitors } as never })
  t.ok(may('127.0.0.1', true))
  t.ok(may('198.51.100.7', false))
  t.notOk(may('192.0.2.7', false))
  t.notOk(may('2001:db8::7', false))
  t.ok(may('fd00:5::7', false))
  t.end()
})
