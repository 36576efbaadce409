import { setImmediate } from 'node:timers/promises'
import { access, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { withLock } from '../../src/host/lock.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('one process at a time, whatever path names the file', async (t) => {
  const folder = t.testdir({ 'site.yaml': 'site: lab\n' })
  const path = join(folder, 'site.yaml')
  const link = join(folder, 'link.yaml')
  await symlink(path, link)
  const clock = fakeClock()
  const said: string[] = []
  const first = Promise.withResolvers<undefined>()
  const firstIsIn = Promise.withResolvers<undefined>()
  const changes = [
    withLock(path, clock, async () => {
      firstIsIn.resolve(undefined)
      await first.promise
      said.push('first')
    }),
    firstIsIn.promise.then(() => withLock(link, clock, () => Promise.resolve(said.push('second')))),
  ]
  await firstIsIn.promise
  while (clock.pending() === 0) await setImmediate()
  t.same(said, [])
  first.resolve(undefined)
  await changes[0]
  clock.advance(50)
  await changes[1]
  t.same(said, ['first', 'second'])
  await t.rejects(access(join(folder, '.site.yaml.lock')))
})

t.test('a failed change releases the lock', async (t) => {
  const path = join(t.testdir(), 'site.yaml')
  const failing = withLock(path, fakeClock(), () => Promise.reject(new Error('the disk is full')))
  await t.rejects(failing, { message: 'the disk is full' })
  t.equal(await withLock(path, fakeClock(), () => Promise.resolve('in')), 'in')
})

t.test('a lock that a killed process left is an error that says what to do', async (t) => {
  const folder = t.testdir({ '.site.yaml.lock': '' })
  const clock = fakeClock()
  const waiting = withLock(join(folder, 'site.yaml'), clock, () => Promise.resolve('in'))
  const ended = waiting.then(String, (error: unknown) => (error as Error).message)
  let message: string | undefined
  void ended.then((text) => (message = text))
  while (message === undefined) {
    clock.advance(50)
    await setImmediate()
  }
  t.equal(
    message,
    `another command has held ${folder}/.site.yaml.lock for 5 s; if none runs, remove that file`,
  )
})

t.test('a missing directory is the system’s error', async (t) => {
  await writeFile(join(t.testdir(), 'file'), '')
  await t.rejects(
    withLock(join(t.testdirName, 'none', 'site.yaml'), fakeClock(), () => Promise.resolve()),
    {
      code: 'ENOENT',
    },
  )
})
