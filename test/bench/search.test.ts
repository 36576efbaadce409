/** The highest rate that a server holds. */
import t from 'tap'
import { highestRate } from '../../bench/search.ts'

const limits = { first: 4000, least: 125, most: 64_000, steps: 4 }

async function search(capacity: number): Promise<{ found: number; tried: number[] }> {
  const tried: number[] = []
  const holds = (rate: number) => {
    tried.push(rate)
    return Promise.resolve(rate <= capacity)
  }
  return { found: await highestRate(holds, limits), tried }
}

for (const capacity of [300, 3999, 4000, 9400, 11_800, 63_000]) {
  t.test(`a capacity of ${capacity} is found within a twentieth, and never exceeded`, async (t) => {
    const { found } = await search(capacity)
    t.equal(found <= capacity, true, `${found} is held`)
    t.equal(found > 0.95 * capacity, true, `${found} is near`)
  })
}

t.test('what does not even hold the least rate holds none', async (t) => {
  t.same(await search(100), { found: 0, tried: [4000, 2000, 1000, 500, 250, 125] })
})

t.test('what holds all rates holds the most', async (t) => {
  t.same(await search(Infinity), { found: 64_000, tried: [4000, 8000, 16_000, 32_000, 64_000] })
})
