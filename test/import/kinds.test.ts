/** Every kind of file: the site that it becomes, what was not imported, and what is still missing, as golden files. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { draftSite, noteLine } from '../../src/import/draft.ts'
import { detectKind, isKind, joinFacts, kinds, type KindName } from '../../src/import/kinds.ts'
import { formatProblem } from '../../src/site/problem.ts'
import { golden } from '../support/golden.ts'

const cases: readonly { readonly name: string; readonly files: Readonly<Record<string, KindName>> }[] = [
  { name: 'helpernode', files: { 'helpernode.yaml': 'helpernode' } },
  { name: 'helpernode-clusters', files: { 'helpernode-clusters.yaml': 'helpernode' } },
  { name: 'dnsmasq', files: { 'dnsmasq.conf': 'dnsmasq' } },
  { name: 'dhcpd', files: { 'dhcpd.conf': 'dhcpd' } },
  { name: 'kea', files: { 'kea-dhcp4.conf': 'kea' } },
  { name: 'zone', files: { 'db.example.com': 'zone' } },
  { name: 'install-config', files: { 'install-config.yaml': 'installer' } },
  { name: 'agent-config', files: { 'agent-config.yaml': 'installer' } },
  { name: 'bare-metal-hosts', files: { 'bare-metal-hosts.yaml': 'installer' } },
  {
    name: 'agent',
    files: {
      'install-config.yaml': 'installer',
      'agent-config.yaml': 'installer',
      'bare-metal-hosts.yaml': 'installer',
    },
  },
  { name: 'libvirt', files: { 'libvirt.xml': 'libvirt' } },
  { name: 'haproxy', files: { 'haproxy.cfg': 'haproxy' } },
  { name: 'maas', files: { 'maas.json': 'maas' } },
  { name: 'netbox', files: { 'netbox-interfaces.json': 'netbox', 'netbox-addresses.json': 'netbox' } },
  {
    name: 'dhcpd-zone-haproxy',
    files: { 'dhcpd.conf': 'dhcpd', 'db.example.com': 'zone', 'haproxy.cfg': 'haproxy' },
  },
]

for (const { name, files } of cases) {
  t.test(`the site of ${name} is the golden file (UPDATE=1 rewrites it)`, (t) => {
    const facts = Object.entries(files).map(([file, kind]) => {
      const text = readFileSync(new URL(`../fixtures/import/${file}`, import.meta.url), 'utf8')
      t.equal(detectKind(text), kind, `${file} is recognized`)
      return kinds[kind].read(text, file)
    })
    const { text, notes, problems } = draftSite(joinFacts(facts), Object.keys(files), 'site.yaml')
    const problemLines = problems.map((problem) => `# ${formatProblem(problem)}\n`)
    const missing = problems.length === 0 ? '' : `# Missing:\n${problemLines.join('')}`
    golden(t, `import/expected/${name}.yaml`, text + missing)
    for (const note of notes) t.match(text, noteLine(note), 'the file lists what was not imported')
    t.notMatch(text + notes.map(noteLine).join('\n'), /s3cret|c2VjcmV0|AAAA/, 'no secret is copied')
    t.end()
  })
}

t.test('a file of no known kind is not recognized', (t) => {
  t.equal(detectKind('hello world\n'), undefined)
  t.equal(isKind('helpernode'), true)
  t.equal(isKind('toString'), false)
  t.end()
})
