import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commandGroups } from '../src/cli/registry.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'
import { uninstrumented } from './support/uninstrumented.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs the program as a user does. */
const slipway = (...args: string[]) => run(...uninstrumented(process.execPath, main, ...args))
/** The same, and counts the lines that it reaches. Takes three times as long. */
const measured = (...args: string[]) => run(process.execPath, [main, ...args])

async function run(
  command: string,
  args: string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const [out, err, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: ended[0] as number | null, out, err }
}

t.test(
  'without a command it prints all commands, with an unknown one a suggestion; exit code 2',
  async (t) => {
    t.match(await measured(), { code: 2, out: '', err: /^Usage: slipway COMMAND/ })
    t.match(await measured('sevre'), {
      code: 2,
      err: 'slipway: unknown command "sevre" (did you mean serve?)\nRun "slipway help" for a list of all commands.\n',
    })
  },
)

t.test('--help prints the same sections for every command; exit code 0', async (t) => {
  const overview = await slipway('--help')
  t.match(overview, { code: 0, err: '' })
  const names = [...overview.out.matchAll(/^ {2}(\w+) {3,}/gm)].map(([, name]) => name ?? '')
  t.same(
    names,
    Object.values(commandGroups).flatMap((group) => group.map(({ name }) => name)),
  )
  const pages = [
    ...names.map((name) => [name]),
    ...['add', 'remove', 'adopt'].map((action) => ['node', action]),
  ]
  for (const page of pages) {
    const { code, out, err } = await slipway(...page, '--help')
    t.match({ code, err }, { code: 0, err: '' })
    t.match(
      out,
      new RegExp(
        `^Usage: slipway ${page.join(' ')} [^]*\n\nOptions:\n[^]*\n\nExit status:\n[^]*\n\nExamples:\n`,
      ),
    )
    t.same(
      out.split('\n').filter((line) => line.length > 80),
      [],
      `${page.join(' ')} --help fits 80 columns`,
    )
  }
  t.same((await slipway('help', 'check')).out, (await slipway('check', '--help')).out)
})

t.test('--version prints the version within 0.4 s of processor time', async (t) => {
  t.match(await measured('--version'), { code: 0, out: /^\d+\.\d+\.\d+( \(commit [0-9a-f]{40}\))?\n$/ })
  const [program, args] = uninstrumented(process.execPath, main, '--version')
  const command = `${[program, ...args].map((word) => `'${word}'`).join(' ')} && times`
  // The last line of the shell builtin `times` has the processor time of its children.
  const line =
    spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 60_000 })
      .stdout.trimEnd()
      .split('\n')
      .at(-1) ?? ''
  const seconds = [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  )
  t.ok(seconds > 0 && seconds < 0.4, `${seconds} s`)
})

t.test('an invalid command line gets the reason and a pointer to the help; exit code 2', async (t) => {
  t.match(await slipway('check', 'a', 'b'), {
    code: 2,
    err: /^slipway check: expected one site file\nRun "slipway check --help" for usage\.\n$/,
  })
  t.match(await slipway('check', '--jsno', 'x'), {
    code: 2,
    err: /^slipway check: unknown option --jsno \(did you mean --json\?\)\nRun /,
  })
  t.match(await slipway('node', 'add', 'w4', 'site.yaml'), {
    code: 2,
    err: /^slipway node add: --mac is missing\nRun "slipway node add --help" for usage\.\n$/,
  })
  t.match(await measured('node', 'toString', '--help'), { code: 0, out: /^Usage: slipway node show/ })
  t.match(await slipway('serve', '--log-level', 'loud', 'x'), {
    code: 2,
    err: /--log-level: expected one of debug, /,
  })
})

t.test('a reader that closes the pipe early is not an error', async (t) => {
  const child = spawn(process.execPath, [main, '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  child.stdout.destroy()
  const [err, ended] = await Promise.all([text(child.stderr), once(child, 'close')])
  t.same({ err, ended }, { err: '', ended: [0, null] })
})

t.test('exit codes reach the shell', async (t) => {
  const folder = t.testdir(siteFolder())
  t.match(await measured('check', sitePath(folder)), { code: 0, err: /^(?!.*error)/s })
  t.match(await measured('check', `${folder}/none.yaml`), {
    code: 1,
    out: '',
    err: /^there is no site file/,
  })
  t.match(await measured('serve', `${folder}/none.yaml`), {
    code: 1,
    out: '',
    err: /^there is no site file/,
  })
})

t.test('COLUMNS is the width of a terminal that reports none, and NO_COLOR turns colors off', async (t) => {
  const folder = t.testdir({ 'site.yaml': siteText() })
  const terminal = 'data:text/javascript,process.stdout.isTTY = true'
  const program = [process.execPath, '--import', terminal, main, 'check', sitePath(folder)]
  const lines = async (...environment: string[]) => {
    const options = ['-u', 'COLUMNS', '-u', 'NO_COLOR']
    const { code, err } = await run(...uninstrumented('/usr/bin/env', ...options, ...environment, ...program))
    t.equal(code, 1)
    return err.split('\n').filter((line) => line !== '')
  }
  const narrow = await lines('COLUMNS=60', 'NO_COLOR=')
  const wide = await lines('COLUMNS=2000', 'NO_COLOR=1')
  t.match(narrow[0], '\u001b[31merror:', 'an empty NO_COLOR leaves colors on')
  t.notMatch(wide.join(), '\u001b')
  for (const line of wide) t.match(line, /^error: /, 'each problem fits on one line')
  t.ok(narrow.length > 2 * wide.length, `${narrow.length} and ${wide.length} lines`)
})
