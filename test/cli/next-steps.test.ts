/**
 * Every error that a command prints ends with what to do. The tables have each kind of error of each command.
 */
import { mkdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { ControlProblem, withNextStep } from '../../src/cli/client.ts'
import { commandGroups } from '../../src/cli/registry.ts'
import { runCommandLine } from '../../src/cli/run.ts'
import { controlCodes } from '../../src/serve/control/codes.ts'
import { controlService, socketPath } from '../support/control-service.ts'
import { siteFolder, sitePath } from '../support/site-folder.ts'
import { keptTerminal } from '../support/terminal.ts'

/** What an administrator can do starts with one of these words, after a separator. */
const step =
  /(?:[;:,] |^)(?:or )?(?:add|ask|change|check|choose|compare|correct|create|end|expected|export|fix|free|give|join|list|name|read|reload|remove|repeat|report|restart|run|send|set|start|use|wait|write|--\w+|"slipway)\b|did you mean|it has \w/im

async function run(...args: string[]) {
  const terminal = keptTerminal()
  const code = await runCommandLine(args, terminal)
  return { code, err: terminal.errLines.join('\n'), out: terminal.outLines }
}

const entries = Object.values(commandGroups).flat()
const pages = await Promise.all(entries.map(async ({ name, load }) => ({ name, command: await load() })))

t.test('every command refuses an unknown option and points to its help', async (t) => {
  for (const { name, command } of pages) {
    const { code, err } = await run(name, '--no-such-option')
    t.match(err, new RegExp(`^slipway ${name}[^]*\nRun "slipway ${name} --help" for usage.$`), name)
    t.equal(code, command.usageExit ?? 2, name)
  }
  t.equal(
    (await run('chek')).err,
    'slipway: unknown command "chek" (did you mean check?)\nRun "slipway help" for a list of all commands.',
  )
})

const asksSlipway = pages.filter(({ command: { help } }) => help.usage.join(' ').includes('[--control PATH]'))
/** Arguments of the commands that need some. */
const controlArguments: Readonly<Record<string, readonly string[]>> = {
  node: ['show', 'w1'],
  explain: ['w1'],
  log: ['w1'],
  csr: ['list'],
  cluster: ['show'],
  hooks: ['list'],
  power: ['status', 'w1'],
  capture: ['w1'],
}
/** They answer from files or wait if slipway does not run. */
const worksAlone = [
  'completion',
  'serve',
  'wait',
  'plan',
  'check',
  'render',
  'export',
  'simulate',
  'preflight',
  'history',
  'state',
  'explain',
  'import',
  'init',
]

t.test('a command that needs the running slipway prints how to reach or start it', async (t) => {
  // A process that was killed leaves its socket behind.
  const left = socketPath(t)
  spawnSync(
    process.execPath,
    [
      '-e',
      `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`,
      left,
    ],
    { stdio: 'ignore' },
  )
  const sockets = [socketPath(t), left]
  for (const { name } of asksSlipway) {
    if (worksAlone.includes(name)) continue
    for (const socket of sockets) {
      const { code, err, out } = await run(name, ...(controlArguments[name] ?? []), '--control', socket)
      t.not(code, 0, name)
      t.match(
        [err, ...out].join('\n'),
        /cannot reach slipway at .*; (?:check that slipway runs|start it)/,
        name,
      )
    }
  }
})

t.test('every refusal of the control API has a next step', (t) => {
  for (const code of Object.keys(controlCodes)) {
    const text = withNextStep(
      new ControlProblem('it is refused', { status: 409, code, error: 'it is refused' }),
    )
    t.match(text, /^it is refused; [a-z]/, code)
  }
  const stated = new ControlProblem('no: do this', { status: 409, code: 'server.unknown-node', error: '' })
  t.equal(withNextStep(stated), 'no: do this')
  t.equal(withNextStep(new ControlProblem('cannot be reached')), 'cannot be reached')
  t.end()
})

t.test('refusals of a running slipway have a next step', async (t) => {
  const { path, installs } = await controlService(t)
  installs.refuseWith('it is installing right now')
  for (const args of [
    ['node', 'install', 'w1'],
    ['node', 'show', 'w9'],
    ['log', 'w9'],
    ['events', '--node', 'w9'],
    ['cluster', 'show', 'c9'],
    ['cluster', 'bootstrap', 'out', 'c9'],
  ]) {
    const { code, err } = await run(...args, '--control', path)
    t.not(code, 0)
    t.match(err, step, args.join(' '))
  }
})

t.test('errors about files that are missing, unreadable, or not writable have a next step', async (t) => {
  const folder = t.testdir({ ...siteFolder(), file: 'x', dir: {} })
  const site = sitePath(folder)
  mkdirSync(`${folder}/dir/sub`)
  const missing = `${folder}/none/x`
  const below = `${folder}/file/x`
  const { path: control } = await controlService(t)
  for (const args of [
    ...['check', 'preflight', 'simulate', 'serve', 'plan'].flatMap((name) => [
      [name, missing],
      [name, `${folder}/dir`],
    ]),
    ['render', 'haproxy', missing],
    ['export', 'dnsmasq', missing],
    ['explain', '--site', missing, 'w1'],
    ['wait', 'nodes-ready', missing],
    ['import', 'dnsmasq', missing],
    ['import', 'dnsmasq', `${folder}/file`, '--output', below],
    [
      'node',
      'add',
      'w9',
      '--mac',
      '00:00:5e:00:53:09',
      '--role',
      'worker',
      '--address',
      '192.0.2.29',
      missing,
    ],
    ['node', 'remove', 'w1', missing],
    [
      'node',
      'adopt',
      '00:00:5e:00:53:09',
      '--name',
      'w9',
      '--role',
      'worker',
      '--address',
      '192.0.2.29',
      missing,
    ],
    ['haproxy', 'accept', missing, `${folder}/out`],
    ['haproxy', 'accept', `${folder}/dir`, `${folder}/out`],
    ['images', 'add', missing],
    ['images', 'list', '--dir', `${folder}/file`],
    ['images', 'import', missing],
    ['images', 'import', `${folder}/file`],
    ['images', 'remove', 'none', '--dir', `${folder}/dir`],
    ['preflight', '--install-config', missing, site],
    ['check', '--install-config', missing, site],
    ['images', 'export', 'x', below],
    ['state', 'check', missing],
    ['state', 'restore', missing, '--state', folder],
    ['state', 'backup', below, '--state', folder],
    ['history', 'show', '1', '--state', folder],
  ]) {
    const { code, err } = await run(...args, ...(args[0] === 'plan' ? ['--control', control] : []))
    t.not(code, 0, args.join(' '))
    t.match(err, step, args.join(' '))
  }
  t.match(await run('node', 'remove', 'w9', site, '--dry-run'), { code: 2, err: step })
})
