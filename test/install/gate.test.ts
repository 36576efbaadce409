import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLog } from '../../src/host/log.ts'
import { createGate, probeMachineConfig, canStartInstall } from '../../src/install/gate.ts'
import { fakeClock } from '../support/fake-clock.ts'
import type { HttpPlan } from '../../src/plan/http/plan.ts'
import type { IgnitionFiles, IgnitionRead } from '../../src/plan/ignition/document.ts'

const bs = { node: 'ocp45/bs', address: '192.0.2.10' }
const m1 = { node: 'ocp45/m1', address: '192.0.2.11' }

function world() {
  const clock = fakeClock()
  const asked: string[] = []
  const up = new Set<string>()
  const lines: string[] = []
  const gate = createGate({
    clock,
    log: createLog('info', { write: (line) => void lines.push(line) }),
    probe: ({ node }) => {
      asked.push(node)
      return Promise.resolve(up.has(node))
    },
  })
  /** Time passes, and what it set off is over. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { clock, asked, up, lines, gate, pass }
}

t.test('without servers to wait for the gate is open and sends no request', async (t) => {
  const { gate, asked } = world()
  t.equal(await gate.isOpen([]), true)
  t.same(asked, [])
})

t.test('a probe gets a server and no other argument', async (t) => {
  const probed: unknown[][] = []
  const probe = (...all: unknown[]) => (probed.push(all), Promise.resolve(false))
  const { clock, gate: unused } = world()
  unused.close()
  const gate = createGate({ clock, log: createLog('error', { write: () => undefined }), probe })
  await gate.isOpen([bs, m1])
  gate.close()
  t.same(probed, [[bs], [m1]])
})

t.test('opens when any of the servers responds', async (t) => {
  const { gate, up, pass, lines, asked } = world()
  t.equal(await gate.isOpen([bs, m1]), false)
  up.add('ocp45/m1')
  t.equal(await gate.isOpen([bs, m1]), false, 'the last answer is valid until the next query')
  t.same(asked, ['ocp45/bs', 'ocp45/m1'], 'all waiting nodes share the results')
  await pass(3000)
  t.equal(await gate.isOpen([bs, m1]), true)
  t.match(lines.join(''), /machine configuration available, waiting nodes continue/)
  t.match(lines.join(''), /ocp45\/m1/)
  up.clear()
  await pass(3000)
  t.equal(await gate.isOpen([bs, m1]), false)
})

t.test('stops probing when no node has waited for a minute, and starts again', async (t) => {
  const { gate, up, pass, asked, clock } = world()
  await gate.isOpen([bs])
  for (let second = 0; second < 66; second += 3) await pass(3000)
  t.equal(clock.pending(), 0)
  const before = asked.length
  up.add('ocp45/bs')
  t.equal(await gate.isOpen([bs]), true, 'a later node does not get the old result')
  t.equal(asked.length, before + 1)
})

t.test('sends no request after it is closed', async (t) => {
  const { gate, clock, pass } = world()
  await gate.isOpen([bs])
  const asking = gate.isOpen([m1])
  gate.close()
  await asking
  await pass(10_000)
  t.equal(clock.pending(), 0)
})

async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return (server.address() as AddressInfo).port
}

t.test('a server with a self-signed certificate is up if its health page returns 200', async (t) => {
  const dir = t.testdir()
  const [key, cert] = ['key', 'cert'].map((name) => join(dir, name)) as [string, string]
  const options = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=mcs',
  ]
  execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  let status = 200
  const asked: (string | undefined)[] = []
  const server = createTlsServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (request, response) => {
      asked.push(request.url)
      response.writeHead(status).end('ok')
    },
  )
  const port = await listen(t, server)
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), true)
  status = 500
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), false)
  t.same(asked, ['/healthz', '/healthz'])
})

t.test('a server that is unreachable, has no TLS, or does not respond is down', async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.resume().end('nonsense')),
  )
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), false)
  const silent = await listen(
    t,
    createServer((socket) => socket.on('error', () => {}).resume()),
  )
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, silent), false)
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, 1), false)
})

const hour = 3_600_000
const madeAt = Date.UTC(2026, 10, 21, 6)
const file = { file: '/srv/bootstrap.ign', node: 'ocp45/bs', kind: 'bootstrap' } as const
const script = {
  plan: () => ({ kind: 'local' }) as const,
  body: '#!ipxe',
  node: 'ocp45/bs',
  boot: 'install',
} as const
const ignition: HttpPlan['ignition'] = new Map([['/boot/ocp45/bs/bootstrap.ign', file]])
const scripts = (problem?: string): HttpPlan['scripts'] =>
  new Map([
    ['/boot/ocp45/bs/install-bootstrap.ipxe', problem === undefined ? script : { ...script, problem }],
  ])
const document = { path: file.file, octets: new Uint8Array(), certificates: [], version: '3.4.0', unread: 0 }
const reads = (read: IgnitionRead): IgnitionFiles => ({ read: () => Promise.resolve(read) })
const ageing = reads({
  kind: 'read',
  document: { ...document, madeAt, usableUntil: madeAt + 24 * hour },
})
const start = (now: number) => ({ node: 'ocp45/bs', role: 'bootstrap', now }) as const

t.test('a bootstrap whose files exist and are recent enough can start', async (t) => {
  t.same(await canStartInstall({ scripts: scripts(), ignition }, ageing, start(madeAt + 23 * hour)), {
    kind: 'allowed',
  })
})

t.test(
  'a bootstrap whose certificates have expired cannot start, and the reason names the command that creates them',
  async (t) => {
    const permission = await canStartInstall(
      { scripts: scripts(), ignition },
      ageing,
      start(madeAt + 24 * hour),
    )
    t.match(permission, {
      kind: 'refused',
      reason:
        /^\/srv\/bootstrap\.ign was created .* ago and expired at .*openshift-install create ignition-configs/,
    })
  },
)

t.test('a master or a worker can start, whatever the age of the certificates in its pointer', async (t) => {
  for (const role of ['master', 'worker'] as const) {
    const files: HttpPlan['ignition'] = new Map([
      [`/boot/ocp45/m1/${role}.ign`, { ...file, node: 'ocp45/m1', kind: role }],
    ])
    const late = { node: 'ocp45/m1', role, now: madeAt + 99 * hour }
    t.same(await canStartInstall({ scripts: scripts(), ignition: files }, ageing, late), { kind: 'allowed' })
  }
})

t.test('a file that was missing when the site was loaded is reported with its problem', async (t) => {
  const lacking = { scripts: scripts('no kernel in /srv'), ignition }
  t.same(await canStartInstall(lacking, ageing, start(madeAt)), {
    kind: 'refused',
    code: 'install.file-missing',
    reason: 'no kernel in /srv',
  })
})

t.test('a file that was deleted later is reported at once', async (t) => {
  const gone = reads({ kind: 'unreadable', problem: '/srv/bootstrap.ign does not exist' })
  t.same(await canStartInstall({ scripts: scripts(), ignition }, gone, start(madeAt)), {
    kind: 'refused',
    code: 'install.file-missing',
    reason: '/srv/bootstrap.ign does not exist',
  })
})

t.test('a node without an Ignition file has it in its image', async (t) => {
  const permission = await canStartInstall(
    { scripts: scripts(), ignition: new Map() },
    ageing,
    start(madeAt + 99 * hour),
  )
  t.same(permission, { kind: 'allowed' })
})
