import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import { completionOf } from '../../../src/cli/commands/completion.ts'
import { commandGroups } from '../../../src/cli/registry.ts'
import { version } from '../../../src/cli/commands/version.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { keptTerminal } from '../../support/terminal.ts'

const completion = completionOf(commandGroups)

async function script(...args: string[]): Promise<string> {
  const terminal = keptTerminal()
  await completion.run(args, terminal)
  return terminal.outLines.join('\n')
}

t.test('bash completes commands, actions, options, and node names', async (t) => {
  const bash = await script('bash')
  const complete = (...words: string[]): string[] => {
    const input = `slipway() { [ "$*" = 'completion nodes' ] && printf 'ocp45/w1\\nocp45/m1\\n'; }
${bash}
COMP_WORDS=(slipway ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
_slipway; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['--norc'], { input, encoding: 'utf8' }).trim().split('\n')
  }
  t.same(complete('re'), ['render', 'reload'])
  t.same(complete('node', 'sh'), ['show'])
  t.same(complete('node', 'show', '--j'), ['--json'])
  t.same(complete('node', 'show', 'ocp45/w'), ['ocp45/w1'])
  t.same(complete('explain', 'ocp45/m'), ['ocp45/m1'])
  t.same(complete('cluster', 'bootstrap', '--co'), ['--control'])
})

t.test('the script of each shell names every command', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish'])
    for (const name of ['serve', 'check', 'status', 'node', 'completion']) {
      t.match(await script(shell), name, `${shell}: ${name}`)
    }
  t.equal(spawnSync('bash', ['-n'], { input: await script('bash') }).status, 0, 'bash can parse its script')
})

t.test('an unknown shell is a usage error', async (t) => {
  await t.rejects(script('tcsh'), UsageError)
  await t.rejects(script('bash', 'zsh'), UsageError)
})

t.test('no node names are completed while slipway is not running', async (t) => {
  const terminal = keptTerminal()
  t.equal(await completion.run(['nodes', '--control', `${t.testdir()}/none`], terminal), 1)
  t.same([terminal.outLines, terminal.errLines], [[], []])
})

t.test('prints the version', async (t) => {
  const terminal = keptTerminal()
  t.equal(await version.run(['--json'], terminal), 0)
  t.match(JSON.parse(terminal.outLines.join('')), { version: /^\d+\.\d+\.\d+$/, node: process.versions.node })
  t.equal(await version.run([], terminal), 0)
  t.match(terminal.outLines.at(-1), /^slipway \d+\.\d+\.\d+.*, Node\.js /)
})
