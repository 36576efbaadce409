import t from 'tap'
import { nextSteps } from '../../../../src/cli/commands/node/add-progress.ts'
import { joiningSnapshot } from '../../../support/joining-node.ts'

const now = Date.UTC(2026, 10, 21, 10)

t.test('prints the next steps', (t) => {
  const { details } = joiningSnapshot({ role: 'infra' }, now)
  t.match(nextSteps(details, 'armed')[0], /^power on c1\/w2, with the network before the disk/)
  t.match(nextSteps(details, 'installed')[0], 'slipway csr list')
  t.match(nextSteps({ ...details, role: 'bootstrap' }, 'installed'), [/slipway wait bootstrap-complete/])
  t.match(nextSteps(details, 'ready'), [
    /^to move routers to it, run "oc label node w2\.c1\.example\.net node-role\.kubernetes\.io\/infra="/,
    /^its network boots/,
  ])
  t.match(nextSteps({ ...details, role: 'worker' }, 'ready'), [/^its network boots/])
  t.end()
})
