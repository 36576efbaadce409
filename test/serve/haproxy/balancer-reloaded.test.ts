/** HAProxy after a reload: it believes that every server is up, and the balancer knows better. */
import t from 'tap'
import { statText } from '../../support/fake-haproxy.ts'
import { all, balancedWorkers } from '../../support/balanced-workers.ts'

type Row = readonly [server: string, status: string, check: string]

/** A world in which HAProxy says what the test says. */
async function reloaded(t: Parameters<typeof balancedWorkers>[0]) {
  const world = await balancedWorkers(t)
  const heard: { rows: readonly Row[]; refusal: string } = { rows: [], refusal: '' }
  world.haproxy.answer = (question) => {
    if (question !== 'show stat') return heard.refusal
    return statText(
      heard.rows.map(([server, status, check]) => ['workerhttp', server, '0', '0', status, '9', check]),
    )
  }
  const sentences = () => world.balancer.state().servers.map(({ sentence }) => sentence)
  return { ...world, heard, sentences }
}

const known: readonly Row[] = [
  ['w1', 'UP', 'L7OK'],
  ['w2', 'DOWN', 'L4CON'],
  ['w3', 'UP', 'L7OK'],
]
const forgotten: readonly Row[] = [
  ['w1', 'UP 1/2', 'INI'],
  ['w2', 'UP 1/2', 'INI'],
  ['w3', 'UP 1/2', 'INI'],
]

t.test('a server that was down before a reload has to pass its checks first', async (t) => {
  const { heard, look, told, lines, haproxy, sentences } = await reloaded(t)
  heard.rows = known
  await look()
  heard.rows = forgotten
  const answer = haproxy.answer
  haproxy.answer = (question) => {
    if (question === 'set server workerhttp/w2 health down') {
      heard.rows = [forgotten[0]!, ['w2', 'DOWN', 'INI'], forgotten[2]!]
    }
    return answer(question)
  }
  await look()
  t.same(told(), ['set server workerhttp/w2 health down'])
  t.match(sentences(), [/w1 UP .*not checked yet$/, /w2 DOWN .*not checked yet$/, /w3 UP .*not checked yet$/])
  t.match(lines.at(-1), { backend: 'workerhttp', server: 'w2', msg: 'server has to pass its checks first' })
  await look()
  t.equal(told().length, 1, 'once')
})

t.test('one that HAProxy does not let be told so is left to its checks', async (t) => {
  const { heard, look, told, said } = await reloaded(t)
  heard.rows = known
  await look()
  heard.rows = forgotten
  heard.refusal = 'Health checks are not enabled on this server.\n'
  await look()
  t.equal(told().length, 1)
  t.notOk(said().includes('server has to pass its checks first'))
})

t.test('where others reload HAProxy, it is looked at more often after its file was written', async (t) => {
  const { balancer, planOf, clock, until } = await balancedWorkers(t)
  t.match(await balancer.apply(planOf({ workers: [...all.workers, 'w4'], reload: false })), {
    outcome: 'written',
  })
  for (let looks = 0; looks < 20; looks++) {
    t.equal(clock.nextDelay(), 500)
    clock.advance(500)
    await until('the end of a look at HAProxy', () => [500, 5000].includes(clock.nextDelay() ?? 0))
  }
  t.equal(clock.nextDelay(), 5000)
})
