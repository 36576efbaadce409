import { once } from 'node:events'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import type { ControlCode } from '../../../src/serve/control/codes.ts'
import { ask, controlService, socketPath } from '../../support/control-service.ts'
import { observedNode } from '../../support/observed-node.ts'

/** A reader of the stream: `until` resolves with all that was said when it holds this text. */
async function reader(socket: string, path: string, headers = {}) {
  const asked = request({ socketPath: socket, path, headers })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let said = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => (said += text))
  response.on('error', () => undefined)
  asked.on('error', () => undefined)
  const closed = new Promise((resolve) => response.once('close', resolve))
  return {
    response,
    closed,
    async until(text: string) {
      while (!said.includes(text)) await once(response, 'data')
      return said
    },
    async leave() {
      asked.destroy()
      await closed
    },
  }
}

t.test('returns the status, all nodes, one node, and undeclared machines', async (t) => {
  const { path } = await controlService(t)
  t.equal(statSync(path).mode & 0o777, 0o660)
  const status = await ask(path, '/v1/status')
  t.match(status, { status: 200, body: { site: 'ocp45-lab', strangers: [{ count: 4 }], problems: Array } })
  t.match((status.body as { nodes: object[] }).nodes[4], {
    node: 'ocp45/w1',
    role: 'worker',
    address: '172.16.0.15',
    mode: 'install',
    step: { kind: 'loader', what: 'efi/ipxe.efi', outcome: 'done' },
    symptom: { name: 'loader-refused' },
  })
  t.same((await ask(path, '/v1/nodes')).body, (status.body as { nodes: object[] }).nodes)
  t.match(await ask(path, '/v1/nodes/ocp45/bs'), {
    body: { mode: 'installed', boots: [{ kind: 'network' }, { kind: 'disk' }] },
  })
  t.match(await ask(path, '/v1/nodes/seen'), { body: [{ mac: '00:00:5e:00:53:77' }, {}, {}] })
})

t.test('returns the state of all clusters, or of one', async (t) => {
  const { path } = await controlService(t)
  const all = await ask(path, '/v1/clusters')
  t.match(all, { status: 200, body: [{ cluster: 'ocp45', requests: { pending: 2 } }] })
  t.same(await ask(path, '/v1/clusters/ocp45'), { status: 200, body: (all.body as object[])[0] })
})

t.test('commands are executed, or refused with the reason', async (t) => {
  const { path, installs, counters, lines } = await controlService(t)
  t.match(await ask(path, '/v1/nodes/ocp45/w2/local', 'POST'), {
    status: 200,
    body: { node: 'ocp45/w2', mode: 'local', commands: [{ command: 'local' }] },
  })
  installs.refuseWith('its Ignition file is missing')
  t.same(await ask(path, '/v1/nodes/ocp45/w2/install', 'POST'), {
    status: 409,
    body: { code: 'server.command-refused', error: 'its Ignition file is missing' },
  })
  t.same([counters.get('control.commands'), counters.get('control.commandsRefused')], [1, 1])
  t.match(lines.join(''), /"command accepted"[^]*"command refused"/)
})

type Refused = {
  path: string
  method?: string
  headers?: Record<string, string>
  sent?: string
  status: number
  code: ControlCode
  error: string
}
const refusals: readonly Refused[] = [
  {
    path: '/v1/nodes/ocp45/w9',
    status: 404,
    code: 'server.unknown-node',
    error: 'the site has no node ocp45/w9',
  },
  {
    path: '/v1/clusters/c9',
    status: 404,
    code: 'server.unknown-cluster',
    error: 'the site has no cluster c9',
  },
  { path: '/v1/events?node=w9', status: 404, code: 'server.unknown-node', error: 'the site has no node w9' },
  {
    path: '/v2/status',
    status: 404,
    code: 'server.unknown-path',
    error: 'GET is not supported at this path: docs/api.md lists the requests',
  },
  {
    path: '/v1/nodes/a/b/install',
    method: 'POST',
    status: 404,
    code: 'server.unknown-node',
    error: 'the site has no node a/b',
  },
  {
    path: '/v1/nodes/ocp45/w1/reboot',
    method: 'POST',
    status: 404,
    code: 'server.unknown-command',
    error: 'unknown command reboot: use one of install, local, menu, forget',
  },
  {
    path: '/v1/events',
    headers: { 'last-event-id': '-1' },
    status: 400,
    code: 'server.bad-event-id',
    error: 'Last-Event-ID is not the id of an event: send a number',
  },
  {
    path: '/v1/nodes/%zz/a',
    status: 400,
    code: 'server.bad-request',
    error: "'/v1/nodes/%zz/a' is not a valid url component",
  },
  {
    path: '/v1/nodes/ocp45/w1/install',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    sent: 'x'.repeat(20_000),
    status: 413,
    code: 'server.bad-request',
    error: 'Request body is too large',
  },
]

t.test('errors are JSON', async (t) => {
  const { path: socket } = await controlService(t)
  for (const { path, method, headers, sent, status, code, error } of refusals) {
    t.same(
      await ask(socket, path, method, headers, sent),
      { status, body: { code, error } },
      `${method ?? 'GET'} ${path}`,
    )
  }
})

t.test('a bug is counted, logged, and answered', async (t) => {
  const { path, installs, counters, lines } = await controlService(t)
  installs.list = () => {
    throw new Error('the store is gone')
  }
  t.same(await ask(path, '/v1/nodes'), {
    status: 500,
    body: { code: 'server.internal-error', error: 'the store is gone' },
  })
  t.equal(counters.get('control.bugs'), 1)
  t.match(lines.join(''), /"request failed"/)
})

t.test('events are streamed with their sequence as id, of all nodes or of one', async (t) => {
  const { path, installs, clock } = await controlService(t)
  const all = await reader(path, '/v1/events')
  const one = await reader(path, '/v1/events?node=ocp45/i1')
  t.match(all.response.headers, { 'content-type': 'text/event-stream; charset=utf-8' })
  t.equal(await all.until('retry'), 'retry: 2000\n\n')
  installs.observe({ node: 'ocp45/w1', kind: 'command', command: 'menu' })
  installs.observe({ node: 'ocp45/i1', kind: 'callback', stage: 'started', client: '192.0.2.1:1' })
  const said = await all.until('callback')
  t.match(
    said,
    /\n\nid: \d+\ndata: \{"node":"ocp45\/w1","kind":"command","command":"menu",.*\}\n\nid: \d+\ndata: /,
  )
  t.notMatch(await one.until('callback'), /w1/)
  clock.advance(15_000)
  t.match(await all.until('keep-alive'), /\n: keep-alive\n\n$/)
  await Promise.all([all.leave(), one.leave()])
})

t.test('a reader that reconnects continues after its last event', async (t) => {
  const { path, installs } = await controlService(t)
  const sequences = installs
    .list()
    .flatMap(({ node }) => installs.history(node).map(({ sequence }) => sequence))
  const last = Math.max(...sequences)
  const away = await reader(path, '/v1/events', { 'last-event-id': String(last - 2) })
  installs.observe({ node: 'ocp45/i1', kind: 'command', command: 'menu' })
  const said = await away.until('"menu"')
  t.same(
    [...said.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)),
    [last - 1, last, last + 1],
  )
  await away.leave()
  const ofOne = await reader(path, '/v1/events?node=ocp45/w2', { 'last-event-id': '1' })
  t.notMatch(await ofOne.until('"failed"'), /w1|i1/)
  await ofOne.leave()
})

t.test('a slow reader misses nothing', async (t) => {
  const { path, installs, clock } = await controlService(t)
  const slow = await reader(path, '/v1/events')
  slow.response.pause()
  const life = observedNode('ocp45/i1')
  const reason = 'x'.repeat(20_000)
  for (let count = 0; count < 200; count++) {
    installs.observe({
      node: life.node,
      kind: 'state',
      from: 'menu',
      to: 'local',
      reason: `${count} ${reason}`,
    })
  }
  clock.advance(15_000)
  slow.response.resume()
  const said = await slow.until(`"199 ${reason}`)
  t.same(
    [...said.matchAll(/"reason":"(\d+) /g)].map(([, count]) => Number(count)),
    Array.from({ length: 200 }, (_, count) => count),
  )
  await slow.leave()
})

t.test('the number of streams is limited', async (t) => {
  const { path } = await controlService(t)
  const readers = await Promise.all(Array.from({ length: 32 }, () => reader(path, '/v1/events')))
  t.match(await ask(path, '/v1/events'), { status: 503, body: { error: /^32 event streams/ } })
  await readers[0]!.leave()
  // The server hears of it a little later.
  let next = await reader(path, '/v1/events')
  for (let tries = 0; next.response.statusCode !== 200 && tries < 500; tries++)
    next = await reader(path, '/v1/events')
  t.equal(next.response.statusCode, 200)
  await Promise.all([...readers.slice(1), next].map((each) => each.leave()))
})

t.test('close ends the streams and removes the socket', async (t) => {
  const { path, service } = await controlService(t)
  const { closed } = await reader(path, '/v1/events')
  await Promise.all([service.close(0), closed])
  t.equal(existsSync(path), false)
})

t.test('a stale socket is replaced, an active one is not', async (t) => {
  const path = socketPath(t)
  const leave = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['--eval', leave])
  t.equal(statSync(path).isSocket(), true)
  await controlService(t, path)
  t.equal((await ask(path, '/v1/status')).status, 200)
  await t.rejects(controlService(t, path), {
    name: 'CannotListen',
    message: `cannot listen on ${path}: another process listens on it, probably another slipway; stop that process, or set --control to another path`,
  })
  t.equal((await ask(path, '/v1/status')).status, 200, 'the first one still responds')
})

t.test('an unusable socket path is explained in one sentence', async (t) => {
  const path = socketPath(t)
  writeFileSync(path, 'precious')
  await t.rejects(controlService(t, path), {
    message: `cannot listen on ${path}: the file exists and is not a socket; set --control to another path`,
  })
  t.equal(statSync(path).size, 8)
  const long = `${path}${'x'.repeat(109 - path.length)}`
  await t.rejects(controlService(t, long), {
    message: `cannot listen on ${long}: the path has 109 bytes, the maximum is 108; set --control to a shorter path`,
  })
  await t.rejects(controlService(t, `${path}/below/it`), {
    message: /: its directory does not exist; create it, or set --control to another path$/,
  })
  await t.rejects(controlService(t, path.replace('control.sock', 'none/control.sock')), {
    message: /: its directory does not exist; create it, or set --control to another path$/,
  })
})

t.test(
  'a directory that cannot be written is reported',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const path = socketPath(t)
    chmodSync(path.replace('/control.sock', ''), 0o500)
    await t.rejects(controlService(t, path), { message: /this user cannot write to its directory/ })
    chmodSync(path.replace('/control.sock', ''), 0o700)
  },
)
