import t from 'tap'
import { actionHelps } from '../../src/cli/action-help.ts'
import type { Help } from '../../src/cli/command.ts'
import { cluster } from '../../src/cli/commands/cluster.ts'
import { csr } from '../../src/cli/commands/csr.ts'
import { history } from '../../src/cli/commands/history.ts'
import { hooks } from '../../src/cli/commands/hooks.ts'
import { images } from '../../src/cli/commands/images/images.ts'
import { node } from '../../src/cli/commands/node/node.ts'
import { state } from '../../src/cli/commands/state.ts'
import { token } from '../../src/cli/commands/token.ts'
import { runCommandLine } from '../../src/cli/run.ts'
import { keptTerminal } from '../support/terminal.ts'

const group: Help = {
  usage: ['rack [show] [--json] NAME', 'rack on|off [--yes] NAME…'],
  about: ['Shows and switches racks.'],
  options: [
    ['--yes', 'off: do not ask for confirmation'],
    ['--json', 'print JSON'],
  ],
  exit: [['0', 'success']],
  examples: ['rack show r1'],
}

t.test('a page has the usage and the options of one command', (t) => {
  const off = { about: ['Switches racks off.'], examples: ['rack off r1'] }
  t.same(actionHelps(group, { off, show: { about: ['Shows a rack.'], examples: [] } }), {
    off: {
      usage: ['rack off [--yes] NAME…'],
      options: [['--yes', 'do not ask for confirmation']],
      exit: [['0', 'success']],
      ...off,
    },
    show: {
      usage: ['rack show [--json] NAME'],
      options: [['--json', 'print JSON']],
      exit: [['0', 'success']],
      about: ['Shows a rack.'],
      examples: [],
    },
  })
  t.end()
})

t.test('every command of a group has its own page within 80 columns', async (t) => {
  const groups = {
    images: ['add', 'list', 'verify', 'remove', 'export', 'import', 'loaders'],
    node: ['show', 'log', 'install', 'local', 'menu', 'forget', 'drain', 'enable', 'add', 'remove', 'adopt'],
    cluster: ['show', 'install', 'bootstrap'],
    csr: ['list', 'approve'],
    history: ['show'],
    hooks: ['list', 'test'],
    state: ['check', 'backup', 'restore', 'accept'],
    token: ['create', 'list', 'revoke'],
  }
  for (const { name, helps = {} } of [images, node, cluster, csr, history, hooks, state, token]) {
    t.same(Object.keys(helps).sort(), [...groups[name as keyof typeof groups]].sort(), name)
    for (const action of Object.keys(helps)) {
      const terminal = keptTerminal()
      t.equal(await runCommandLine([name, action, '--help'], terminal), 0)
      const lines = terminal.outLines
      t.match(
        lines.join('\n'),
        new RegExp(
          `^Usage: slipway ${name} ${action} [^]*\n\nOptions:\n[^]*\n\nExamples:\n.*${name} ${action}`,
        ),
      )
      const usage = lines.slice(0, lines.indexOf('')).filter((line) => line.includes(`slipway ${name} `))
      t.ok(
        usage.every((line) => line.includes(`${name} ${action} `)),
        `${name} ${action} --help has only its usage`,
      )
      t.same(
        lines.filter((line) => line.length > 80),
        [],
        `${name} ${action} --help fits 80 columns`,
      )
    }
  }
})
