import t from 'tap'
import type { Changes } from '../../../src/plan/changes/change.ts'
import { compareEdited, linesOf, type Edit, type SiteInput } from '../../support/compiled-site.ts'

const cluster = (site: SiteInput) =>
  site.clusters[0] as SiteInput['clusters'][number] & Record<string, unknown>
const node = (site: SiteInput, index: number) => cluster(site).nodes[index] as Record<string, unknown>
const nothing: Edit = () => undefined

/** The effects of a change, by node. */
function effects({ items }: Changes): string[] {
  return items.flatMap(({ kind, name, effects }) =>
    kind === 'node' ? effects.map(({ code }) => `${name} ${code}`) : [],
  )
}

t.test('a renamed node is the same machine', (t) => {
  const changes = compareEdited(nothing, (site) => (node(site, 2)['name'] = 'w9'))
  t.match(
    changes.items.filter(({ kind }) => kind === 'node'),
    [
      {
        action: 'add',
        name: 'ocp45/w9',
        effects: [
          {
            code: 'plan.node-renamed',
            text: '00:00:5e:00:53:21 is the machine of ocp45/w1: it keeps its installation record, but an installed node can register in its cluster a second time under the new name',
          },
        ],
      },
      { action: 'remove', name: 'ocp45/w1', effects: [] },
    ],
  )
  t.end()
})

t.test('a removed machine of a subnet with another DHCP server has no lease here', (t) => {
  const proxy: Edit = (site) => Object.assign(site.subnets[0] ?? {}, { dhcp: 'proxy' })
  const changes = compareEdited(proxy, (site) => {
    proxy(site)
    cluster(site).nodes.splice(2, 1)
  })
  t.same(effects(changes), ['ocp45/w1 plan.member-remains'])
  t.end()
})

t.test('renders a node without a disk, and one that must not route', (t) => {
  const agent: Edit = (site) => {
    Reflect.deleteProperty(cluster(site), 'disk')
    node(site, 2)['ingress'] = false
    cluster(site).nodes.push({ name: 'w2', role: 'worker', mac: '00:00:5e:00:53:22', address: '192.0.2.22' })
  }
  const lines = linesOf(compareEdited(nothing, agent), 'node')
  t.ok(lines.includes('  ingress:  -> no'))
  t.ok(
    lines.includes(
      '  ! plan.node-installs: a machine that slipway has not seen in use is installed at its next network boot',
    ),
  )
  t.end()
})

t.test('files that are copied to nodes are compared by their content', (t) => {
  const copies: Edit = (site) => Object.assign(cluster(site), { files: [{ path: '/etc/a', from: '/srv/a' }] })
  const content = (text: string) => ({
    addedFiles: new Map([
      ['/srv/a', { kind: 'found', path: '/srv/a', octets: 1, content: Buffer.from(text) } as const],
    ]),
  })
  const missing = {
    addedFiles: new Map([
      [
        '/srv/a',
        { kind: 'missing', code: 'ignition.added-file-unreadable', path: '/srv/a', problem: 'gone' } as const,
      ],
    ]),
  }
  const changed = linesOf(compareEdited(copies, copies, [content('a'), content('b')]), 'node')
  t.same(
    changed.filter((line) => line.includes('contents')),
    Array(4).fill('  contents of /etc/a: hidden'),
  )
  t.same(linesOf(compareEdited(copies, copies, [content('a'), content('a')]), 'node'), [])
  t.equal(linesOf(compareEdited(copies, copies, [missing, content('a')]), 'node').length, 8)
  t.end()
})
