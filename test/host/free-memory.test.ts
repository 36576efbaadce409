import t from 'tap'
import { createFreeMemory } from '../../src/host/free-memory.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('memory is returned five seconds after the last start or reload', (t) => {
  const clock = fakeClock()
  let trims = 0
  const memory = createFreeMemory(clock, () => {
    trims++
    return Promise.resolve()
  })
  memory.close()
  memory.returnLater()
  clock.advance(4999)
  memory.returnLater()
  clock.advance(4999)
  t.equal(trims, 0)
  clock.advance(1)
  t.equal(trims, 1)
  memory.returnLater()
  memory.close()
  t.equal(clock.pending(), 0)
  t.end()
})

t.test('the C library can return the memory of this process', (t) => {
  const clock = fakeClock()
  createFreeMemory(clock).returnLater()
  t.doesNotThrow(() => clock.advance(5000))
  t.end()
})
