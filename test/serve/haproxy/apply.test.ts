import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { applyHaproxy } from '../../../src/serve/haproxy/apply.ts'
import { machine, noNodes, running, text, textAt, without } from '../../support/haproxy-files.ts'

t.test('a new configuration is validated, written, and reloaded', async (t) => {
  const { directory, file, context, lines, counters, withReload } = await machine(t, {
    'haproxy.cfg': 'old\n',
  })
  const command = `cp ${file} ${directory}/reloaded && true`
  t.same(await applyHaproxy(withReload(command), noNodes, context), { outcome: 'reloaded' })
  for (const name of ['etc/haproxy.cfg', 'judged', 'reloaded']) {
    t.equal(await readFile(join(directory, name), 'utf8'), text, name)
  }
  t.same(lines, [
    { level: 'info', file, octets: Buffer.byteLength(text), msg: 'HAProxy configuration written' },
    { level: 'info', file, command, msg: 'HAProxy reloaded' },
  ])
  t.same(counters.snapshot(), { 'haproxy.reloads': 1, 'haproxy.written': 1 })
  // HAProxy fails if it cannot return to its directory, which can be that of root ("cd /root; runuser -u slipway …").
  t.equal(await readFile(join(directory, 'where'), 'utf8'), '/\n')
})

t.test('a validation removes what a killed process left', async (t) => {
  const killed = join(tmpdir(), `slipway-haproxy-${spawnSync('true').pid}-abcdef`)
  await mkdir(killed)
  await writeFile(join(killed, 'haproxy.cfg'), '')
  const { own, context } = await machine(t)
  t.same(await applyHaproxy(own, noNodes, context), { outcome: 'written' })
  await t.rejects(stat(killed), { code: 'ENOENT' })
})

t.test('an unchanged configuration changes nothing', async (t) => {
  const { file, context, lines, withReload } = await machine(t, { 'haproxy.cfg': text }, 'never asked', 1)
  const before = await stat(file)
  t.same(await applyHaproxy(withReload('false'), noNodes, context), { outcome: 'unchanged' })
  t.equal((await stat(file)).ino, before.ino)
  t.same(lines, [])
})

t.test('without a configured reload only the file is written', async (t) => {
  const { own, context } = await machine(t)
  t.same(await applyHaproxy(own, noNodes, context), { outcome: 'written' })
})

t.test("a rejected configuration is not written, and HAProxy's error is the reason", async (t) => {
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
  t.same(await applyHaproxy(withReload('touch reloaded'), noNodes, context), {
    outcome: 'refused',
    code: 'haproxy.config-rejected',
    reason,
  })
  t.equal(await readFile(file, 'utf8'), 'old\n')
  t.same(lines, [
    { level: 'error', file, code: 'haproxy.config-rejected', reason, msg: 'HAProxy configuration rejected' },
  ])
  t.same(counters.snapshot(), { 'haproxy.refused': 1 })
})

t.test('a rejection without alerts reports the exit status', async (t) => {
  const { own, context } = await machine(t, {}, '', 2)
  t.same(await applyHaproxy(own, noNodes, context), {
    outcome: 'refused',
    code: 'haproxy.config-rejected',
    reason: 'exit code 2',
  })
})

t.test('without HAProxy the file is written with a warning', async (t) => {
  const { directory, file, own, context, lines } = await machine(t)
  const absent = { ...context, program: join(directory, 'absent') }
  t.same(await applyHaproxy(own, noNodes, absent), { outcome: 'written' })
  t.equal(await readFile(file, 'utf8'), text)
  t.match(lines, [
    { level: 'info', msg: 'HAProxy configuration written' },
    { level: 'warn', file, msg: 'HAProxy not installed, configuration not validated' },
  ])
})

t.test('a file that cannot be written is reported', async (t) => {
  const { directory, withReload, context, lines, counters } = await machine(t)
  const lost = { ...withReload('touch reloaded'), file: join(directory, 'absent/haproxy.cfg') }
  t.match(await applyHaproxy(lost, noNodes, context), { outcome: 'unwritable', reason: /^ENOENT/ })
  t.match(lines, [
    {
      level: 'error',
      file: lost.file,
      reason: /^ENOENT: no such file/,
      msg: 'HAProxy configuration not written',
    },
  ])
  t.same(counters.snapshot(), { 'haproxy.unwritable': 1 })
})

t.test('a partial file is validated with the other files, in their order', async (t) => {
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
  t.same(await applyHaproxy(part, noNodes, context), { outcome: 'written' })
  const asked = (await readFile(join(directory, 'asked'), 'utf8')).trim().split(' -f ')
  t.same(asked.slice(0, 4), ['-c', main, join(etc, 'a.cfg'), join(etc, 'main.cfg')])
  t.match(asked[4], /\/slipway-haproxy-[\w-]+\/ours\.cfg$/)
  t.same(asked.slice(5), [join(etc, 'z.cfg')])
  t.match(await readFile(part.file, 'utf8'), /^# Written[^]*\nfrontend kubeapi\n {2}mode tcp\n/)
  // The same by its own name, beside a folder of others.
  const named = { ...own, file: join(directory, 'ours.cfg'), with: [join(directory, 'ours.cfg'), etc] }
  t.same(await applyHaproxy(named, noNodes, context), { outcome: 'written' })
  t.match(await readFile(join(directory, 'asked'), 'utf8'), /^-c -f \S+\/ours\.cfg -f \S+\/a\.cfg -f/)
})

t.test('an unreadable other file rejects the configuration', async (t) => {
  const { directory, context, own } = await machine(t)
  const part = { ...own, with: [join(directory, 'none'), own.file] }
  const { outcome, reason } = await applyHaproxy(part, noNodes, context)
  t.equal(outcome, 'refused')
  t.match(reason, /^ENOENT: no such file or directory, stat '.*\/none'$/)
})

t.test('a change of server states only is a runtime update', async (t) => {
  const { haproxy, file, context, counters, lines, withReload } = await running(t, {})
  await writeFile(file, textAt(haproxy))
  const plan = withReload('false')
  t.same(await applyHaproxy(plan, without, context), { outcome: 'told' })
  t.equal(await readFile(file, 'utf8'), textAt(haproxy, without))
  t.same(await applyHaproxy(plan, noNodes, context), { outcome: 'told' })
  t.equal(await readFile(file, 'utf8'), textAt(haproxy))
  t.same(haproxy.questions, [
    'set server kubeapi/bs state drain',
    'set server machineconfig/bs state drain',
    'set server kubeapi/bs state ready',
    'set server machineconfig/bs state ready',
  ])
  t.equal(counters.get('haproxy.told'), 4)
  t.match(lines[1], { backend: 'kubeapi', server: 'bs', msg: 'server drained' })
  t.match(lines[4], { backend: 'kubeapi', server: 'bs', msg: 'server enabled' })
})

t.test('a failed runtime update causes a reload', async (t) => {
  const { haproxy, file, context, lines, withReload } = await running(t, {})
  await writeFile(file, textAt(haproxy))
  haproxy.answer = (question) => (question.startsWith('set') ? 'No such server.\n\n' : '')
  t.same(await applyHaproxy(withReload('true'), without, context), { outcome: 'reloaded' })
  t.same(haproxy.questions.slice(0, 2), ['set server kubeapi/bs state drain', 'show info'])
  t.match(lines[1], { reason: 'No such server.', msg: 'HAProxy runtime update failed, reloading' })
})

t.test('without Runtime API and reload only the file is written', async (t) => {
  const { file, context, own } = await machine(t)
  await writeFile(file, text)
  t.same(await applyHaproxy(own, without, context), { outcome: 'written' })
})

const hasHaproxy = spawnSync('/usr/sbin/haproxy', ['-v']).status === 0

t.test(
  'a real HAProxy validates the configuration',
  { skip: !hasHaproxy && 'haproxy is not installed: its verdicts were not tried' },
  async (t) => {
    const { directory, file, own, context, lines } = await machine(t)
    const real = { ...context, program: '/usr/sbin/haproxy' }
    await writeFile(file, 'old\n')
    const wrong = { ...own, backends: own.backends.map((backend) => ({ ...backend, name: 'a b' })) }
    t.match(await applyHaproxy(wrong, noNodes, real), { outcome: 'refused' })
    t.match(lines, [{ reason: /^config : parsing \[haproxy\.cfg:\d+\] : / }])
    t.equal(await readFile(file, 'utf8'), 'old\n')
    t.same(await applyHaproxy(own, noNodes, real), { outcome: 'written' })
    t.same(await readdir(join(directory, 'etc')), ['haproxy.cfg'])
  },
)

t.test(
  "a real HAProxy refuses a part because of an administrator's invalid file, and no file changes",
  { skip: !hasHaproxy && 'haproxy is not installed: its verdicts were not tried' },
  async (t) => {
    const { directory, own, context } = await machine(t, { 'theirs.cfg': 'frontend web\n  bnd :80\n' })
    const etc = join(directory, 'etc')
    const part = { ...own, file: join(etc, 'slipway.cfg'), with: [etc] }
    const real = { ...context, program: '/usr/sbin/haproxy' }
    const { outcome, reason } = await applyHaproxy(part, noNodes, real)
    t.equal(outcome, 'refused')
    t.match(reason, /theirs\.cfg:2\] : unknown keyword 'bnd'/)
    t.same(await readdir(etc), ['theirs.cfg'])
  },
)
