import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { addNode, type Adoption } from '../../../src/site/edit/add.ts'
import { loadSite } from '../../../src/site/load.ts'
import { removeNodes } from '../../../src/site/edit/remove.ts'
import { siteWith } from '../../support/node-list-site.ts'

const example = readFileSync(new URL('../../../config/site.example.yaml', import.meta.url), 'utf8')
const w4: Adoption = {
  macs: ['00:50:56:96:77:01'],
  name: 'w4',
  role: 'worker',
  addresses: ['172.16.0.34'],
  cluster: undefined,
}

t.test('a new worker follows the last worker of the example, before the comments below it', (t) => {
  const adopted = addNode(example, '/site.yaml', w4)
  t.match(adopted, { kind: 'adopted', key: 'ocp45/w4' })
  if (adopted.kind !== 'adopted') return
  const [lines, at] = [adopted.text.split('\n'), adopted.line - 1]
  t.match(lines[at - 1], /^ {6}- { name: w3,/)
  t.equal(lines[at], '      - { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }')
  t.equal(lines.toSpliced(at, 1).join('\n'), example)
  t.end()
})

const cases: { name: string; text: string; adoption?: Partial<Adoption>; inserted: string }[] = [
  {
    name: 'a role that nobody has yet goes to the end',
    text: siteWith(
      '    nodes:\n      - {name: w1, role: worker, mac: 00:00:5e:00:53:01, address: 172.16.0.31} # left\n',
    ),
    adoption: { role: 'infra', name: 'i1' },
    inserted: '\n      - {name: i1, role: infra, mac: 00:50:56:96:77:01, address: 172.16.0.34}',
  },
  {
    name: "columns, quotes and the order of keys are the neighbour's",
    text: siteWith(
      `    nodes:
    - { mac: '00:00:5e:00:53:01', address: 172.16.0.21, name: m1,        role: master }
    - { mac: '00:00:5e:00:53:02', address: 172.16.0.31, name: worker-01, role: worker }
`,
    ),
    inserted: "\n    - { mac: '00:50:56:96:77:01', address: 172.16.0.34, name: w4,        role: worker }",
  },
  {
    name: 'block style, a blank line between entries, other keys of the neighbour left out',
    text: siteWith(
      `    nodes:
      - name: m1
        role: master
        mac: 00:00:5e:00:53:01
        address: 172.16.0.21

      - name: w1
        role: worker
        mac: "00:00:5e:00:53:02"
        address: [172.16.0.31, 2001:db8::31]
        console:
          - tty0 # the last thing that is written of it
        # a remark about what follows
hosts: []
`,
    ),
    inserted:
      '\n\n      - name: w4\n        role: worker\n        mac: "00:50:56:96:77:01"\n        address: 172.16.0.34',
  },
  {
    name: 'dashes on lines of their own, and further blanks behind a dash',
    text: siteWith(
      '    nodes:\n    -\n      name: w1\n      role: worker\n      mac: 00:00:5e:00:53:01\n      address: 172.16.0.31',
    ),
    inserted:
      '\n    -\n      name: w4\n      role: worker\n      mac: 00:50:56:96:77:01\n      address: 172.16.0.34',
  },
  {
    name: 'a remark behind a dash is its own',
    text: siteWith(
      '    nodes:\n    - # the-first\n      name: w1\n      role: worker\n      mac: 00:00:5e:00:53:01\n      address: 172.16.0.31',
    ),
    inserted:
      '\n    - name: w4\n      role: worker\n      mac: 00:50:56:96:77:01\n      address: 172.16.0.34',
  },
  {
    name: 'three blanks behind the dash, carriage returns, a byte order mark',
    text: `\ufeff${siteWith('    nodes:\n    -   role: worker\n        name: w1\n        mac: 00:00:5e:00:53:01\n        address: 172.16.0.31\n').replaceAll('\n', '\r\n')}`,
    inserted:
      '\r\n    -   role: worker\r\n        name: w4\r\n        mac: 00:50:56:96:77:01\r\n        address: 172.16.0.34',
  },
  {
    name: 'a list in brackets on one line',
    text: siteWith(
      '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n',
    ),
    adoption: { addresses: ['172.16.0.34', '2001:db8::34'] },
    inserted: ', { name: w4, role: worker, mac: "00:50:56:96:77:01", address: [172.16.0.34, 2001:db8::34] }',
  },
  {
    name: 'several MAC addresses in a list',
    text: siteWith(
      '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n',
    ),
    adoption: { macs: ['00:50:56:96:77:01', '00:50:56:96:77:02'] },
    inserted:
      ', { name: w4, role: worker, mac: [00:50:56:96:77:01, 00:50:56:96:77:02], address: 172.16.0.34 }',
  },
  {
    name: 'the path of a disk, behind the keys of the neighbour',
    text: siteWith(
      '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", disk: /dev/sdb, address: 172.16.0.31 }]\n',
    ),
    adoption: { disk: '/dev/sda' },
    inserted: ', { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34, disk: /dev/sda }',
  },
  {
    name: 'the path of a disk with a colon, in quotes',
    text: siteWith(
      '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n',
    ),
    adoption: { disk: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1' },
    inserted:
      ', { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34, disk: "/dev/disk/by-path/pci-0000:00:1f.2-ata-1" }',
  },
  {
    name: 'hints of a disk, which YAML must not read as numbers',
    text: siteWith(
      '    nodes:\n    - name: w1\n      role: worker\n      mac: 00:00:5e:00:53:01\n      address: 172.16.0.31',
    ),
    adoption: { disk: { wwn: '0x5002538e40d6a1b2' } },
    inserted:
      '\n    - name: w4\n      role: worker\n      mac: 00:50:56:96:77:01\n      address: 172.16.0.34\n      disk: { wwn: "0x5002538e40d6a1b2" }',
  },
  {
    name: 'a list in brackets on many lines, behind the first of two',
    text: siteWith(
      `    nodes: [
      { name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 },
      { name: i1, role: infra, mac: "00:00:5e:00:53:02", address: 172.16.0.41 },
    ]
`,
    ),
    inserted: ',\n      { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'a name that YAML would read as something else is in quotes',
    text: siteWith(
      '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n',
    ),
    adoption: { name: '7' },
    inserted: ', { name: "7", role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'behind a text of several lines, not behind the line that follows it',
    text: siteWith(
      `    nodes:
      - name: w1
        role: worker
        mac: 00:00:5e:00:53:01
        address: 172.16.0.31
        files:
          - path: /etc/motd
            contents: |
              welcome

      - name: i1
        role: infra
        mac: 00:00:5e:00:53:02
        address: 172.16.0.41
`,
    ),
    inserted:
      '\n      - name: w4\n        role: worker\n        mac: 00:50:56:96:77:01\n        address: 172.16.0.34',
  },
  {
    name: 'a text that keeps its blank lines keeps them',
    text: siteWith(
      `    nodes:
      - name: w1
        role: worker
        mac: 00:00:5e:00:53:01
        address: 172.16.0.31
        files:
          - path: /etc/motd
            contents: |+
              welcome

      - name: i1
        role: infra
        mac: 00:00:5e:00:53:02
        address: 172.16.0.41
`,
    ),
    inserted:
      '\n      - name: w4\n        role: worker\n        mac: 00:50:56:96:77:01\n        address: 172.16.0.34',
  },
  {
    name: 'no blank line where the node that follows has none',
    text: siteWith(
      `    nodes:
      - { name: m1, role: master, mac: "00:00:5e:00:53:01", address: 172.16.0.21 }

      - { name: w1, role: worker, mac: "00:00:5e:00:53:02", address: 172.16.0.31 }
      - { name: i1, role: infra, mac: "00:00:5e:00:53:03", address: 172.16.0.41 }
`,
    ),
    inserted: '\n      - { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'in brackets, what stands between the neighbour and the next stands on both sides',
    text: siteWith(
      `    nodes: [
      { name: m1, role: master, mac: "00:00:5e:00:53:01", address: 172.16.0.21 },

      { name: w1, role: worker, mac: "00:00:5e:00:53:02", address: 172.16.0.31 },
      { name: i1, role: infra, mac: "00:00:5e:00:53:03", address: 172.16.0.41 }]
`,
    ),
    inserted: ',\n      { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'commas at the beginning of lines',
    text: siteWith(
      `    nodes:
      [ { name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }
      , { name: i1, role: infra, mac: "00:00:5e:00:53:02", address: 172.16.0.41 }
      ]
`,
    ),
    inserted: '\n      , { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'a remark behind the neighbour stays on its line',
    text: siteWith(
      `    nodes: [
      { name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 },
      { name: w2, role: worker, mac: "00:00:5e:00:53:02", address: 172.16.0.32 }, # by the window
    ]
`,
    ),
    inserted: ', { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
  {
    name: 'the cluster that is meant',
    text: `${siteWith('    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n')}  - { name: two, domain: example.net, image: rhcos, ignition: two, disk: /dev/sda, loadBalancer: { api: 172.16.0.8, ingress: 172.16.0.8 }, nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:02", address: 172.16.0.32 }] }\n`,
    adoption: { cluster: 'TWO' },
    inserted: ', { name: w4, role: worker, mac: "00:50:56:96:77:01", address: 172.16.0.34 }',
  },
]
for (const { name, text, adoption, inserted } of cases) {
  t.test(`adopted: ${name}`, (t) => {
    // The place of a repeated character is ambiguous; the whole is not.
    const made = addNode(text, '/site.yaml', { ...w4, ...adoption })
    t.equal(made.kind, 'adopted')
    if (made.kind !== 'adopted') return
    const at = made.text.indexOf(inserted)
    t.equal(made.text.slice(0, at) + made.text.slice(at + inserted.length), text)
    const again = addNode(made.text, '/site.yaml', { ...w4, ...adoption })
    t.match(again, { ...made, kind: 'present', entry: '' }, 'once is enough')
    t.match(removeNodes(made.text, '/site.yaml', [made.key]), { kind: 'removed', text })
    t.end()
  })
}

function nodesIn(text: string): string[] {
  const loaded = loadSite(text, '/site.yaml')
  return loaded.kind === 'site'
    ? loaded.site.clusters.flatMap(({ nodes }) => nodes.map((node) => JSON.stringify(node)))
    : []
}

t.test('the result of any addition is the site with one more node, or nothing', (t) => {
  const name = fc.oneof(fc.constantFrom('w4', 'null', '0x1', 'y', 'no', '1e3'), fc.string({ maxLength: 8 }))
  fc.assert(
    fc.property(name, fc.nat(cases.length - 1), (text, index) => {
      const { text: before, adoption } = cases[index] as (typeof cases)[number]
      const made = addNode(before, '/site.yaml', { ...w4, ...adoption, name: text })
      if (made.kind !== 'adopted') return
      const [old, fresh] = [nodesIn(before), nodesIn(made.text)]
      const more = fresh.filter((node) => !old.includes(node))
      if (
        more.length !== 1 ||
        fresh.length !== old.length + 1 ||
        !more[0]?.includes(`"${text.toLowerCase()}"`)
      ) {
        throw new Error(text)
      }
    }),
    { numRuns: 150 },
  )
  t.end()
})
