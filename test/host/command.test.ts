import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../../src/host/command.ts'
import { until } from '../support/until.ts'

const shell = (line: string, timeoutMs = 10_000) => runCommand('/bin/sh', ['-c', line], timeoutMs)

t.test('both outputs are returned with the exit code', async (t) => {
  t.same(await shell('echo out; echo err >&2'), { kind: 'done', ending: 'exit code 0', output: 'out\nerr' })
  t.same(await shell('echo no >&2; exit 3'), { kind: 'failed', ending: 'exit code 3', output: 'no' })
  t.same(await shell('kill -TERM $$'), { kind: 'failed', ending: 'signal SIGTERM', output: '' })
})

t.test('arguments are passed unchanged, without a shell', async (t) => {
  t.match(await runCommand('/bin/echo', ['$HOME; "two  blanks"'], 10_000), { output: '$HOME; "two  blanks"' })
})

t.test('a program that is not installed is missing, not failed', async (t) => {
  t.same(await runCommand(join(t.testdir(), 'absent'), [], 10_000), {
    kind: 'missing',
    ending: 'not found',
    output: '',
  })
})

t.test('a file that cannot be executed has failed', async (t) => {
  const directory = t.testdir({ file: 'no program' })
  t.same(await runCommand(join(directory, 'file'), [], 10_000), {
    kind: 'failed',
    ending: `spawn ${directory}/file EACCES`,
    output: '',
  })
})

t.test('an invalid argument is a failure, not an exception', async (t) => {
  t.match(await runCommand('/bin/echo', ['a\0b'], 10_000), { kind: 'failed', ending: /without null bytes/ })
})

t.test('output is truncated without blocking the program', async (t) => {
  const { kind, output } = await shell('head -c 1000000 /dev/zero | tr "\\0" x')
  t.equal(kind, 'done')
  t.equal(output.length, 4096)
})

t.test('a program that does not end is killed with its children', async (t) => {
  const file = join(t.testdir(), 'child')
  t.same(await shell(`echo before; sleep 60 & echo $! >${file}; wait`, 1500), {
    kind: 'failed',
    ending: 'did not finish within 1.5 s',
    output: 'before',
  })
  const pid = Number(await readFile(file, 'utf8'))
  // On a busy machine it takes a moment to die, and init perhaps has not reaped it yet.
  const isDead = () => {
    const path = `/proc/${pid}/stat`
    return !existsSync(path) || /\) [ZX]/.test(readFileSync(path, 'utf8'))
  }
  await until(isDead)
  t.ok(isDead())
})

t.test('a program that leaves a daemon running has ended', async (t) => {
  t.same(await shell('echo started; sleep 5 &'), { kind: 'done', ending: 'exit code 0', output: 'started' })
})

t.test("systemd's variables are not passed on, and sbin is searched", async (t) => {
  const [socket, path] = [process.env['NOTIFY_SOCKET'], process.env['PATH']]
  t.teardown(() => {
    if (socket === undefined) delete process.env['NOTIFY_SOCKET']
    process.env['PATH'] = path
  })
  process.env['NOTIFY_SOCKET'] = '/run/systemd/notify'
  delete process.env['PATH']
  t.match(await shell('echo "$NOTIFY_SOCKET|$PATH"'), { output: '|/usr/bin:/bin:/usr/local/sbin:/usr/sbin' })
})

t.test('a program gets its input, and one that does not read it is not a failure', async (t) => {
  const large = 'x'.repeat(1_000_000)
  const run = (line: string, input: string) => runCommand('/bin/sh', ['-c', line], 10_000, { input })
  t.same(await run('wc -c', large), { kind: 'done', ending: 'exit code 0', output: '1000000' })
  t.same(await run('exec <&-; exit 0', large), { kind: 'done', ending: 'exit code 0', output: '' })
})

t.test('a program that its caller stops is killed with its children', async (t) => {
  const end = new AbortController()
  const running = runCommand('/bin/sh', ['-c', 'sleep 60 & wait'], 60_000, { signal: end.signal })
  end.abort()
  t.same(await running, { kind: 'failed', ending: 'was stopped', output: '' })
})
