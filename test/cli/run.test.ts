import { join } from 'node:path'
import t from 'tap'
import { commandGroups } from '../../src/cli/registry.ts'
import { runCommandLine } from '../../src/cli/run.ts'
import { version } from '../../src/cli/commands/version.ts'
import { keptTerminal } from '../support/terminal.ts'

async function run(...args: string[]) {
  const terminal = keptTerminal()
  const code = await runCommandLine(args, terminal)
  return { code, err: terminal.errLines.join('\n'), out: terminal.outLines.join('\n') }
}

t.test('prints the version, the overview, and the page of a command', async (t) => {
  t.match(await run('--version'), { code: 0, out: /^\d+\.\d+\.\d+( \(commit [0-9a-f]{40}\))?$/ })
  t.same(await run('-v'), await run('--version'))
  t.match(await run('help'), { code: 0, out: /^Usage: slipway COMMAND/ })
  t.match(await run('help', 'status'), { code: 0, out: /^Usage: slipway status/ })
  t.match(await run(), { code: 2, out: '', err: /^Usage: slipway COMMAND/ })
  t.match(await run('--server', 'x'), { code: 2, err: /^slipway: --server x: expected a URL/ })
})

t.test('with --json, what a command did is one document, and its lines go to standard error', async (t) => {
  const site = join(t.testdir(), 'site.yaml')
  const answers = ['--address', '192.0.2.10', '--gateway', 'none', '--forward', 'none', '--cluster', 'a.b']
  const written = await run('init', '--json', '--output', site, ...answers)
  t.equal(written.code, 0)
  t.match(JSON.parse(written.out), { outcome: 'done', lines: [`Wrote ${site}.`], problems: [] })
  t.match(written.err, `next: slipway check ${site}`)
  const refused = await run('images', 'remove', 'none', '--json', '--dir', t.testdirName)
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.out), {
    outcome: 'failed',
    lines: [],
    problems: [/^slipway images: .* does not contain none; list /],
  })
})

t.test('an unexpected error is reported as a defect, with its stack trace', async (t) => {
  const [entry] = Object.values(commandGroups).flat()
  const broken = {
    ...entry!,
    load: () => Promise.resolve({ ...version, run: () => Promise.reject(new TypeError('no plan')) }),
  }
  const serve = entry as { load: unknown }
  const original = serve.load
  serve.load = broken.load
  t.teardown(() => (serve.load = original))
  t.match(await run('serve'), {
    code: 1,
    err: /^slipway serve: internal error: no plan; report it with these lines and the output of "slipway version"\nTypeError: no plan\n {4}at /,
  })
  serve.load = () =>
    Promise.resolve({
      ...version,
      run: () =>
        Promise.reject(Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write', path: '/x' })),
    })
  t.match(await run('serve'), {
    code: 1,
    err: 'slipway serve: cannot use /x: the disk is full; free some space',
  })
})
