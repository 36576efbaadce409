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

t.test('a server that was down before a reload is held down until its check passes', async (t) => {
  const { heard, poll, runtimeCommands, lines, haproxy, sentences } = await reloaded(t)
  heard.rows = known
  await poll()
  heard.rows = forgotten
  const answer = haproxy.answer
  haproxy.answer = (question) => {
    if (question === 'set server workerhttp/w2 health down') {
      heard.rows = [forgotten[0]!, ['w2', 'DOWN', 'INI'], forgotten[2]!]
    }
    return answer(question)
  }
  await poll()
  t.same(runtimeCommands(), ['set server workerhttp/w2 health down'])
  t.match(sentences(), [/w1 UP .*not checked yet$/, /w2 DOWN .*not checked yet$/, /w3 UP .*not checked yet$/])
  t.match(lines.at(-1), {
    backend: 'workerhttp',
    server: 'w2',
    msg: 'server held down until its health check passes',
  })
  await poll()
  t.equal(runtimeCommands().length, 1, 'once')
})

t.test('a server that cannot be held down keeps its checks', async (t) => {
  const { heard, poll, runtimeCommands, messages } = await reloaded(t)
  heard.rows = known
  await poll()
  heard.rows = forgotten
  heard.refusal = 'Health checks are not enabled on this server.\n'
  await poll()
  t.equal(runtimeCommands().length, 1)
  t.notOk(messages().includes('server held down until its health check passes'))
})

t.test('polling is faster after the file was written where another program reloads HAProxy', async (t) => {
  const { balancer, planOf, clock, until } = await balancedWorkers(t)
  t.match(await balancer.apply(planOf({ workers: [...all.workers, 'w4'], reload: false })), {
    outcome: 'written',
  })
  for (let looks = 0; looks < 20; looks++) {
    t.equal(clock.nextDelay(), 500)
    clock.advance(500)
    await until('the end of a poll of HAProxy', () => [500, 5000].includes(clock.nextDelay() ?? 0))
  }
  t.equal(clock.nextDelay(), 5000)
})
