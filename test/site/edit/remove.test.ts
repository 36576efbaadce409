import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { addNode } from '../../../src/site/edit/add.ts'
import { siteSchema } from '../../../src/site/schema.ts'
import { loadSite } from '../../../src/site/load.ts'
import { formatProblem } from '../../../src/site/problem.ts'
import { removeNodes } from '../../../src/site/edit/remove.ts'
import { siteWith } from '../../support/node-list-site.ts'

const example = readFileSync(new URL('../../../config/site.example.yaml', import.meta.url), 'utf8')

/** `{ name: w1, role: worker, … }`, each with addresses of its own. */
function braces(name: string): string {
  const number = Number(name.slice(1)) + (name.startsWith('i') ? 40 : 30)
  const role = name.startsWith('i') ? 'infra' : 'worker'
  return `{ name: ${name}, role: ${role}, mac: "00:00:5e:00:53:${number}", address: 172.16.0.${number} }`
}

const [w1, w2, w3, i1] = ['w1', 'w2', 'w3', 'i1'].map(braces)

/** In block style, without the dash. */
function block(name: string, indent: number): string {
  const pairs = (braces(name).match(/\w+: [^,}]+(?=[,}])/g) ?? []).map((pair) => pair.trim())
  return pairs.join(`\n${' '.repeat(indent)}`)
}

type Case = { name: string; text: string; remove?: string[]; left: string }

/** Without `remove` it is w2 that goes. */
const cases: Case[] = [
  {
    name: 'a line of a list, with the comment behind it',
    text: `    nodes:\n      - ${w1} # left\n      - ${w2} # middle\n      - ${w3} # right\n`,
    left: `    nodes:\n      - ${w1} # left\n      - ${w3} # right\n`,
  },
  {
    name: 'the first line of a list; a heading stays',
    text: `    nodes:\n      # workers\n      - ${w2}\n      - ${w3}\n`,
    left: `    nodes:\n      # workers\n      - ${w3}\n`,
  },
  {
    name: 'the last line of a file that ends without a line break',
    text: `    nodes:\n    - ${w1}\n    - ${w2}`,
    left: `    nodes:\n    - ${w1}`,
  },
  {
    name: 'several at once, a blank line between groups stays',
    text: `    nodes:\n      - ${w1}\n      - ${w2}\n\n      - ${w3}\n      - ${i1}\n`,
    remove: ['ocp/w3', 'ocp/w2'],
    left: `    nodes:\n      - ${w1}\n\n      - ${i1}\n`,
  },
  {
    name: 'what stands apart goes with the blank lines above it',
    text: `    nodes:\n      - ${w1}  \n\n \n      - ${w2}\n\n \n      - ${w3}\n`,
    left: `    nodes:\n      - ${w1}  \n\n \n      - ${w3}\n`,
  },
  {
    name: 'the last that stands apart, before what follows the list',
    text: `    nodes:\n      - ${w1}\n\n      - ${w2}\nhosts: []\n`,
    left: `    nodes:\n      - ${w1}\nhosts: []\n`,
  },
  {
    name: 'the first that stands apart goes with the blank line below it',
    text: `    nodes:\n      - ${w2}\n\n      - ${w3}\n\n      - ${i1}\n`,
    left: `    nodes:\n      - ${w3}\n\n      - ${i1}\n`,
  },
  {
    name: 'block style: all its lines, what is remarked within them, and no more',
    text: `    nodes:
      - ${block('w1', 8)} # the first
        # a remark at the end of w1
      - # the second
        ${block('w2', 8)}
        files:
          - path: /etc/motd # a greeting
            contents: |
              - welcome

              - come in

        # a remark at the end of w2
      - ${block('w3', 8)}
`,
    left: `    nodes:
      - ${block('w1', 8)} # the first
        # a remark at the end of w1

        # a remark at the end of w2
      - ${block('w3', 8)}
`,
  },
  {
    name: 'dashes on lines of their own, in the column of their key',
    text: `    nodes:\n    -\n      ${block('w1', 6)}\n    -\n      ${block('w2', 6)}\n    -\n      ${block('w3', 6)}\n`,
    left: `    nodes:\n    -\n      ${block('w1', 6)}\n    -\n      ${block('w3', 6)}\n`,
  },
  {
    name: 'a comment right above that begins with its name and names no other',
    text: `    nodes:\n      - ${w1}\n      # w2: its fan is broken,\n      # W2.ocp.example.net shuts down\n      - ${w2}\n      - ${w3}\n`,
    left: `    nodes:\n      - ${w1}\n      - ${w3}\n`,
  },
  {
    name: 'a comment that names another one too',
    text: `    nodes:\n      - ${w1}\n      # w2 and w3 share their power\n      - ${w2}\n      - ${w3}\n`,
    left: `    nodes:\n      - ${w1}\n      # w2 and w3 share their power\n      - ${w3}\n`,
  },
  {
    name: 'comments that only contain its name, are apart, or belong to the entry before',
    text: `    nodes:\n      - ${w1}\n      # by hand: w2\n      - ${w2}\n      # w3 was here\n\n      - ${w3}\n        # i1 ends here\n      - ${i1}\n`,
    remove: ['ocp/w2', 'ocp/w3', 'ocp/i1'],
    left: `    nodes:\n      - ${w1}\n      # by hand: w2\n      # w3 was here\n        # i1 ends here\n`,
  },
  {
    name: 'one whose name begins like its own',
    text: `    nodes:\n      - ${w1}\n      # w2-old is in the cellar\n      - ${w2}\n`,
    left: `    nodes:\n      - ${w1}\n      # w2-old is in the cellar\n`,
  },
  {
    name: 'in brackets on one line: the first',
    text: `    nodes: [${w2}, ${w3}]\n`,
    left: `    nodes: [${w3}]\n`,
  },
  {
    name: 'in brackets on one line: between two, with a comment behind them all',
    text: `    nodes: [ ${w1}, ${w2},  ${w3} ] # all of them\n`,
    left: `    nodes: [ ${w1},  ${w3} ] # all of them\n`,
  },
  {
    name: 'in brackets on one line: the last, with a comma behind it',
    text: `    nodes: [ ${w1}, ${w2}, ]\n`,
    left: `    nodes: [ ${w1}, ]\n`,
  },
  {
    name: 'in brackets, a line each: between two, with its comma and its comment',
    text: `    nodes: [\n      ${w1}, # left\n      ${w2}, # middle\n      ${w3}, # right\n    ]\n`,
    left: `    nodes: [\n      ${w1}, # left\n      ${w3}, # right\n    ]\n`,
  },
  {
    name: 'in brackets, a line each: the last has no comma, the one before it loses its own',
    text: `    nodes: [\n      ${w1}, # left\n      ${w2} # right\n    ]\n`,
    left: `    nodes: [\n      ${w1} # left\n    ]\n`,
  },
  {
    name: 'in brackets, a line each, blank lines between them',
    text: `    nodes: [\n      ${w1},\n\n      ${w2},\n\n      ${w3}\n    ]\n`,
    left: `    nodes: [\n      ${w1},\n\n      ${w3}\n    ]\n`,
  },
  {
    name: 'in brackets, the first on the line of the bracket, with a comment',
    text: `    nodes: [ ${w2}, # left\n      ${w3} ]\n`,
    left: `    nodes: [\n      ${w3} ]\n`,
  },
  {
    name: 'in brackets, the first on the line of the bracket',
    text: `    nodes: [${w2},\n      ${w3}]\n`,
    left: `    nodes: [${w3}]\n`,
  },
  {
    name: 'in brackets, the last on the line of the bracket',
    text: `    nodes: [\n      ${w1},\n      ${w2} ]\n`,
    left: `    nodes: [\n      ${w1} ]\n`,
  },
  {
    name: 'in brackets, the last on the line of the bracket, behind a comment',
    text: `    nodes: [\n      ${w1}, # left\n      ${w2}]\n`,
    left: `    nodes: [\n      ${w1} # left\n      ]\n`,
  },
  {
    name: 'in brackets, two on a line: what follows stays where it is',
    text: `    nodes: [\n      ${w1},\n      ${w2}, ${w3}, # both\n    ]\n`,
    left: `    nodes: [\n      ${w1},\n      ${w3}, # both\n    ]\n`,
  },
  {
    name: 'in brackets, two on a line: the comment is not its own',
    text: `    nodes: [\n      ${w1}, ${w2}, # both\n      ${w3}\n    ]\n`,
    left: `    nodes: [\n      ${w1}, # both\n      ${w3}\n    ]\n`,
  },
  {
    name: 'commas at the beginning of lines: the first',
    text: `    nodes:\n      [ ${w2} # first\n      , ${w3}\n      ]\n`,
    left: `    nodes:\n      [\n       ${w3}\n      ]\n`,
  },
  {
    name: 'commas at the beginning of lines: the first, on a line of its own',
    text: `    nodes:\n      [\n        ${w2} # first\n      , ${w3}\n      ]\n`,
    left: `    nodes:\n      [\n       ${w3}\n      ]\n`,
  },
  {
    name: 'commas at the beginning of lines: the last',
    text: `    nodes:\n      [ ${w1} # first\n      , ${w2} # last\n      ]\n`,
    left: `    nodes:\n      [ ${w1} # first\n      ]\n`,
  },
  {
    name: 'an anchor is a part of it',
    text: `    nodes: [ &worker ${w2}, ${w3} ]\n`,
    left: `    nodes: [ ${w3} ]\n`,
  },
]

function removed(text: string, keys: readonly string[] = ['ocp/w2']): string {
  const made = removeNodes(text, '/site.yaml', keys)
  if (made.kind === 'problems') return [made.when, ...made.problems.map(formatProblem)].join('\n')
  return made.kind === 'refused' ? `refused: ${made.reason}` : made.text
}

for (const { name, text, remove, left } of cases) {
  t.test(`removed: ${name}`, (t) => {
    for (const [written, expected] of [
      [siteWith(text), siteWith(left)],
      [
        `\ufeff${siteWith(text)}`.replaceAll('\n', '\r\n'),
        `\ufeff${siteWith(left)}`.replaceAll('\n', '\r\n'),
      ],
    ] as const) {
      t.equal(removed(written, remove), expected)
      t.equal(loadSite(expected, '/site.yaml').kind, 'site')
    }
    t.end()
  })
}

t.test('removes nodes from two clusters of the example, and returns the line of each', (t) => {
  const lines = example.split('\n')
  const at = lines.findIndex((line) => line.includes('name: w2,'))
  const made = removeNodes(example, '/site.yaml', ['ocp45/w2', 'ocp45/bs'])
  t.match(made, {
    kind: 'removed',
    nodes: [
      { key: 'ocp45/bs', line: at - 4 },
      { key: 'ocp45/w2', line: at + 1 },
    ],
  })
  t.equal(
    removed(example, ['ocp45/bs', 'ocp45/w2']),
    lines.filter((line) => !/name: (bs|w2),/.test(line)).join('\n'),
  )
  const second = `  - { name: two, domain: example.net, image: rhcos, ignition: two, disk: /dev/sda, loadBalancer: { api: 172.16.0.8, ingress: 172.16.0.8 }, nodes: [${w2}, ${w3}] }\n`
  const both = siteWith(`    nodes: [${w1}, ${i1}]\n`, second)
  t.equal(removed(both, ['two/w2', 'ocp/w1']), both.replace(`${w2}, `, '').replace(`${w1}, `, ''))
  t.end()
})

const refusals: { name: string; text: string; remove?: string[]; got: string }[] = [
  { name: 'an unknown node', text: `    nodes: [${w1}]\n`, got: 'refused: the site has no node ocp/w2' },
  {
    name: 'all nodes of a cluster',
    text: `    nodes: [${w2}, ${w3}]\n`,
    remove: ['ocp/w3', 'ocp/w2'],
    got: 'refused: ocp would have no node left: remove the cluster by hand',
  },
  {
    name: 'a site with problems',
    text: `    nodes: [${w2}, ${w3}]\nracks: []\n`,
    got: `before\n/site.yaml:13:1 racks: unknown key; known here: ${Object.keys(siteSchema.shape).join(', ')}`,
  },
  {
    name: 'masters without whom a bootstrap has nobody',
    text: `    nodes:\n    - ${w1?.replace('worker', 'bootstrap')}\n    - ${w2?.replace('worker', 'master')}\n`,
    got: 'after\n/site.yaml:13:5 ocp nodes: got a bootstrap node and no master, expected at least one master, which replaces the bootstrap node',
  },
  {
    name: 'what others are an alias of',
    text: `    nodes:\n    - ${w2?.replace(' }', ', console: &both [tty0, ttyS0] }')}\n    - ${w3?.replace(' }', ', console: *both }')}\n`,
    got: 'after\n/site.yaml:13:90 ocp/w3 console: the anchor &both is not defined before this alias',
  },
  {
    name: 'what others would be an alias of',
    text: `    nodes:\n    - ${w1?.replace(' }', ', console: &both [tty0] }')}\n    - ${w2?.replace(' }', ', console: &both [ttyS0] }')}\n    - ${w3?.replace(' }', ', console: *both }')}\n`,
    got: 'refused: removing ocp/w2 would change other parts of the site: edit the site file by hand',
  },
]
for (const { name, text, remove, got } of refusals) {
  t.test(`not removed: ${name}`, (t) => {
    t.equal(removed(siteWith(text), remove), got)
    t.end()
  })
}

t.test('removing any added node restores the old text', (t) => {
  const texts = cases.flatMap(({ text }) => [siteWith(text), siteWith(text).replaceAll('\n', '\r\n')])
  const name = fc.constantFrom('a', 'w9', 'w2-old', '7', 'null', 'w1x')
  const role = fc.constantFrom('worker' as const, 'infra' as const, 'master' as const)
  fc.assert(
    fc.property(fc.constantFrom(...texts, example), name, role, (text, name, role) => {
      const adoption = {
        name,
        role,
        macs: ['00:50:56:96:77:01'],
        addresses: ['172.16.0.34'],
        cluster: undefined,
      }
      const added = addNode(text, '/site.yaml', adoption)
      if (added.kind !== 'adopted') throw new Error(added.kind)
      const back = removed(added.text, [added.key])
      if (back !== text) throw new Error(`${added.text}\n----\n${back}`)
    }),
    { numRuns: 150 },
  )
  t.end()
})
