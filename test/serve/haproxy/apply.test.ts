import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { applyHaproxy } from '../../../src/serve/haproxy/apply.ts'

const text = 'frontend kubeapi\n'

/** A folder with a stand-in for haproxy that says `verdict` and ends with `status`, and a log that is kept. */
async function machine(t: Test, files: Record<string, string> = {}, verdict = '', status = 0) {
  const directory = t.testdir({
    haproxy: `#!/bin/sh\ncp "$3" "\${0%/*}/judged"\ncat >&2 <<EOF\n${verdict}\nEOF\nexit ${status}\n`,
    etc: files,
  })
  await chmod(join(directory, 'haproxy'), 0o755)
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write(line: string) {
      const facts = JSON.parse(line) as Record<string, unknown>
      delete facts['time']
      lines.push(facts)
    },
  })
  const counters = new Counters()
  const file = join(directory, 'etc/haproxy.cfg')
  return { directory, file, lines, counters, context: { log, counters, program: join(directory, 'haproxy') } }
}

t.test('a site that leaves HAProxy alone', async (t) => {
  const { context, lines } = await machine(t)
  t.equal(await applyHaproxy(undefined, context), 'none')
  t.same(lines, [])
})

t.test('a new text is judged, written and reloaded', async (t) => {
  const { directory, file, context, lines, counters } = await machine(t, { 'haproxy.cfg': 'old\n' })
  const reload = `cp ${file} ${directory}/reloaded && true`
  t.equal(await applyHaproxy({ file, reload, text }, context), 'reloaded')
  for (const name of ['etc/haproxy.cfg', 'judged', 'reloaded']) {
    t.equal(await readFile(join(directory, name), 'utf8'), text, name)
  }
  t.same(lines, [
    { level: 'info', file, octets: 17, msg: 'haproxy configuration written' },
    { level: 'info', file, command: reload, msg: 'haproxy reloaded' },
  ])
  t.same(counters.snapshot(), { 'haproxy.reloads': 1, 'haproxy.written': 1 })
})

t.test('the same text again touches nothing', async (t) => {
  const { file, context, lines } = await machine(t, { 'haproxy.cfg': text }, 'never asked', 1)
  const before = await stat(file)
  t.equal(await applyHaproxy({ file, reload: 'false', text }, context), 'unchanged')
  t.equal((await stat(file)).ino, before.ino)
  t.same(lines, [])
})

t.test('without a reload command the file is all there is to do', async (t) => {
  const { file, context } = await machine(t)
  t.equal(await applyHaproxy({ file, reload: undefined, text }, context), 'written')
})

t.test('what HAProxy refuses is not written, and its own words are told', async (t) => {
  const verdict = `[NOTICE]   (7) : haproxy version is 2.6.12
[ALERT]    (7) : config : parsing [haproxy.cfg:3] : unknown keyword 'bnd' in 'frontend' section
[ALERT]    (7) : config : Fatal errors found in configuration.`
  const { file, context, lines, counters } = await machine(t, { 'haproxy.cfg': 'old\n' }, verdict, 1)
  t.equal(await applyHaproxy({ file, reload: 'touch reloaded', text }, context), 'refused')
  t.equal(await readFile(file, 'utf8'), 'old\n')
  t.same(lines, [
    {
      level: 'error',
      file,
      reason:
        "config : parsing [haproxy.cfg:3] : unknown keyword 'bnd' in 'frontend' section; " +
        'config : Fatal errors found in configuration.',
      msg: 'haproxy refuses the new configuration, the old file stays',
    },
  ])
  t.same(counters.snapshot(), { 'haproxy.refused': 1 })
})

t.test('a refusal without alerts tells how HAProxy ended', async (t) => {
  const { file, context, lines } = await machine(t, {}, '', 2)
  t.equal(await applyHaproxy({ file, reload: undefined, text }, context), 'refused')
  t.match(lines, [{ reason: 'exit code 2' }])
})

t.test('without HAProxy the file is written and a warning says what nobody checked', async (t) => {
  const { directory, file, context, lines } = await machine(t)
  const plan = { file, reload: undefined, text }
  t.equal(await applyHaproxy(plan, { ...context, program: join(directory, 'absent') }), 'written')
  t.equal(await readFile(file, 'utf8'), text)
  t.match(lines, [
    { level: 'info', msg: 'haproxy configuration written' },
    { level: 'warn', file, msg: 'haproxy is not installed here, so nothing checked its configuration' },
  ])
})

t.test('a file that cannot be written', async (t) => {
  const { directory, context, lines, counters } = await machine(t)
  const file = join(directory, 'absent/haproxy.cfg')
  t.equal(await applyHaproxy({ file, reload: 'touch reloaded', text }, context), 'unwritable')
  t.match(lines, [
    { level: 'error', file, reason: /^ENOENT: no such file/, msg: 'haproxy configuration not written' },
  ])
  t.same(counters.snapshot(), { 'haproxy.unwritable': 1 })
})

for (const { name, reload, reason } of [
  { name: 'with its words', reload: 'echo no such unit >&2; exit 5', reason: 'exit code 5: no such unit' },
  { name: 'in silence', reload: 'exit 5', reason: 'exit code 5' },
]) {
  t.test(`a reload command that fails is told: ${name}`, async (t) => {
    const { file, context, lines, counters } = await machine(t)
    t.equal(await applyHaproxy({ file, reload, text }, context), 'reload failed')
    t.equal(await readFile(file, 'utf8'), text)
    t.same(lines.at(-1), {
      level: 'error',
      file,
      command: reload,
      reason,
      msg: 'haproxy not reloaded, it runs on with its old configuration',
    })
    t.equal(counters.get('haproxy.reloadsFailed'), 1)
  })
}

t.test('plans are applied one after the other', async (t) => {
  const { directory, file, context } = await machine(t)
  const slowly = (mark: string) =>
    `echo ${mark} begins >>${directory}/order; sleep 0.1; echo ${mark} ends >>${directory}/order`
  const outcomes = ['first', 'second'].map((mark) =>
    applyHaproxy({ file, reload: slowly(mark), text: `# ${mark}\n` }, context),
  )
  t.same(await Promise.all(outcomes), ['reloaded', 'reloaded'])
  t.equal(
    await readFile(join(directory, 'order'), 'utf8'),
    'first begins\nfirst ends\nsecond begins\nsecond ends\n',
  )
})

const hasHaproxy = spawnSync('/usr/sbin/haproxy', ['-v']).status === 0

t.test(
  'a real HAProxy judges',
  { skip: !hasHaproxy && 'haproxy is not installed: its verdicts were not tried' },
  async (t) => {
    const { directory, file, context, lines } = await machine(t)
    const { log, counters } = context
    const real = { log, counters, program: '/usr/sbin/haproxy' }
    await writeFile(file, 'old\n')
    const wrong = 'defaults\n  timeout connect\n'
    t.equal(await applyHaproxy({ file, reload: undefined, text: wrong }, real), 'refused')
    t.match(lines, [{ reason: /^config : parsing \[haproxy\.cfg:2\] : 'timeout connect' expects/ }])
    const right = await readFile(new URL('../../fixtures/haproxy/guide.cfg', import.meta.url), 'utf8')
    t.equal(await applyHaproxy({ file, reload: undefined, text: right }, real), 'written')
    t.same(await readdir(join(directory, 'etc')), ['haproxy.cfg'])
  },
)
