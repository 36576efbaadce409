import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import { completionOf } from '../../../src/cli/commands/completion.ts'
import { commandGroups } from '../../../src/cli/registry.ts'
import { version } from '../../../src/cli/commands/version.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { controlService } from '../../support/control-service.ts'
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
    const input = `slipway() {
  case "$*" in
    'completion nodes -- ocp45/'*) printf 'ocp45/w1\\nocp45/m1\\n' ;;
    'completion nodes -- '*) printf 'w1\\nm1\\n' ;;
    'completion clusters -- '*) printf 'ocp45\\nlab\\n' ;;
  esac
}
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
  t.same(complete('log', 'w'), ['w1'])
  t.same(complete('events', '--node', ''), ['w1', 'm1'])
  t.same(complete('cluster', 'show', 'oc'), ['ocp45'])
  t.same(complete('cluster', 'install', ''), ['ocp45', 'lab'])
  t.same(complete('wait', '--cluster', 'l'), ['lab'])
  t.same(complete('cluster', 'bootstrap', '--co'), ['--control'])
})

t.test('the script of each shell names every command', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish'])
    for (const name of ['serve', 'check', 'status', 'node', 'completion']) {
      t.match(await script(shell), name, `${shell}: ${name}`)
    }
  t.equal(spawnSync('bash', ['-n'], { input: await script('bash') }).status, 0, 'bash can parse its script')
})

t.test('the text of an option does not end within its default', async (t) => {
  const fish = await script('fish')
  t.match(fish, "-l log-format -d 'one of text, json'\n")
  t.notMatch(fish, /\(default'$/m)
})

t.test('an unknown shell is a usage error', async (t) => {
  await t.rejects(script('tcsh'), UsageError)
  await t.rejects(script('bash', 'zsh'), UsageError)
})

t.test(
  'names come from the running slipway, or else from the site file, which may have errors',
  async (t) => {
    const names = async (...args: string[]) => {
      const terminal = keptTerminal()
      const code = await completion.run(args, terminal)
      return { code, names: terminal.outLines }
    }
    const { path } = await controlService(t)
    t.same(await names('nodes', '--control', path), {
      code: 0,
      names: ['bs', 'm1', 'm2', 'm3', 'w1', 'w2', 'i1'],
    })
    t.match(await names('nodes', '--control', path, '--', 'ocp45/w'), { names: ['ocp45/bs', 'ocp45/m1'] })
    t.same(await names('clusters', '--control', path), { code: 0, names: ['ocp45'] })

    const none = ['--control', `${t.testdir()}/none`]
    const folder = t.testdir({
      'site.yaml':
        'clusters:\n  - { name: a, nodes: [{ name: w1 }, { name: m1 }, x] }\n  - { name: b, nodes: [{ name: w1 }] }\n  - { name: c }\n',
      'broken.yaml': 'clusters: [\n',
    })
    const site = ['--site', `${folder}/site.yaml`]
    t.same(await names('nodes', ...none, ...site), { code: 0, names: ['a/w1', 'm1', 'b/w1'] })
    t.same(await names('clusters', ...none, ...site), { code: 0, names: ['a', 'b'] })
    t.same(await names('nodes', ...none, '--site', `${folder}/broken.yaml`), { code: 1, names: [] })
    t.same(await names('nodes', ...none, '--site', `${folder}/none.yaml`), { code: 1, names: [] })
    await t.rejects(names('nodes', 'a', 'b'), UsageError)
  },
)

t.test('prints the version', async (t) => {
  const terminal = keptTerminal()
  t.equal(await version.run(['--json'], terminal), 0)
  t.match(JSON.parse(terminal.outLines.join('')), { version: /^\d+\.\d+\.\d+$/, node: process.versions.node })
  t.equal(await version.run([], terminal), 0)
  t.match(terminal.outLines.at(-1), /^slipway \d+\.\d+\.\d+.*, Node\.js /)
})
