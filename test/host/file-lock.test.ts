import { setImmediate } from 'node:timers/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { withLock } from '../../src/host/file-lock.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('one process at a time holds the lock, by any path of the file', async (t) => {
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

/** A process that takes the lock of `path` and holds it until it is killed. */
async function holder(path: string) {
  const module = new URL('../../src/host/file-lock.ts', import.meta.url).href
  const clockModule = new URL('../../src/host/clock.ts', import.meta.url).href
  const script = `
    import { withLock } from ${JSON.stringify(module)}
    import { systemClock } from ${JSON.stringify(clockModule)}
    setInterval(() => {}, 1000)
    await withLock(${JSON.stringify(path)}, systemClock, () => {
      process.stdout.write('held')
      return new Promise(() => {})
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

t.test('a lock ends with its holder, however that ends', async (t) => {
  const path = join(t.testdir({ 'site.yaml': 'site: lab\n' }), 'site.yaml')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    const child = await holder(path)
    child.kill(signal)
    await once(child, 'exit')
    t.equal(await withLock(path, fakeClock(), () => Promise.resolve('in')), 'in', signal)
  }
  t.same(await readdir(dirname(path)), ['site.yaml'])
})

t.test('a lock that another process holds too long is an error with a remedy', async (t) => {
  const folder = t.testdir({ 'site.yaml': '' })
  const child = await holder(join(folder, 'site.yaml'))
  t.teardown(() => child.kill('SIGKILL'))
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
    `another command has held ${folder}/.site.yaml.lock for 5 s; wait for it, or end the process that \`fuser ${folder}/.site.yaml.lock\` shows`,
  )
})

t.test('a missing directory has the error of the system', async (t) => {
  await writeFile(join(t.testdir(), 'file'), '')
  await t.rejects(
    withLock(join(t.testdirName, 'none', 'site.yaml'), fakeClock(), () => Promise.resolve()),
    {
      code: 'ENOENT',
    },
  )
})
