/** Machines of groups, which have no role: added to the text of a site file and removed from it as nodes of clusters are. */
import t from 'tap'
import { addNode, type Adoption } from '../../../src/site/edit/add.ts'
import { removeNodes } from '../../../src/site/edit/remove.ts'
import { groupSiteText, web1, web2 } from '../../support/group-site.ts'
import { siteText } from '../../support/site-folder.ts'

const machine: Adoption = {
  macs: ['00:00:5e:00:53:42'],
  name: 'web2',
  role: undefined,
  addresses: ['192.0.2.42'],
  cluster: 'web',
}

t.test('a machine follows the last one of its group, and its removal restores the text', (t) => {
  const added = addNode(groupSiteText(), '/site.yaml', machine)
  t.match(added, { kind: 'adopted', key: 'web/web2', line: 24, entry: web2.trim() })
  if (added.kind !== 'adopted') return
  t.equal(added.text, groupSiteText(web1 + web2))
  t.match(addNode(added.text, '/site.yaml', machine), { kind: 'present', line: 24 })

  const removed = removeNodes(added.text, '/site.yaml', ['web/web2', 'c1/w1'])
  t.match(removed, {
    kind: 'removed',
    nodes: [
      { key: 'c1/w1', line: 16 },
      { key: 'web/web2', line: 24 },
    ],
  })
  if (removed.kind !== 'removed') return
  t.equal(removed.text, groupSiteText().replace(/.*name: w1,.*\n/, ''))
  t.end()
})

t.test('the only group needs no name, and its name can have capital letters', (t) => {
  for (const cluster of [undefined, 'WEB']) {
    t.match(addNode(groupSiteText(), '/site.yaml', { ...machine, cluster }), {
      kind: 'adopted',
      key: 'web/web2',
    })
  }
  t.end()
})

t.test('keys that other machines have and roles are not copied', (t) => {
  const other = '      - { name: web1, image: debian-12, address: 192.0.2.41, mac: "00:00:5e:00:53:41" }\n'
  t.match(addNode(groupSiteText(other), '/site.yaml', machine), {
    entry: '- { name: web2, address: 192.0.2.42, mac: "00:00:5e:00:53:42" }',
  })
  t.end()
})

const refusals: { name: string; text?: string; adoption?: Partial<Adoption>; reason: string }[] = [
  {
    name: 'a cluster without a role',
    adoption: { cluster: 'c1' },
    reason: 'c1 is a cluster: name the role of the node with --role',
  },
  {
    name: 'a group with a role',
    adoption: { role: 'worker' },
    reason: 'web is a group, whose machines have no role: omit --role',
  },
  { name: 'an unknown group', adoption: { cluster: 'db' }, reason: 'the site has no group db, only web' },
  {
    name: 'a site without groups',
    text: siteText(),
    reason: 'the site has no group: declare one first',
  },
  {
    name: 'one of several groups',
    text: `${groupSiteText()}${groupSiteText().split('groups:\n')[1]}`
      .replace(/name: web\n(?=[^]*name: web\n)/, 'name: db\n')
      .replace(/web1(?=[^]*web1)/, 'db1')
      .replace(/:41(?=[^]*:41)/, ':51')
      .replace(/\.41(?=[^]*\.41)/, '.51'),
    adoption: { cluster: undefined },
    reason: 'the site has several groups, choose one with --group: db, web',
  },
  {
    name: 'a name with another address',
    adoption: { name: 'web1', macs: ['00:00:5e:00:53:41'] },
    reason: 'the site file already has web/web1 (line 23), with the address 192.0.2.41, not 192.0.2.42',
  },
]
for (const { name, text = groupSiteText(), adoption, reason } of refusals) {
  t.test(`refuses ${name}`, (t) => {
    t.match(addNode(text, '/site.yaml', { ...machine, ...adoption }), { kind: 'refused', reason })
    t.end()
  })
}

t.test('refuses to remove the last machine of a group, and one that is not declared', (t) => {
  t.match(removeNodes(groupSiteText(), '/site.yaml', ['web/web1']), {
    kind: 'refused',
    reason: 'web would have no node left: remove the group by hand',
  })
  t.match(removeNodes(groupSiteText(), '/site.yaml', ['web/web3']), { code: 'site.node-unknown' })
  t.end()
})
