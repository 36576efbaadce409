import t from 'tap'
import { node } from '../../../../src/cli/commands/node/node.ts'
import { controlService } from '../../../support/control-service.ts'
import { fakeSlipway } from '../../../support/fake-slipway.ts'
import { keptTerminal } from '../../../support/terminal.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await node.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('drains and enables nodes', async (t) => {
  const { path } = await controlService(t)
  t.same(await run(path, 'drain', 'w1', 'ocp45/w1'), { code: 0, out: ['ocp45/w1: drained'], err: [] })
  t.same(await run(path, 'enable', 'w1'), { code: 0, out: ['ocp45/w1: enabled'], err: [] })
  const { out } = await run(path, 'drain', 'w1', '--json')
  t.match(JSON.parse(out.join('')), [{ node: 'ocp45/w1', applied: { outcome: 'told' } }])
  t.match(await run(path, 'drain', 'm1'), { code: 1, err: [/m1 is the only server of kubeapi that is up/] })
  await t.rejects(run(path, 'drain'), { name: 'UsageError' })
})

t.test(
  'drains nodes that slipway does not boot, and reports that HAProxy does not have the change',
  async (t) => {
    const failed = { node: 'c1/b1', applied: { outcome: 'reload failed', reason: 'exit status 1' } }
    const { path, commands } = await fakeSlipway(t, {
      'GET /v1/status': { notBooted: ['c1/b1'] },
      'GET /v1/nodes': [],
      'POST /v1/nodes/c1/b1/drain': failed,
      'POST /v1/nodes/c1/b1/enable': { node: 'c1/b1', applied: { outcome: 'refused' } },
    })
    t.same(await run(path, 'drain', 'b1'), {
      code: 1,
      out: ['c1/b1: drained'],
      err: ['! HAProxy does not have the change yet: exit status 1'],
    })
    t.match(await run(path, 'enable', 'b1'), { code: 1, err: [/yet: refused$/] })
    t.same(commands, ['POST /v1/nodes/c1/b1/drain', 'POST /v1/nodes/c1/b1/enable'])
  },
)
