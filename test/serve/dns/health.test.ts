import t from 'tap'
import { fakeClock } from '../../support/fake-clock.ts'
import { resolver, setUp } from './resolver-world.ts'
import { createProber, probeRequest } from '../../../src/serve/dns/health.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { planOf } from './ask.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('only resolvers that do not answer are probed, until the service closes', async (t) => {
  const clock = fakeClock()
  const probed: string[] = []
  let isAnswering = false
  const prober = createProber({
    clock,
    resolvers: () => [resolver(1), resolver(2)],
    states: ([first, second]) => [
      { address: first!.address, isAnswering: true },
      { address: second!.address, isAnswering },
    ],
    async probe({ address }) {
      probed.push(address)
      await Promise.resolve()
    },
  })
  clock.advance(15_000)
  await turn()
  t.same(probed, ['192.0.2.2'])
  isAnswering = true
  clock.advance(15_000)
  await turn()
  t.same(probed, ['192.0.2.2'])
  clock.advance(15_000)
  prober.close()
  await turn()
  t.equal(clock.pending(), 0)
})

t.test('a resolver that stopped answering has a time, and a probe ends the outage', async (t) => {
  const { forwarder, serve, untilAnswered } = setUp()
  const request = probeRequest(planOf(guideModel()), resolver(1))
  const states = () => forwarder.states([resolver(1)])
  t.same(states(), [{ address: '192.0.2.1', isAnswering: true }])
  await untilAnswered(forwarder.probe(request))
  t.match(states(), [{ isAnswering: false, since: Number }])
  const asked = await serve(resolver(1), () => [{ answers: [] }])
  await untilAnswered(forwarder.probe(request))
  t.same(states()[0]?.isAnswering, true)
  t.equal(states()[0]?.since, undefined)
  t.equal(Buffer.from(asked[0]!.payload).subarray(12, 17).toString('hex'), '0000020001', '. NS IN')
})
