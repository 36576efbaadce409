/** The commands of the README and of the quick start, which `npm run test:e2e -- --only packages:` types into bare systems. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { stepsOf } from './e2e/packages/command-blocks.ts'

const root = new URL('../', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, root), 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }

t.test('the first three commands of the README lead from a package to a simulated rack', (t) => {
  t.same(stepsOf(read('README.md')).slice(0, 3), [
    { kind: 'command', text: `apt install ./slipway_${version}_amd64.deb` },
    { kind: 'command', text: 'slipway demo' },
    { kind: 'command', text: 'slipway status --control .slipway/demo/control.sock' },
  ])
  t.match(read('README.md'), `\`dnf install ./slipway-${version}-1.x86_64.rpm\``)
  t.end()
})

t.test('every block without a language has commands, and output is marked as text', (t) => {
  const programs = /^(apt|editor|install|openshift-install|runuser|slipway|usermod) /
  for (const document of ['README.md', 'docs/quick-start.md']) {
    const steps = stepsOf(read(document))
    t.ok(steps.length >= 10, `${document} has ${steps.length} steps`)
    for (const { kind, text } of steps) if (kind === 'command') t.match(text, programs, document)
  }
  t.ok(stepsOf(read('README.md')).some(({ kind }) => kind === 'site'))
  t.end()
})

t.test('comments are removed, and a backslash continues a line', (t) => {
  const block =
    '```\n# first\nslipway check \\\n  site.yaml  # really\n\nslipway reload\n```\n\n```text\nok\n```\n\n```yaml\na: b\n```\n'
  t.same(stepsOf(block), [
    { kind: 'command', text: 'slipway check site.yaml' },
    { kind: 'command', text: 'slipway reload' },
  ])
  t.end()
})
