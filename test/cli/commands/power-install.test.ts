import t, { type Test } from 'tap'
import { cluster } from '../../../src/cli/commands/cluster.ts'
import { node } from '../../../src/cli/commands/node/node.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { samplePowerReport } from '../../support/sample-power.ts'
import { keptTerminal } from '../../support/terminal.ts'

const armed = { node: 'c/w1', mode: 'install', since: 1, reason: 'armed by an administrator', role: 'worker' }
const refusal = new Refused(409, 'the disk is in use', { code: 'server.command-refused' })

/** A slipway whose node is installed as soon as it is restarted. */
async function slipwayOf(t: Test, routes: Record<string, object> = {}) {
  let mode = 'install'
  const { path, commands } = await fakeSlipway(t, {
    'GET /v1/nodes': () => [
      { ...armed, mode, fqdn: 'w1.c.example.net', mac: '52:54:00:00:00:01', address: '192.0.2.1' },
    ],
    'GET /v1/clusters/c': { members: [] },
    'POST /v1/nodes/c/w1/install?power=false': armed,
    'POST /v1/nodes/c/w1/power/cycle?boot=network': () => {
      mode = 'installed'
      return samplePowerReport
    },
    ...routes,
  })
  const run = async (command: typeof node, ...args: string[]) => {
    const terminal = keptTerminal()
    const code = await command.run([...args, '--control', path], terminal)
    return { code, out: terminal.outLines.join('\n'), err: terminal.errLines.join('\n') }
  }
  return { run, commands }
}

const cycle = 'POST /v1/nodes/c/w1/power/cycle?boot=network'
const arm = 'POST /v1/nodes/c/w1/install?power=false'

t.test('node install --power arms, restarts, and follows; --resume does not arm again', async (t) => {
  const { run, commands } = await slipwayOf(t)
  const { code, out } = await run(node, 'install', '--power', 'w1')
  t.equal(code, 0)
  t.match(
    out,
    /c\/w1: armed: armed by an administrator\n.*restarted from the network[^]*its disk is written\n.*1 node installed/,
  )
  t.same(commands, [arm, cycle])
  t.equal((await run(node, 'install', '--power', '--resume', 'w1')).code, 0)
  t.same(commands, [arm, cycle])
  await t.rejects(run(node, 'install', '--power'), { message: 'expected the name of a node' })
})

t.test('cluster install --power', async (t) => {
  const { run, commands } = await slipwayOf(t)
  t.equal((await run(cluster, 'install', '--power', '--yes', '--at-once', '2', 'c')).code, 0)
  t.same(commands, [arm, cycle])
  t.equal((await run(cluster, 'install', '--power', '--resume', 'c')).code, 0)
  t.same(commands, [arm, cycle])
  const refusing = await slipwayOf(t, { [arm]: refusal })
  const refused = await refusing.run(cluster, 'install', '--power', '--yes', 'c')
  t.equal(refused.code, 1)
  t.match(refused.err, /c\/w1: not armed: the disk is in use/)
  t.same(refusing.commands, [arm], 'no power is switched if a node is not armed')
})

t.test('a node with power: managed prints the result of its restart', async (t) => {
  const { run } = await slipwayOf(t, {
    'POST /v1/nodes/c/w1/install': { ...armed, power: { ...samplePowerReport, node: 'c/w1' } },
  })
  t.match((await run(node, 'install', 'w1')).out, /c\/w1: power on, OSRunning$/)
  const powerProblem = { code: 'bmc.busy', reason: 'BMC b is busy: wait' }
  const failing = await slipwayOf(t, { 'POST /v1/nodes/c/w1/install': { ...armed, powerProblem } })
  t.match(await failing.run(node, 'install', 'w1'), {
    code: 1,
    err: 'c/w1: not restarted: BMC b is busy: wait',
  })
})
