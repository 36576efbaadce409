/** The search for the highest sustained rate. */
import t from 'tap'
import { highestRate } from '../../bench/search.ts'

const limits = { first: 4000, min: 125, max: 64_000, steps: 4 }

async function search(capacity: number): Promise<{ found: number; tried: number[] }> {
  const tried: number[] = []
  const isSustained = (rate: number) => {
    tried.push(rate)
    return Promise.resolve(rate <= capacity)
  }
  return { found: await highestRate(isSustained, limits), tried }
}

for (const capacity of [300, 3999, 4000, 9400, 11_800, 63_000]) {
  t.test(`a capacity of ${capacity} is found with an error below 5 %, and never exceeded`, async (t) => {
    const { found } = await search(capacity)
    t.equal(found <= capacity, true, `${found} does not exceed the capacity`)
    t.equal(found > 0.95 * capacity, true, `${found} is close to the capacity`)
  })
}

t.test('the result is 0 if the minimum rate is not sustained', async (t) => {
  t.same(await search(100), { found: 0, tried: [4000, 2000, 1000, 500, 250, 125] })
})

t.test('the result is the maximum if all rates are sustained', async (t) => {
  t.same(await search(Infinity), { found: 64_000, tried: [4000, 8000, 16_000, 32_000, 64_000] })
})
