/** Resolvers over TCP, on loopback. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { dnsPacket } from '../../support/dns-packet.ts'
import type { Resolver } from '../../../src/plan/dns/plan.ts'
import { answerTo, nothingIsLeft, request, resolver, setUp, tcpResolver } from './resolver-world.ts'

const hundred = Array.from({ length: 100 }, () => ({
  type: 'A',
  name: 'quay.io',
  ttl: 60,
  data: '192.0.2.99',
}))

t.test(
  'an answer larger than a datagram is requested over TCP (RFC 7766 §5), and is complete for a client on TCP',
  async (t) => {
    const world = setUp()
    const at = await tcpResolver(t, (query) => [
      answerTo(query, { id: 1 }),
      answerTo(query, { answers: hundred }),
    ])
    await world.serve(at, () => [{ flags: dnsPacket.TRUNCATED_RESPONSE, answers: [] }])
    const reply = dnsPacket.decode(await world.forwarder.forward(request({}, 'tcp', at), '172.16.0.21', true))
    t.match(reply, { id: 7, rcode: 'NOERROR', flag_tc: false })
    t.equal(reply.answers.length, 100)
    t.match(await world.forward({}, at), { flag_tc: true }, 'and truncated for a client over UDP')
    t.equal(world.counters.get('dns.cacheHits'), 1)
    await nothingIsLeft(t, world)
  },
)

t.test('a truncated answer is requested again over TCP', async (t) => {
  const world = setUp()
  const at = await tcpResolver(t, (query) => [answerTo(query, {})])
  await world.serve(at, () => [{ flags: dnsPacket.TRUNCATED_RESPONSE, answers: [] }])
  t.match(await world.forward({}, at), { flag_tc: false, answers: [{ data: '192.0.2.99' }] })

  const mute = await tcpResolver(t, () => 'close')
  await world.serve(mute, () => [{ flags: dnsPacket.TRUNCATED_RESPONSE, answers: [] }])
  t.match(
    await world.forward({}, mute),
    { flag_tc: true, answers: [] },
    'else the client is told to come by TCP',
  )
  t.same(world.lines, [], 'which is not evidence about the resolver')
  await nothingIsLeft(t, world)
})

t.test('the next resolver is queried when one does not support TCP', async (t) => {
  const world = setUp()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
  server.close()
  await once(server, 'close')
  await world.serve(at, () => [{ flags: dnsPacket.TRUNCATED_RESPONSE, answers: [] }])
  const forward = async (...resolvers: Resolver[]) =>
    dnsPacket.decode(await world.forwarder.forward(request({}, 'tcp', ...resolvers), '172.16.0.21', true))
  t.equal((await forward(at)).rcode, 'SERVFAIL')
  await world.serve(resolver(2), () => [{}])
  t.match(await forward(at, resolver(2)), { answers: [{ data: '192.0.2.99' }] })
  await nothingIsLeft(t, world)
})
