import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { compileHaproxy } from '../../../src/plan/haproxy/compile.ts'
import type { HaproxyPlan } from '../../../src/plan/haproxy/plan.ts'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { applyHaproxy } from '../../../src/serve/haproxy/apply.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHaproxy, type FakeHaproxy } from '../../support/fake-haproxy.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const { plan } = compileHaproxy(
  exampleModel({ ...exampleSite(), haproxy: { file: '/absent', socket: '/nowhere/admin.sock' } } as never),
)
const text = renderHaproxy(plan!)
const octets = Buffer.byteLength(text)
const nobody: ReadonlySet<string> = new Set()
const without = new Set(['ocp45/bs'])

/**
 * A folder with a stand-in for haproxy that says `verdict` and ends with `status`, and a log that is kept.
 * The plan has no socket that anybody listens on.
 */
async function machine(t: Test, files: Record<string, string> = {}, verdict = '', status = 0) {
  const directory = t.testdir({
    haproxy: `#!/bin/sh\ncp "$3" "\${0%/*}/judged"\necho "$@" >"\${0%/*}/asked"\ncat >&2 <<EOF\n${verdict}\nEOF\nexit ${status}\n`,
    etc: files,
  })
  await chmod(join(directory, 'haproxy'), 0o755)
  const { log, lines } = keptLog()
  const counters = new Counters()
  const file = join(directory, 'etc/haproxy.cfg')
  const context = { log, counters, clock: systemClock, program: join(directory, 'haproxy') }
  const own: HaproxyPlan = { ...plan!, file }
  const withReload = (command: string): HaproxyPlan => ({ ...own, reload: { kind: 'command', command } })
  return { directory, file, lines, counters, context, own, withReload }
}

function keptLog() {
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write(line: string) {
      const facts = JSON.parse(line) as Record<string, unknown>
      delete facts['time']
      lines.push(facts)
    },
  })
  return { log, lines }
}

t.test('a new text is judged, written and reloaded', async (t) => {
  const { directory, file, context, lines, counters, withReload } = await machine(t, {
    'haproxy.cfg': 'old\n',
  })
  const command = `cp ${file} ${directory}/reloaded && true`
  t.same(await applyHaproxy(withReload(command), nobody, context), { outcome: 'reloaded' })
  for (const name of ['etc/haproxy.cfg', 'judged', 'reloaded']) {
    t.equal(await readFile(join(directory, name), 'utf8'), text, name)
  }
  t.same(lines, [
    { level: 'info', file, octets, msg: 'haproxy configuration written' },
    { level: 'info', file, command, msg: 'haproxy reloaded' },
  ])
  t.same(counters.snapshot(), { 'haproxy.reloads': 1, 'haproxy.written': 1 })
})

t.test('the same text again touches nothing', async (t) => {
  const { file, context, lines, withReload } = await machine(t, { 'haproxy.cfg': text }, 'never asked', 1)
  const before = await stat(file)
  t.same(await applyHaproxy(withReload('false'), nobody, context), { outcome: 'unchanged' })
  t.equal((await stat(file)).ino, before.ino)
  t.same(lines, [])
})

t.test('without a way to reload the file is all there is to do', async (t) => {
  const { own, context } = await machine(t)
  t.same(await applyHaproxy(own, nobody, context), { outcome: 'written' })
})

t.test('what HAProxy refuses is not written, and its own words are told', async (t) => {
  const verdict = `[NOTICE]   (7) : haproxy version is 2.6.12
[ALERT]    (7) : config : parsing [haproxy.cfg:3] : unknown keyword 'bnd' in 'frontend' section
[ALERT]    (7) : config : Fatal errors found in configuration.`
  const { file, context, lines, counters, withReload } = await machine(
    t,
    { 'haproxy.cfg': 'old\n' },
    verdict,
    1,
  )
  const reason =
    "config : parsing [haproxy.cfg:3] : unknown keyword 'bnd' in 'frontend' section; " +
    'config : Fatal errors found in configuration.'
  t.same(await applyHaproxy(withReload('touch reloaded'), nobody, context), { outcome: 'refused', reason })
  t.equal(await readFile(file, 'utf8'), 'old\n')
  t.same(lines, [
    { level: 'error', file, reason, msg: 'haproxy refuses the new configuration, the old file stays' },
  ])
  t.same(counters.snapshot(), { 'haproxy.refused': 1 })
})

t.test('a refusal without alerts tells how HAProxy ended', async (t) => {
  const { own, context } = await machine(t, {}, '', 2)
  t.same(await applyHaproxy(own, nobody, context), { outcome: 'refused', reason: 'exit code 2' })
})

t.test('without HAProxy the file is written and a warning says what nobody checked', async (t) => {
  const { directory, file, own, context, lines } = await machine(t)
  const absent = { ...context, program: join(directory, 'absent') }
  t.same(await applyHaproxy(own, nobody, absent), { outcome: 'written' })
  t.equal(await readFile(file, 'utf8'), text)
  t.match(lines, [
    { level: 'info', msg: 'haproxy configuration written' },
    { level: 'warn', file, msg: 'haproxy is not installed here, so nothing checked its configuration' },
  ])
})

t.test('a file that cannot be written', async (t) => {
  const { directory, withReload, context, lines, counters } = await machine(t)
  const lost = { ...withReload('touch reloaded'), file: join(directory, 'absent/haproxy.cfg') }
  t.match(await applyHaproxy(lost, nobody, context), { outcome: 'unwritable', reason: /^ENOENT/ })
  t.match(lines, [
    {
      level: 'error',
      file: lost.file,
      reason: /^ENOENT: no such file/,
      msg: 'haproxy configuration not written',
    },
  ])
  t.same(counters.snapshot(), { 'haproxy.unwritable': 1 })
})

t.test('a part is judged among the files that HAProxy is started with, in its order', async (t) => {
  const { directory, context, own } = await machine(t, {
    'main.cfg': '# theirs\n',
    'a.cfg': '',
    'z.cfg': '',
    '.hidden.cfg': '',
    README: '',
  })
  const etc = join(directory, 'etc')
  const main = join(directory, 'main')
  await writeFile(main, '')
  const part = { ...own, file: join(etc, 'ours.cfg'), with: [main, etc] }
  t.same(await applyHaproxy(part, nobody, context), { outcome: 'written' })
  const asked = (await readFile(join(directory, 'asked'), 'utf8')).trim().split(' -f ')
  t.same(asked.slice(0, 4), ['-c', main, join(etc, 'a.cfg'), join(etc, 'main.cfg')])
  t.match(asked[4], /\/slipway-haproxy-\w+\/ours\.cfg$/)
  t.same(asked.slice(5), [join(etc, 'z.cfg')])
  t.match(await readFile(part.file, 'utf8'), /^# Written[^]*\nfrontend kubeapi\n {2}mode tcp\n/)
  // The same by its own name, beside a folder of others.
  const named = { ...own, file: join(directory, 'ours.cfg'), with: [join(directory, 'ours.cfg'), etc] }
  t.same(await applyHaproxy(named, nobody, context), { outcome: 'written' })
  t.match(await readFile(join(directory, 'asked'), 'utf8'), /^-c -f \S+\/ours\.cfg -f \S+\/a\.cfg -f/)
})

t.test('files of others that cannot be read refuse it', async (t) => {
  const { directory, context, own } = await machine(t)
  const part = { ...own, with: [join(directory, 'none'), own.file] }
  const { outcome, reason } = await applyHaproxy(part, nobody, context)
  t.equal(outcome, 'refused')
  t.match(reason, /^ENOENT: no such file or directory, stat '.*\/none'$/)
})

for (const { name, command, reason } of [
  { name: 'with its words', command: 'echo no such unit >&2; exit 5', reason: 'exit code 5: no such unit' },
  { name: 'in silence', command: 'exit 5', reason: 'exit code 5' },
]) {
  t.test(`when the reload fails the old file is put back: ${name}`, async (t) => {
    const { file, context, lines, counters, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
    t.same(await applyHaproxy(withReload(command), nobody, context), { outcome: 'reload failed', reason })
    t.equal(await readFile(file, 'utf8'), 'old\n')
    t.same(lines.at(-1), {
      level: 'error',
      file,
      command,
      reason,
      msg: 'haproxy not reloaded, its old file is put back',
    })
    t.same(counters.snapshot(), { 'haproxy.reloadsFailed': 1, 'haproxy.written': 1 })
  })
}

t.test('after a reload that failed HAProxy is told of the old file too, for it may have ended', async (t) => {
  const { directory, file, context, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
  const command = `cat ${file} >>${directory}/seen; grep -q old ${file}`
  t.match(await applyHaproxy(withReload(command), nobody, context), { outcome: 'reload failed' })
  t.equal(await readFile(join(directory, 'seen'), 'utf8'), `${text}old\n`)
})

t.test('a first file whose reload fails is taken away again', async (t) => {
  const { directory, context, withReload } = await machine(t)
  t.match(await applyHaproxy(withReload('false'), nobody, context), { outcome: 'reload failed' })
  t.same(await readdir(join(directory, 'etc')), [])
})

t.test('an old file that cannot be put back is told', async (t) => {
  const { directory, context, lines, withReload } = await machine(t, { 'haproxy.cfg': 'old\n' })
  const command = `rm -r ${directory}/etc; false`
  t.match(await applyHaproxy(withReload(command), nobody, context), { outcome: 'reload failed' })
  t.match(lines.at(-1), { level: 'error', reason: /^ENOENT/, msg: 'the old file of haproxy is not put back' })
})

/** A machine whose HAProxy answers on its stats socket. */
async function running(t: Test, files: Record<string, string>) {
  const haproxy = await fakeHaproxy(t)
  const { own, withReload, ...rest } = await machine(t, files)
  const at = (plan: HaproxyPlan): HaproxyPlan => ({ ...plan, socket: haproxy.path })
  return { ...rest, haproxy, own: at(own), withReload: (command: string) => at(withReload(command)) }
}

/** Its text names the socket, so the file that was there before does too. */
const textAt = ({ path }: FakeHaproxy, out = nobody): string => renderHaproxy({ ...plan!, socket: path }, out)

t.test('a reload is done when another process answers', async (t) => {
  const { haproxy, withReload, context } = await running(t, { 'haproxy.cfg': 'old\n' })
  let pid = 7
  haproxy.answer = () => `Name: HAProxy\nPid: ${pid++}\n`
  t.same(await applyHaproxy(withReload('true'), nobody, context), { outcome: 'reloaded' })
  t.same(haproxy.questions, ['show info', 'show info'])
})

t.test(
  'a reload after which the same process answers for ten seconds has failed, whatever its command says',
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
    const reason = 'HAProxy runs on as process 7, and no new one within 10 s: its log says why'
    const applied = await applyHaproxy(withReload('true'), nobody, { ...context, clock: hurried })
    t.same(applied, { outcome: 'reload failed', reason })
    t.equal(await readFile(file, 'utf8'), 'old\n')
  },
)

const masters = [
  { name: 'since 2.7 it says that it went well', said: 'Success=1\n--\nNOTICE: loaded\n', reason: undefined },
  { name: 'before, it says nothing', said: '', reason: undefined },
  {
    name: 'it says why it did not',
    said: 'Success=0\n--\n[ALERT] cannot bind\n',
    reason: '[ALERT] cannot bind',
  },
  { name: 'it says no more than that', said: 'Success=0\n', reason: 'the master process could not reload' },
]

for (const { name, said, reason } of masters) {
  t.test(`reloaded by the master process: ${name}`, async (t) => {
    const { own, context, lines } = await machine(t)
    const master = await fakeHaproxy(t)
    master.answer = () => said
    const plan: HaproxyPlan = { ...own, reload: { kind: 'master', socket: master.path } }
    const applied = await applyHaproxy(plan, nobody, context)
    t.same(applied, reason === undefined ? { outcome: 'reloaded' } : { outcome: 'reload failed', reason })
    t.match(lines.at(-1), { socket: master.path })
    t.equal(master.questions[0], 'reload')
  })
}

t.test('a master process that is not there', async (t) => {
  const { own, directory, context } = await machine(t)
  const plan: HaproxyPlan = { ...own, reload: { kind: 'master', socket: join(directory, 'none') } }
  t.match(await applyHaproxy(plan, nobody, context), {
    outcome: 'reload failed',
    reason: /^there is no socket/,
  })
})

t.test('where only membership changes, HAProxy is told and not reloaded', async (t) => {
  const { haproxy, file, context, counters, lines, withReload } = await running(t, {})
  await writeFile(file, textAt(haproxy))
  const plan = withReload('false')
  t.same(await applyHaproxy(plan, without, context), { outcome: 'told' })
  t.equal(await readFile(file, 'utf8'), textAt(haproxy, without))
  t.same(await applyHaproxy(plan, nobody, context), { outcome: 'told' })
  t.equal(await readFile(file, 'utf8'), textAt(haproxy))
  t.same(haproxy.questions, [
    'set server kubeapi/bs state drain',
    'set server machineconfig/bs state drain',
    'set server kubeapi/bs state ready',
    'set server machineconfig/bs state ready',
  ])
  t.equal(counters.get('haproxy.told'), 4)
  t.match(lines[1], { backend: 'kubeapi', server: 'bs', msg: 'server taken out of haproxy' })
  t.match(lines[4], { backend: 'kubeapi', server: 'bs', msg: 'server put back into haproxy' })
})

t.test('when HAProxy does not do what it is told, it is reloaded', async (t) => {
  const { haproxy, file, context, lines, withReload } = await running(t, {})
  await writeFile(file, textAt(haproxy))
  haproxy.answer = (question) => (question.startsWith('set') ? 'No such server.\n\n' : '')
  t.same(await applyHaproxy(withReload('true'), without, context), { outcome: 'reloaded' })
  t.same(haproxy.questions.slice(0, 2), ['set server kubeapi/bs state drain', 'show info'])
  t.match(lines[1], { reason: 'No such server.', msg: 'haproxy cannot be told, it is reloaded instead' })
})

t.test('when HAProxy cannot be told and the site names no way to reload, the file is all', async (t) => {
  const { file, context, own } = await machine(t)
  await writeFile(file, text)
  t.same(await applyHaproxy(own, without, context), { outcome: 'written' })
})

const hasHaproxy = spawnSync('/usr/sbin/haproxy', ['-v']).status === 0

t.test(
  'a real HAProxy judges',
  { skip: !hasHaproxy && 'haproxy is not installed: its verdicts were not tried' },
  async (t) => {
    const { directory, file, own, context, lines } = await machine(t)
    const real = { ...context, program: '/usr/sbin/haproxy' }
    await writeFile(file, 'old\n')
    const wrong = { ...own, backends: own.backends.map((backend) => ({ ...backend, name: 'a b' })) }
    t.match(await applyHaproxy(wrong, nobody, real), { outcome: 'refused' })
    t.match(lines, [{ reason: /^config : parsing \[haproxy\.cfg:\d+\] : / }])
    t.equal(await readFile(file, 'utf8'), 'old\n')
    t.same(await applyHaproxy(own, nobody, real), { outcome: 'written' })
    t.same(await readdir(join(directory, 'etc')), ['haproxy.cfg'])
  },
)

t.test(
  "a real HAProxy refuses a part because of an administrator's broken file, and nothing is touched",
  { skip: !hasHaproxy && 'haproxy is not installed: its verdicts were not tried' },
  async (t) => {
    const { directory, own, context } = await machine(t, { 'theirs.cfg': 'frontend web\n  bnd :80\n' })
    const etc = join(directory, 'etc')
    const part = { ...own, file: join(etc, 'slipway.cfg'), with: [etc] }
    const real = { ...context, program: '/usr/sbin/haproxy' }
    const { outcome, reason } = await applyHaproxy(part, nobody, real)
    t.equal(outcome, 'refused')
    t.match(reason, /theirs\.cfg:2\] : unknown keyword 'bnd'/)
    t.same(await readdir(etc), ['theirs.cfg'])
  },
)
