import t from 'tap'
import { compareSites } from '../../../src/plan/changes/compare.ts'
import { compareEdited, compiled, linesOf, type Edit } from '../../support/compiled-site.ts'
import { systemModel } from '../../support/systems.ts'
import { parseTemplate, type Template } from '../../../src/plan/template/template.ts'
import type { Facts } from '../../../src/plan/facts.ts'

const nothing: Edit = () => undefined

/** Facts with one template. */
const templated = (text: string): Partial<Facts> => ({
  served: {
    templates: new Map([
      [
        '/srv/node.conf',
        { kind: 'found', path: '/srv/node.conf', template: parseTemplate(text) as Template },
      ],
    ]),
    problems: new Map(),
    protectedPaths: [],
  },
})

t.test('files that are served for the site, a cluster, and a node', (t) => {
  const changes = compareEdited(
    (site) =>
      (site['http'] = {
        files: [
          { path: 'tools', dir: '/srv/tools' },
          { path: 'a', file: '/srv/a' },
        ],
      }),
    (site) => {
      site['http'] = { files: [{ path: 'tools', dir: '/srv/new' }] }
      const [cluster] = site.clusters
      Object.assign(cluster!, { http: { files: [{ path: 'node.conf', template: '/srv/node.conf' }] } })
      Object.assign(cluster!.nodes[1]!, {
        http: { files: [{ path: 'node.conf', template: '/srv/m1.conf' }] },
      })
    },
    [templated('a'), templated('a')],
  )
  t.same(linesOf(changes, 'file'), [
    'change file /files/tools',
    '  directory: /srv/tools -> /srv/new',
    'add file /files/node.conf of ocp45',
    '  template:  -> /srv/node.conf',
    '  contents: hidden',
    'add file /files/node.conf of ocp45/m1',
    '  template:  -> /srv/m1.conf',
    'remove file /files/a',
    '  file: /srv/a -> ',
  ])
  t.end()
})

t.test('a template whose contents change, without them', (t) => {
  const site: Edit = (each) => (each['http'] = { files: [{ path: 'node.conf', template: '/srv/node.conf' }] })
  const changes = compareEdited(site, site, [templated('a'), templated('b {{node.name}}')])
  t.same(linesOf(changes, 'file'), ['change file /files/node.conf', '  contents: hidden'])
  t.same(compareEdited(site, site, [templated('a'), templated('a')]).items, [])
  t.end()
})

t.test('entries of boot menus, without secrets', (t) => {
  const memtest = {
    title: 'Memory test',
    key: 't',
    kernel: '/files/memtest/mt86plus',
    arguments: 'console=ttyS0',
  }
  const rescue = { title: 'Rescue', script: 'http://user:pw@192.0.2.9/rescue.ipxe' }
  const changes = compareEdited(
    (site) => (site['menu'] = { entries: [memtest, rescue] }),
    (site) => {
      const changed = { ...rescue, script: 'http://user:new@192.0.2.9/rescue.ipxe' }
      site['menu'] = { entries: [{ ...memtest, initrd: '/files/x', arguments: ['token=abc'] }, changed] }
      Object.assign(site.clusters[0]!, { menu: { entries: [memtest] } })
    },
  )
  t.same(linesOf(changes, 'menu'), [
    'change menu site',
    '  entry Memory test: /files/memtest/mt86plus console=ttyS0 key t -> /files/memtest/mt86plus /files/x token=… key t',
    '  secrets of Memory test: hidden',
    '  secrets of Rescue: hidden',
    'add menu ocp45',
    '  entry Memory test:  -> /files/memtest/mt86plus console=ttyS0 key t',
  ])
  t.same(compareEdited(nothing, nothing).items, [])
  const group = (entries: object[]) => systemModel({ os: 'debian', group: { menu: { entries } } })
  const added = compareSites(compiled(group([])), compiled(group([memtest])))
  t.match(linesOf(added, 'menu'), ['add menu web', /entry Memory test/])
  t.end()
})
