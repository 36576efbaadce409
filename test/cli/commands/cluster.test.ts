import t from 'tap'
import { installCluster } from '../../../src/cli/commands/cluster.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { keptTerminal } from '../../support/terminal.ts'

const node = (name: string, more: object = {}) => ({
  node: `ocp45/${name}`,
  role: 'worker',
  mac: '00:00:5e:00:53:01',
  mode: 'local',
  since: 0,
  reason: 'boot: local in the site file',
  ...more,
})

const armed = (name: string) => ({ ...node(name), reason: 'armed by an administrator' })

const routes = {
  'GET /v1/nodes': [
    node('bs', { role: 'bootstrap' }),
    node('m1', { mode: 'installed', since: Date.now() - 3 * 86_400_000, lastSeen: 1 }),
    node('w1', { lastSeen: Date.now() - 60_000 }),
    { ...node('x1'), node: 'other/x1' },
  ],
  'GET /v1/clusters/ocp45': { members: [{ node: 'ocp45/m1', state: 'absent' }] },
  'POST /v1/nodes/ocp45/bs/install': armed('bs'),
  'POST /v1/nodes/ocp45/m1/install': armed('m1'),
  'POST /v1/nodes/ocp45/w1/install': armed('w1'),
}

async function run(
  t: Parameters<typeof fakeSlipway>[0],
  more: Record<string, object> = {},
  request = {},
  answer?: string,
) {
  const slipway = await fakeSlipway(t, { ...routes, ...more })
  const terminal = keptTerminal()
  const questions: string[] = []
  const code = await installCluster(
    { cluster: 'ocp45', control: slipway.path, isConfirmed: false, isForced: false, ...request },
    terminal,
    (question) => {
      questions.push(question)
      return Promise.resolve(answer)
    },
  )
  return { code, out: terminal.outLines, err: terminal.errLines, commands: slipway.commands, questions }
}

t.test('prints what installing overwrites, asks, and arms every node of the cluster', async (t) => {
  const { code, out, err, commands, questions } = await run(t, {}, {}, 'ocp45')
  t.match({ code, err }, { code: 0, err: [] })
  t.match(out, [
    'ocp45: installing overwrites the disks of 3 nodes',
    '',
    /^node +role +MAC +what installing overwrites$/,
    /^ocp45\/bs +bootstrap .* unknown: slipway has never seen this machine$/,
    /^ocp45\/m1 .* the system that slipway installed \(installed 3 d\)$/,
    /^ocp45\/w1 .* unknown: boot: local in the site file; seen 6\d s ago$/,
    '',
    'ocp45/bs: armed: armed by an administrator',
    /^ocp45\/m1/,
    /^ocp45\/w1/,
    /^next: power on the nodes/,
  ])
  t.equal(questions.length, 1)
  t.same(
    commands,
    ['bs', 'm1', 'w1'].map((name) => `POST /v1/nodes/ocp45/${name}/install`),
  )
})

t.test('arms nothing without a confirmation', async (t) => {
  const message = 'slipway cluster install: nothing was armed'
  t.match(await run(t, {}, {}, 'ocp46'), { code: 1, err: [message], commands: [] })
  t.match(await run(t, {}, {}), { code: 1, err: [`${message}; repeat the command with --yes`], commands: [] })
  const confirmed = await run(t, {}, { isConfirmed: true })
  t.match(confirmed, { code: 0, questions: [] })
  t.equal(confirmed.commands.length, 3)
})

t.test('arms no node of a running cluster without --force', async (t) => {
  const running = {
    'GET /v1/clusters/ocp45': {
      members: [
        { node: 'ocp45/m1', state: 'ready' },
        { node: 'ocp45/w1', state: 'not-ready' },
      ],
    },
  }
  const refused = await run(t, running, { isConfirmed: true })
  t.match(refused, {
    code: 1,
    commands: [],
    err: [
      'slipway cluster install: nothing was armed: 2 nodes are part of the running cluster; --force overwrites them',
    ],
  })
  t.match(refused.out[4], /a node of the running cluster \(Ready\)$/)
  t.match(refused.out[5], /a node of the running cluster \(not Ready\)$/)
  t.match(await run(t, running, { isConfirmed: true, isForced: true }), { code: 0, commands: { length: 3 } })
})

t.test('a node that slipway refuses does not keep the others from being armed', async (t) => {
  const more = { 'POST /v1/nodes/ocp45/m1/install': new Refused(409, 'its Ignition file is missing') }
  const { code, err, commands } = await run(t, more, { isConfirmed: true })
  t.match({ code, err }, { code: 1, err: ['ocp45/m1: not armed: its Ignition file is missing'] })
  t.equal(commands.length, 3)
})

t.test('a cluster that the site does not declare is a usage error', async (t) => {
  await t.rejects(
    run(t, {}, { cluster: 'ocp54' }),
    new UsageError('the site does not declare a cluster ocp54 (did you mean ocp45?)'),
  )
})
