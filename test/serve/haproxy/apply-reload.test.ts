import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { HaproxyPlan } from '../../../src/plan/haproxy/plan.ts'
import { applyHaproxy } from '../../../src/serve/haproxy/apply.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHaproxy, socketFolder } from '../../support/fake-haproxy.ts'
import { machine, noNodes, running, text } from '../../support/haproxy-files.ts'

for (const { name, command, reason } of [
  { name: 'with a message', command: 'echo no such unit >&2; exit 5', reason: 'exit code 5: no such unit' },
  { name: 'without output', command: 'exit 5', reason: 'exit code 5' },
]) {
  t.test(`a failed reload restores the previous file: ${name}`, async (t) => {
    const { file, context, lines, counters, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
    t.same(await applyHaproxy(withReload(command), noNodes, context), {
      outcome: 'reload failed',
      code: 'haproxy.reload-failed',
      reason,
    })
    t.equal(await readFile(file, 'utf8'), 'old\n')
    t.same(lines.at(-1), {
      level: 'error',
      code: 'haproxy.reload-failed',
      file,
      command,
      reason,
      msg: 'HAProxy reload failed, previous file restored',
    })
    t.same(counters.snapshot(), { 'haproxy.reloadsFailed': 1, 'haproxy.written': 1 })
  })
}

t.test('after a failed reload HAProxy is reloaded with the previous file', async (t) => {
  const { directory, file, context, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
  const command = `cat ${file} >>${directory}/seen; grep -q old ${file}`
  t.match(await applyHaproxy(withReload(command), noNodes, context), { outcome: 'reload failed' })
  t.equal(await readFile(join(directory, 'seen'), 'utf8'), `${text}old\n`)
})

t.test('a first file whose reload fails is removed if HAProxy runs', async (t) => {
  const { haproxy, directory, context, withReload } = await running(t, {})
  haproxy.answer = () => 'Pid: 7\n'
  t.match(await applyHaproxy(withReload('false'), noNodes, context), { outcome: 'reload failed' })
  t.same(await readdir(join(directory, 'etc')), [])
})

t.test('a first file is kept if HAProxy does not run, because it is started with the file', async (t) => {
  const { file, context, lines, withReload } = await machine(t)
  t.same(await applyHaproxy(withReload('exit 5'), noNodes, context), { outcome: 'written' })
  t.equal(await readFile(file, 'utf8'), text)
  t.match(lines.at(-1), {
    level: 'warn',
    code: 'haproxy.reload-failed',
    file,
    reason: 'exit code 5',
    msg: 'HAProxy not running, start it with the new configuration',
  })
})

t.test('a failed restore is reported', async (t) => {
  const { directory, context, lines, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
  const command = `rm -r ${directory}/etc; false`
  t.match(await applyHaproxy(withReload(command), noNodes, context), { outcome: 'reload failed' })
  t.match(lines.at(-1), {
    level: 'error',
    reason: /^ENOENT/,
    msg: 'restoring the previous HAProxy file failed',
  })
})

t.test('a reload succeeds when another process answers', async (t) => {
  const { haproxy, withReload, context } = await running(t, { 'haproxy.cfg': 'old\n' })
  let pid = 7
  haproxy.answer = () => `Name: HAProxy\nPid: ${pid++}\n`
  t.same(await applyHaproxy(withReload('true'), noNodes, context), { outcome: 'reloaded' })
  t.same(haproxy.questions, ['show info', 'show info'])
})

t.test(
  'a reload after which the same process answers for ten seconds has failed, with any result of its command',
  async (t) => {
    const { haproxy, file, withReload, context } = await running(t, { 'haproxy.cfg': 'old\n' })
    haproxy.answer = () => 'Pid: 7\n'
    const clock = fakeClock()
    const hurried = {
      ...clock,
      after: (ms: number, run: () => void) => {
        // What waits for an answer is not hurried.
        if (ms === 100) queueMicrotask(() => clock.advance(ms))
        return clock.after(ms, run)
      },
    }
    const reason =
      'process 7 of HAProxy is still running, and no new one started within 10 s: read the log of HAProxy'
    const applied = await applyHaproxy(withReload('true'), noNodes, { ...context, clock: hurried })
    t.same(applied, { outcome: 'reload failed', code: 'haproxy.reload-failed', reason })
    t.equal(await readFile(file, 'utf8'), 'old\n')
  },
)

const masters = [
  {
    name: 'since 2.7 the master reports success',
    output: 'Success=1\n--\nNOTICE: loaded\n',
    reason: undefined,
  },
  { name: 'before 2.7 it reports nothing', output: '', reason: undefined },
  {
    name: 'the master reports the reason',
    output: 'Success=0\n--\n[ALERT] cannot bind\n',
    reason: '[ALERT] cannot bind',
  },
  {
    name: 'the master reports only the failure',
    output: 'Success=0\n',
    reason: 'the master process could not reload',
  },
]

for (const { name, output, reason } of masters) {
  t.test(`reloaded by the master process: ${name}`, async (t) => {
    const { own, context, lines } = await machine(t)
    const master = await fakeHaproxy(t)
    master.answer = () => output
    const plan: HaproxyPlan = { ...own, reload: { kind: 'master', socket: master.path } }
    const applied = await applyHaproxy(plan, noNodes, context)
    t.same(
      applied,
      reason === undefined
        ? { outcome: 'reloaded' }
        : { outcome: 'reload failed', code: 'haproxy.reload-failed', reason },
    )
    t.match(lines.at(-1), { socket: master.path })
    t.equal(master.questions[0], 'reload')
  })
}

t.test('a missing master socket is reported', async (t) => {
  const { own, context, lines } = await machine(t)
  const socket = join(await socketFolder(t), 'none')
  const plan: HaproxyPlan = { ...own, reload: { kind: 'master', socket } }
  t.same(await applyHaproxy(plan, noNodes, context), { outcome: 'written' })
  t.match(lines.at(-1), { code: 'haproxy.reload-failed', reason: /^socket .* does not exist/ })
})
