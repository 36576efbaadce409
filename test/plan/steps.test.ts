/** Computations in steps: the same results, and a bound of work for each step. */
import t from 'tap'
import { flatMapSteps, runSteps } from '../../src/plan/steps.ts'

t.test('a list is mapped as by flatMap, at most 500 items in one step', (t) => {
  const items = Array.from({ length: 1750 }, (_, index) => index)
  const map = (item: number) => (item % 3 === 0 ? [] : [item, -item])
  t.same(runSteps(flatMapSteps(items, map)), items.flatMap(map))
  t.same(runSteps(flatMapSteps([], map)), [])

  let mapped = 0
  const counted: number[] = []
  const steps = flatMapSteps(items, (item) => {
    mapped += 1
    return [item]
  })
  for (let isDone = false; !isDone;) {
    mapped = 0
    isDone = steps.next().done === true
    counted.push(mapped)
  }
  t.same(counted, [500, 500, 500, 250])
  t.end()
})
