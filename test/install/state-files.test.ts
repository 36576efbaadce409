import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createBackgroundSync, createMarks, readMarks } from '../../src/install/state-files.ts'

t.test('syncs one at a time, and once more for all calls during a sync', async (t) => {
  const started: PromiseWithResolvers<undefined>[] = []
  const sync = createBackgroundSync('state-wal', (path) => {
    t.equal(path, 'state-wal')
    started.push(Promise.withResolvers<undefined>())
    return (started.at(-1) as PromiseWithResolvers<undefined>).promise
  })
  const first = sync()
  const second = sync()
  t.equal(sync(), second)
  t.equal(started.length, 1)
  started[0]?.reject(new Error('input/output error'))
  await t.rejects(first, { message: 'input/output error' })
  await new Promise(setImmediate)
  t.equal(started.length, 2, 'a failed sync does not prevent the next one')
  started[1]?.resolve(undefined)
  await second
  t.equal(started.length, 2)
})

t.test('the last mark is in each directory, also if an earlier one is being written', async (t) => {
  const dir = t.testdir({ a: {}, b: {} })
  const directories = [join(dir, 'a'), join(dir, 'b')]
  const read = () => readMarks(directories).map(({ changes }) => changes)
  const marks = createMarks(directories, 'id')
  await marks.writeSoon(1)
  t.same(read(), [1, 1], 'missing marks are created')
  const earlier = marks.writeSoon(2)
  marks.write(3)
  t.same(read(), [3, 3])
  await earlier
  await marks.writeSoon(4)
  t.same(read(), [4, 4])
  await Promise.all([marks.writeSoon(5), marks.writeSoon(6), marks.writeSoon(7)])
  t.same(read(), [7, 7])
  rmSync(join(dir, 'b'), { recursive: true })
  await t.rejects(marks.writeSoon(8), { code: 'ENOENT' })
  t.same(read(), [8], 'the other one is written')
  mkdirSync(join(dir, 'b'))
  await marks.writeSoon(9)
  t.ok(existsSync(join(dir, 'b', 'install.mark')))
})
