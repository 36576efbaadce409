import t from 'tap'
import { inTurn } from '../../src/host/in-turn.ts'

t.test('one operation runs, one waits, and all calls in between share the one that waits', async (t) => {
  const gates: PromiseWithResolvers<number>[] = []
  const run = inTurn(() => {
    const gate = Promise.withResolvers<number>()
    gates.push(gate)
    return gate.promise
  })
  const first = run()
  const rest = Array.from({ length: 8 }, () => run())
  t.equal(gates.length, 1)
  gates[0]!.resolve(1)
  t.equal(await first, 1)
  await new Promise(setImmediate)
  t.equal(gates.length, 2, 'the one that waited has started')
  const later = run()
  gates[1]!.resolve(2)
  t.same(
    await Promise.all(rest),
    Array.from({ length: 8 }, () => 2),
  )
  await new Promise(setImmediate)
  t.equal(gates.length, 3, 'a call during a run starts another one')
  gates[2]!.resolve(3)
  t.equal(await later, 3)
})

t.test('a failed operation does not stop the next one', async (t) => {
  let count = 0
  const run = inTurn(async () => {
    await Promise.resolve()
    if (++count === 1) throw new Error('failed')
    return count
  })
  const first = run()
  const second = run()
  await t.rejects(first, { message: 'failed' })
  t.equal(await second, 2)
  t.equal(await run(), 3)
})
