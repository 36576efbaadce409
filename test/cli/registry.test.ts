import { readFileSync } from 'node:fs'
import t from 'tap'
import { commandGroups } from '../../src/cli/registry.ts'
import { helpLines, type Help } from '../../src/cli/command.ts'
import { runCommandLine } from '../../src/cli/run.ts'
import { keptTerminal } from '../support/terminal.ts'

const entries = Object.values(commandGroups).flat()

t.test('every summary starts with a verb and fits 60 columns', async (t) => {
  for (const { name, summary, load } of entries) {
    t.match(summary, /^[A-Z][a-z]+,? .{1,52}[^.]$/, `${name}: ${summary}`)
    t.ok(summary.length <= 60, `${name}: ${summary.length}`)
    t.equal((await load()).name, name)
  }
})

t.test(
  'the usage of every command names its source: the control socket, the site file, or neither',
  async (t) => {
    const independent = ['demo', 'haproxy', 'images', 'import', 'init', 'version']
    for (const { name, load } of entries) {
      const { usage, options = [] } = (await load()).help
      const terms = options.map(([term]) => term).join(' ')
      const isMarked = /--control|--site|SITE/.test(usage.join(' '))
      t.equal(isMarked || independent.includes(name), true, name)
      if (usage.join(' ').includes('--control')) t.match(terms, '--control PATH', name)
      if (usage.join(' ').includes('--site')) t.match(terms, '--site FILE', name)
    }
  },
)

t.test('every command prints JSON with --json, except those that serve or print a document', async (t) => {
  const others = /^(serve|demo|render|export|completion|history show|preflight --from-node) /
  const lines = (await Promise.all(entries.map(({ load }) => load()))).flatMap(({ help }) => help.usage)
  t.same(
    lines.filter((line) => !line.includes('(see ') && line.includes('--json') === others.test(line)),
    [],
  )
})

t.test('docs/api.md names the commands that do not query a server', (t) => {
  const text = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
  const [, sentence = ''] = /The other commands work on files of the machine([^.]*)\./.exec(text) ?? []
  const named = [...sentence.matchAll(/`([a-z]+)`/g)].map(([, name]) => name)
  const local = Object.entries(commandGroups).flatMap(([group, commands]) =>
    group.startsWith('Operate') ? [] : commands.map(({ name }) => name),
  )
  t.same(named.sort(), local.sort())
  t.end()
})

const help: Help = {
  usage: [
    'wait [--cluster NAME] [--timeout TIME] GOAL [--site FILE | FILE] [--a-long-option VALUE]',
    'wait [NAME=]LIST… FILE',
  ],
  about: [
    'Waits for a goal.',
    'A paragraph that is longer than one line of eighty columns is wrapped at the last blank.',
  ],
  lists: { Goals: [['a-name-that-is-longer-than-the-column', 'starts its text on the next line']] },
  options: [['--cluster NAME', 'which cluster']],
  exit: [['0', 'success']],
  examples: ['wait x', 'cat y | slipway wait -'],
}

t.test('a help page has its sections in order, within 80 columns', (t) => {
  t.same(helpLines(help), [
    'Usage: slipway wait [--cluster NAME] [--timeout TIME] GOAL [--site FILE | FILE]',
    '                    [--a-long-option VALUE]',
    '       slipway wait [NAME=]LIST… FILE',
    '',
    'Waits for a goal.',
    '',
    'A paragraph that is longer than one line of eighty columns is wrapped at the',
    'last blank.',
    '',
    'Goals:',
    '  a-name-that-is-longer-than-the-column',
    '                            starts its text on the next line',
    '',
    'Options:',
    '  --cluster NAME  which cluster',
    '  --help          print this help',
    '',
    'Exit status:',
    '  0  success',
    '',
    'Examples:',
    '  slipway wait x',
    '  cat y | slipway wait -',
  ])
  t.end()
})

t.test('every command returns the status that its help gives for an invalid command line', async (t) => {
  for (const { name, load } of entries) {
    const { exit } = (await load()).help
    const [status] = exit.find(([, text]) => /invalid command line|command line is invalid/.test(text)) ?? []
    const terminal = keptTerminal()
    t.equal(await runCommandLine([name, '--no-such-option'], terminal), Number(status), name)
    t.match(terminal.errLines.join('\n'), '--no-such-option', name)
  }
})
