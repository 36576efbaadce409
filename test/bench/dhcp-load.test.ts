/** The search for the highest rate of DHCP exchanges, with the results of a load program that is fast enough or not. */
import t from 'tap'
import { measureRate, type LoadResult } from '../../bench/dhcp-load.ts'

/** A server that completes `capacity` exchanges/s, and loses the others. */
function exchanges(capacity: number, limit: (rate: number) => Partial<LoadResult> = () => ({})) {
  return (rate: number, seconds: number): Promise<LoadResult> => {
    const started = rate * seconds
    const completed = Math.min(started, capacity * seconds)
    const delays = { averageMs: 1, longestMs: 2 }
    const used = { sendingSeconds: seconds, userSeconds: 0.1, systemSeconds: 0.5 }
    return Promise.resolve({ started, completed, dropped: 0, ...used, ...delays, ...limit(rate) })
  }
}

t.test('the result is a rate of the server, and the load program was not the limit', async (t) => {
  const { value, lostPercent, extras } = await measureRate(exchanges(20_000))
  t.ok(value > 18_000 && value <= 20_200, `${value} is close to 20,000`)
  t.ok(lostPercent !== undefined && lostPercent < 1)
  t.same(extras, { 'load program busy %': 30, 'rates not tested': 0 })
})

t.test(
  'a rate at which the load program loses replies, or cannot start exchanges, is not tested',
  async (t) => {
    const losing = await measureRate(exchanges(Infinity, (rate) => ({ dropped: rate > 10_000 ? 1 : 0 })))
    t.ok(losing.value > 9000 && losing.value <= 10_000, `${losing.value} is close to 10,000`)
    t.match(losing, { lostPercent: 0, extras: { 'rates not tested': 3 } })
    const slow = await measureRate(
      exchanges(Infinity, (rate) => (rate > 10_000 ? { started: 20_000, completed: 20_000 } : {})),
    )
    t.ok(slow.value > 9000 && slow.value <= 10_000 / 0.98, `${slow.value} is close to 10,000`)
  },
)

t.test('the load program gets a second attempt', async (t) => {
  let attempts = 0
  const { value, extras } = await measureRate(
    exchanges(20_000, () => (attempts++ === 0 ? { started: 1 } : {})),
  )
  t.ok(value > 18_000, `${value} is close to 20,000`)
  t.match(extras, { 'rates not tested': 0 })
})

t.test('a server that sustains no rate has lost everything', async (t) => {
  t.match(await measureRate(exchanges(0)), { value: 0, done: 0, lostPercent: 100 })
})
