import t from 'tap'
import { createBackgroundSync } from '../../src/install/state-files.ts'

t.test('syncs one at a time, and once more for all calls during a sync', async (t) => {
  const started: PromiseWithResolvers<undefined>[] = []
  const sync = createBackgroundSync('state-wal', (path) => {
    t.equal(path, 'state-wal')
    started.push(Promise.withResolvers<undefined>())
    return (started.at(-1) as PromiseWithResolvers<undefined>).promise
  })
  sync()
  sync()
  sync()
  t.equal(started.length, 1)
  started[0]?.reject(new Error('input/output error'))
  await new Promise(setImmediate)
  t.equal(started.length, 2, 'a failed sync does not prevent the next one')
  started[1]?.resolve(undefined)
  await new Promise(setImmediate)
  t.equal(started.length, 2)
})
