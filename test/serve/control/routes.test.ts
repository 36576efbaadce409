import t from 'tap'
import type { StateProblem } from '../../../src/install/codes.ts'
import { startControl } from '../../../src/serve/control/service.ts'
import { ask, controlService, sampleControl, socketPath } from '../../support/control-service.ts'
import { networkApi } from '../../support/network-api.ts'
import { now } from '../../support/sample-nodes.ts'

t.test('the recorded observations of a node are listed, for declared nodes only', async (t) => {
  const { path } = await controlService(t)
  const { status, body } = await ask(path, '/v1/nodes/ocp45/w2/events')
  t.match(
    { status, first: (body as object[])[0] },
    { status: 200, first: { node: 'ocp45/w2', kind: 'dhcp' } },
  )
  t.match(await ask(path, '/v1/nodes/ocp45/w9/events'), {
    status: 404,
    body: { code: 'server.unknown-node' },
  })
})

t.test('what is sent to a node is explained, for declared nodes only', async (t) => {
  const { path } = await controlService(t)
  t.same(await ask(path, '/v1/nodes/ocp45/w1/explain'), {
    status: 200,
    body: { node: 'ocp45/w1', offers: [] },
  })
  t.same(await ask(path, '/v1/nodes/ocp45/w9/explain'), {
    status: 404,
    body: { code: 'server.unknown-node', error: 'the site has no node ocp45/w9' },
  })
})

t.test('the log of a node is read in parts', async (t) => {
  const { path } = await controlService(t)
  const log = async (query: string, node = 'w1') => ask(path, `/v1/nodes/ocp45/${node}/log${query}`)
  t.match(await log(''), { status: 200, body: { dropped: 2, lines: [{ sequence: 1 }, {}, { sequence: 3 }] } })
  t.match(await log('?after=1&lines=1'), { status: 200, body: { lines: [{ sequence: 3, severity: 3 }] } })
  t.match(await log('', 'w9'), { status: 404, body: { code: 'server.unknown-node' } })
  for (const query of ['?after=-1', '?after=x', '?lines=0', '?lines=10000']) {
    t.match(await log(query), { status: 400, body: { code: 'server.bad-request' } }, query)
  }
})

t.test('without a receiver, no node has a log', async (t) => {
  const { options } = sampleControl()
  const path = socketPath(t)
  const service = await startControl({ ...options, path, nodeLogs: () => undefined })
  t.teardown(() => service.close(0))
  t.match(await ask(path, '/v1/nodes/ocp45/w1/log'), { status: 409, body: { code: 'server.no-syslog' } })
})

t.test('unknown keys of a body are ignored, also those that would change a prototype', async (t) => {
  const { path } = await controlService(t)
  const plan = (keys: string) =>
    ask(
      path,
      '/v1/plan',
      'POST',
      { 'content-type': 'application/json' },
      `{"path": "/a.yaml", "text": "w8"${keys}}`,
    )
  for (const key of [
    '',
    ', "other": 1',
    ', "__proto__": {"text": "wrong"}',
    ', "a": {"constructor": {"prototype": {}}}',
  ]) {
    t.match(await plan(key), { status: 200, body: { changes: { items: [{ name: 'w8' }] } } }, key)
  }
  t.equal(Reflect.get({}, 'text'), undefined)
})

t.test('a backup of the state is written to an absolute path', async (t) => {
  const { path, installs } = await controlService(t)
  const written: string[] = []
  installs.backup = (file) => void written.push(file)
  t.same(await ask(path, '/v1/state/backup?path=/backup/state.json', 'POST'), {
    status: 200,
    body: { path: '/backup/state.json' },
  })
  const refused = {
    status: 400,
    body: { code: 'server.bad-path', error: /^path must be an absolute path, or the name of a file/ },
  }
  for (const query of ['', '?path=state.json', '?path=../state.json', '?path=.hidden']) {
    t.match(await ask(path, `/v1/state/backup${query}`, 'POST'), refused, query)
  }
  t.same(written, ['/backup/state.json'])
})

t.test('the loss of state is a problem until it is accepted', async (t) => {
  const { path, installs } = await controlService(t)
  let problems: StateProblem[] = [{ code: 'state.lost', text: 'the records of some nodes are lost' }]
  installs.problems = () => problems
  installs.acceptLoss = () => (problems = [])
  t.match(await ask(path, '/v1/state'), { status: 200, body: { problems: [{ code: 'state.lost' }] } })
  t.same(await ask(path, '/v1/state/accept', 'POST'), { status: 200, body: { problems: [] } })
  t.same(await ask(path, '/v1/state'), { status: 200, body: { problems: [] } })
})

t.test(
  'a state that cannot be written is not a bug, and has the error of the disk as its reason',
  async (t) => {
    const { path, installs, counters } = await controlService(t)
    const fail = () => {
      throw new Error('/var/lib/slipway is full')
    }
    Object.assign(installs, { backup: fail, acceptLoss: fail })
    const refused = {
      status: 409,
      body: { code: 'server.state-not-written', error: '/var/lib/slipway is full' },
    }
    t.same(await ask(path, '/v1/state/backup?path=/backup/state.json', 'POST'), refused)
    t.same(await ask(path, '/v1/state/accept', 'POST'), refused)
    t.equal(counters.get('control.bugs'), 0)
  },
)

t.test('a reload that is rejected has its reasons, as a sentence and as a list', async (t) => {
  const { path, reloads } = await controlService(t)
  t.same(await ask(path, '/v1/reload', 'POST'), {
    status: 200,
    body: { outcome: 'swapped', nodes: 7, troubles: [] },
  })
  const reasons = ['site.yaml:2:7 server: got nothing', 'site.yaml:9:1: unknown key']
  reloads.push({ outcome: 'kept', reasons })
  t.same(await ask(path, '/v1/reload', 'POST'), {
    status: 409,
    body: {
      code: 'server.reload-rejected',
      error: 'site reload rejected: site.yaml:2:7 server: got nothing; site.yaml:9:1: unknown key',
      reasons,
    },
  })
})

t.test('a command keeps, drains, or watches the bootstrap of a cluster', async (t) => {
  const { path } = await controlService(t)
  for (const [command, kind] of [
    ['keep', 'kept'],
    ['out', 'out'],
    ['watch', 'waiting'],
  ] as const) {
    t.same(await ask(path, `/v1/clusters/ocp45/bootstrap/${command}`, 'POST'), {
      status: 200,
      body: { kind, since: now, reason: `set by an administrator (bootstrap ${command})` },
    })
  }
  t.same(await ask(path, '/v1/clusters/ocp45/bootstrap/reboot', 'POST'), {
    status: 404,
    body: {
      code: 'server.unknown-command',
      error: 'unknown command reboot: use one of keep, out, watch',
    },
  })
  t.same(await ask(path, '/v1/clusters/ocp46/bootstrap/out', 'POST'), {
    status: 404,
    body: {
      code: 'server.no-bootstrap',
      error: 'cluster ocp46 has no bootstrap, or no masters that replace it in the load balancer',
    },
  })
})

t.test('pending certificate requests are listed by cluster', async (t) => {
  const { path } = await controlService(t)
  t.match(await ask(path, '/v1/csrs'), {
    status: 200,
    body: [{ cluster: 'ocp45', approve: 'declared', requests: [{ name: 'csr-a' }] }],
  })
})

t.test('hooks are listed, and a known one is tested', async (t) => {
  const { path } = await controlService(t)
  t.same(await ask(path, '/v1/hooks'), { status: 200, body: [{ name: 'chat' }] })
  t.same(await ask(path, '/v1/hooks/chat/test', 'POST'), { status: 200, body: { outcome: 'delivered' } })
  t.same(await ask(path, '/v1/hooks/x/test', 'POST'), {
    status: 404,
    body: { code: 'server.unknown-hook', error: 'the site has no hook x' },
  })
})

t.test('a pending certificate request is approved with the reason why it was pending', async (t) => {
  const { path } = await controlService(t)
  const approve = (name: string) => ask(path, `/v1/clusters/ocp45/csrs/${name}/approve`, 'POST')
  const pending = 'no node w9.ocp45.example.net is declared'
  t.same(await approve('csr-a'), { status: 200, body: { cluster: 'ocp45', request: 'csr-a', pending } })
  const reason = 'slipway approves only kubelets'
  t.same(await approve('csr-b'), { status: 409, body: { code: 'csr.other-signer', error: reason } })
  t.match(await approve('csr-c'), { status: 404, body: { code: 'server.unknown-request' } })
})

t.test('a node is drained and enabled, with the user who drained it', async (t) => {
  const { path, counters, lines } = await controlService(t)
  const post = (node: string, command: string) =>
    ask(path, `/v1/nodes/ocp45/${node}/${command}`, 'POST', { 'slipway-user': 'anna' })
  t.same(await post('w1', 'drain'), {
    status: 200,
    body: { node: 'ocp45/w1', applied: { outcome: 'told' }, since: now, by: 'local:anna' },
  })
  t.same(await post('w1', 'enable'), {
    status: 200,
    body: { node: 'ocp45/w1', applied: { outcome: 'told' } },
  })
  const reason = 'm1 is the only server of kubeapi that is up'
  t.same(await post('m1', 'drain'), { status: 409, body: { code: 'haproxy.last-server', error: reason } })
  t.match(await post('w9', 'enable'), { status: 404, body: { code: 'server.unknown-node' } })
  t.equal(counters.get('control.commands'), 2)
  t.equal(counters.get('control.commandsRefused'), 1)
  t.match(lines.join(''), /"command":"drain","user":"local:anna","msg":"command accepted"/)
})

t.test(
  'an undeclared machine is planned, and written to the version that the plan was made for',
  async (t) => {
    const { path } = await controlService(t)
    const post = (body: object) =>
      ask(path, '/v1/nodes', 'POST', { 'content-type': 'application/json' }, JSON.stringify(body))
    t.match(await post({ name: 'w9' }), {
      status: 200,
      body: { outcome: 'planned', entry: '- { name: w9 }' },
    })
    t.match(await post({ name: 'w9', base: 'abc' }), { status: 200, body: { outcome: 'written' } })
    t.match(await post({ name: 'w9', base: 'abd' }), { status: 409, body: { code: 'server.site-changed' } })
    t.match(await ask(path, '/v1/nodes', 'POST'), {
      status: 400,
      body: { code: 'server.bad-request', reasons: ['name must be a host name of one label'] },
    })
  },
)

t.test('only an administrator writes the site file', async (t) => {
  const { ask, token } = await networkApi(t)
  const body = { name: 'w9', base: 'abc' }
  t.match(await ask('/v1/nodes', { method: 'POST', token: await token('operate'), body }), {
    status: 403,
    body: { code: 'api.scope-too-small', error: 'to write the site file, the scope must be admin' },
  })
  t.match(await ask('/v1/nodes', { method: 'POST', token: await token('admin'), body }), { status: 200 })
})
