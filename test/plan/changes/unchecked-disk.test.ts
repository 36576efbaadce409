/** Changes of machines whose disks nothing checks, and of machines that belong to no cluster. */
import t from 'tap'
import { compareSites } from '../../../src/plan/changes/compare.ts'
import { buildModel } from '../../../src/plan/model.ts'
import { compareEdited, compiled, linesOf, type Edit } from '../../support/compiled-site.ts'
import { systemModel } from '../../support/systems.ts'

const unchecked: Edit = (site) => Object.assign(site.clusters[0] ?? {}, { callbacks: false })

t.test('a new node whose disk nothing checks is installed only by an administrator', (t) => {
  const added: Edit = (site) => {
    unchecked(site)
    site.clusters[0]?.nodes.push({
      ...{ name: 'w9', role: 'worker', mac: '00:00:5e:00:53:29', address: '192.0.2.29' },
    })
  }
  const lines = linesOf(compareEdited(unchecked, added), 'node')
  t.match(
    lines.filter((line) => line.includes('!')),
    [
      '  ! plan.node-not-installed: nothing looks at its disk before its installer overwrites it, so each installation needs slipway node install',
    ],
  )
  const permitted: Edit = (site) => {
    added(site)
    Object.assign(site, { wipe: 'always' })
  }
  t.match(linesOf(compareEdited(unchecked, permitted), 'node').join('\n'), 'plan.node-installs')
  t.end()
})

t.test('a removed machine of a group remains in no cluster', (t) => {
  const before = systemModel({ os: 'custom' })
  const after = buildModel({ ...before.site, groups: [] }, before.facts)
  const lines = linesOf(compareSites(compiled(before), compiled(after)), 'node')
  t.match(lines.join('\n'), /plan\.lease-not-renewed/)
  t.notMatch(lines.join('\n'), /plan\.member-remains/)
  t.end()
})
