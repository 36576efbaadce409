import t from 'tap'
import { askNeighbors } from '../../src/preflight/ask-neighbors.ts'

t.test('an address that no machine of a network uses is not in the table of the kernel', async (t) => {
  t.same(await askNeighbors(['127.0.0.53']), new Map())
})
