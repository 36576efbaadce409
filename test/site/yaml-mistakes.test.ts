/** Slips in a site file, each with the message that names the slip. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadSite } from '../../src/site/load.ts'
import { findMistake } from '../../src/site/yaml-mistakes.ts'

const example = readFileSync(new URL('../../config/site.example.yaml', import.meta.url), 'utf8')

/** @param written replaces `original` in the example, which must contain it */
type Slip = { readonly original: string; readonly written: string; readonly problems: readonly string[] }

function problemsOf({ original, written }: Slip): string[] {
  if (!example.includes(original)) throw new Error(original)
  const loaded = loadSite(example.replace(original, written), 'site.yaml')
  if (loaded.kind === 'site') return []
  return loaded.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

const notFilledIn = 'this looks like a template that was not filled in; write the value'
const noBreakSpace = 'U+00A0 (no-break space) in the indentation; use ordinary spaces'
const noColon = 'a colon is missing after'

const slips: readonly Slip[] = [
  // Indentation.
  {
    original: '      - { name: m2',
    written: '     - { name: m2',
    problems: ['50:6 indented by 5 spaces, but its neighbors have 6'],
  },
  {
    original: '      - { name: m2',
    written: '        - { name: m2',
    problems: ['50:9 indented by 8 spaces, but its neighbors have 6'],
  },
  {
    original: '    domain: ex',
    written: '   domain: ex',
    problems: ['39:4 indented by 3 spaces, but its neighbors have 4'],
  },
  {
    original: '    domain: ex',
    written: '      domain: ex',
    problems: ['39:7 indented by 6 spaces, but its neighbors have 4'],
  },
  {
    original: '  forward: [',
    written: ' forward: [',
    problems: ['20:2 indented by 1 space, but its neighbors have 2'],
  },
  {
    original: 'site: ocp45-lab',
    written: ' site: ocp45-lab',
    problems: ['9:1 indented by 0 spaces, but its neighbors have 1'],
  },
  {
    original: '      - { name: m2',
    written: '      name: m2\n      - { name: m3',
    problems: ['50:7 expected "- ", as in the entries above'],
  },
  {
    original: '  contact:',
    written: '  - contact:',
    problems: ['24:3 expected a key, as in the lines above'],
  },
  { original: '  forward: [', written: '\u00a0 forward: [', problems: [`20:1 ${noBreakSpace}`] },
  { original: '    image:', written: '   \u00a0image:', problems: [`40:4 ${noBreakSpace}`] },
  {
    original: '    image:',
    written: '  \u2003 image:',
    problems: ['40:3 U+2003 in the indentation; use ordinary spaces'],
  },
  // Commas.
  {
    original: 'w1, role: worker',
    written: 'w1 role: worker',
    problems: ['52:20 a comma is missing before role'],
  },
  {
    original: 'role: master, mac',
    written: 'role: master mac',
    problems: ['49:34 a comma is missing before mac'],
  },
  {
    original: '"00:50:56:96:6b:da", a',
    written: '"00:50:56:96:6b:da" a',
    problems: ['52:60 a comma is missing before address'],
  },
  {
    original: '[tty0, ttyS0]',
    written: "['tty0' 'ttyS0']",
    problems: ["46:22 a comma is missing before 'ttyS0'"],
  },
  {
    original: '[172.16.0.110, 172.16.0.111]',
    written: '[[172.16.0.110] 172.16.0.111]',
    problems: ['65:63 a comma is missing before 172.16.0.111'],
  },
  // Brackets and quotes.
  { original: '172.16.0.21 }', written: '172.16.0.21', problems: ['49:9 this { is never closed'] },
  {
    original: 'ens4, address: 172.16.0.101 }',
    written: 'ens4, address: 172.16.0.101',
    problems: ['9:9 this { is never closed'],
  },
  { original: '[tty0, ttyS0]', written: '[tty0, ttyS0', problems: ['46:14 this [ is never closed'] },
  {
    original: 'ntp: [172.16.0.101] }',
    written: 'ntp: [172.16.0.101 }',
    problems: ['12:56 this [ is never closed'],
  },
  { original: 'haproxy }', written: 'haproxy', problems: ['69:10 this { is never closed'] },
  { original: '37:c8"', written: '37:c8', problems: ['49:40 this " is never closed'] },
  { original: 'site: ocp45-lab', written: "site: 'ocp45-lab", problems: ["6:7 this ' is never closed"] },
  // Colons.
  { original: 'site: ocp45-lab', written: 'site ocp45-lab', problems: [`6:1 ${noColon} site`] },
  {
    original: 'site: ocp45-lab',
    written: 'site:ocp45-lab',
    problems: ['6:1 a space is missing after site:'],
  },
  { original: '    image: rhcos', written: '    image rhcos', problems: [`40:5 ${noColon} image`] },
  { original: 'dns:\n', written: 'dns\n', problems: [`14:1 ${noColon} dns`] },
  // Templates.
  {
    original: 'address: 172.16.0.31',
    written: 'address: {{ worker_ip }}',
    problems: [`52:70 ${notFilledIn}`],
  },
  { original: 'address: 172.16.0.31', written: 'address: ${WORKER_IP}', problems: [`52:70 ${notFilledIn}`] },
  { original: 'site: ocp45-lab', written: 'site: {{ site }}', problems: [`6:7 ${notFilledIn}`] },
]

t.test('a mistake has one message, at its own position', (t) => {
  for (const slip of slips) t.same(problemsOf(slip), slip.problems, slip.written)
  t.end()
})

t.test('what is not a slip of these kinds gets the message of the parser', (t) => {
  const cases = [
    'site: lab: 2\n',
    'site: |\n  text\n    - deeper: text\n\nserver: a: b\n',
    'site: first\n  second\nserver: a: b\n',
    'site: "first\n  second # ordinary"\nserver: { a: 1, # comment\n  b: ["it\\"s", \'it\'\'s\', it\'s] }\nc: a: b\n',
    'site:\n- &a a\n- *a\n- b: &c\n    - d\n-\n  - e\n...\n%a\nf: g: h\n',
    'site: [a: b, c]\nserver:\n  text\nc: a: b\n',
    'site: "a" b\n',
    'a: {"b": 1, c: http://d}\ne: f: g',
    'a:\n  text\nb: {c: d : e}',
  ]
  for (const text of cases) t.equal(findMistake(text), undefined, text)
  t.end()
})
