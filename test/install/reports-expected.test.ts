import t from 'tap'
import { expectedNodes } from '../../src/install/reports.ts'
import type { NodeRecord } from '../../src/install/installs.ts'

const now = Date.UTC(2026, 0, 1)
const minute = 60_000

t.test('a node should serve when it has been installed for an hour, or was never to be installed', (t) => {
  const record = (node: string, mode: NodeRecord['mode'], since: number): NodeRecord => {
    return { node, mode, since, reason: '' }
  }
  const isExpected = expectedNodes(
    [
      record('ocp45/old', 'installed', now - 61 * minute),
      record('ocp45/new', 'installed', now - 59 * minute),
      record('ocp45/local', 'local', 0),
      record('ocp45/armed', 'install', 0),
      record('ocp45/busy', 'installing', now - 300 * minute),
    ],
    now,
  )
  const keys = ['old', 'new', 'local', 'armed', 'busy', 'unknown'].map((name) => `ocp45/${name}`)
  t.same(keys.filter(isExpected), ['ocp45/old', 'ocp45/local'])
  t.end()
})
