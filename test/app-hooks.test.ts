/** Hooks of a whole app on loopback: a command and a webhook get events, and the command line shows and tests them. */
import { existsSync, readFileSync } from 'node:fs'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ClusterStatus } from '../src/cluster/report.ts'
import { readSnapshot } from '../src/app-hooks.ts'
import { startApp } from '../src/app.ts'
import { hooks } from '../src/cli/commands/hooks.ts'
import { choosePorts, prepareDemo } from '../src/demo/demo-site.ts'
import { systemClock } from '../src/host/clock.ts'
import { createSockets } from '../src/host/sockets.ts'
import { openMemoryStore } from '../src/install/open-store.ts'
import { prepare } from '../src/prepare.ts'
import type { HookEvent } from '../src/serve/hooks/events.ts'
import { snapshotEveryMs } from '../src/serve/hooks/service.ts'
import { socketPath } from './support/control-service.ts'
import { now, sampleReports, sampleUnknownClients } from './support/sample-nodes.ts'
import { silentLog } from './support/silent-log.ts'
import { keptTerminal } from './support/terminal.ts'
import { until } from './support/until.ts'
import { hookFiles, webhookReceiver } from './support/webhook-receiver.ts'

/** Below those of the demo and of the examples, which may look for free ports at the same moment. */
const offsets = [16_000, 17_000, 18_000]

t.test('an app sends events to a command and to a webhook', async (t) => {
  const folder = join(t.testdir(), 'demo')
  const sockets = createSockets({})
  const chosen = await choosePorts(sockets, offsets)
  if (chosen === undefined) throw new Error('no free ports')
  const { sitePath } = await prepareDemo(folder, chosen.ports)
  const [file, control] = [join(folder, 'events'), socketPath(t)]
  const { received, url } = await webhookReceiver(t)
  const { secretFile, ca } = hookFiles(t)
  await appendFile(
    sitePath,
    `
hooks:
  file: { timeoutSeconds: 60, events: [node.armed, problem.started], command: [/bin/sh, -c, 'cat >>"$0"', ${file}] }
  chat: { timeoutSeconds: 60, events: site.changed, webhook: { url: "${url}", secretFile: ${secretFile}, ca: ${ca} } }
`,
  )
  const prepared = await prepare(sitePath)
  if (prepared.kind !== 'ready') throw new Error(JSON.stringify(prepared))
  /** Snapshots are compared at once; no other timer of the test has their interval. */
  const clock = {
    ...systemClock,
    after: (ms: number, run: () => void) => systemClock.after(ms === snapshotEveryMs ? 50 : ms, run),
  }
  const app = await startApp({
    ...{ sitePath, prepared, sockets, control, clock },
    store: openMemoryStore(),
    log: silentLog(),
    onLost: (error) => {
      throw error
    },
  })
  t.teardown(() => app.close(0))
  const written = () =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          // The last line may not be complete yet.
          .slice(0, -1)
          .map((line) => JSON.parse(line) as HookEvent)
      : []
  const states = () => app.services.find((service) => service.hooks !== undefined)?.hooks?.list() ?? []

  const node = prepared.plan.nodes[0]?.key ?? ''
  await app.installs.command(node, 'local')
  await app.installs.command(node, 'install')
  await until(() => written().some(({ type }) => type === 'node.armed'))
  t.match(
    written().find(({ type }) => type === 'node.armed'),
    {
      site: prepared.plan.site,
      server: '127.0.0.1',
      data: { node },
    },
  )

  // A site file with an error is a problem, and the corrected one is a change.
  const valid = await readFile(sitePath, 'utf8')
  await appendFile(sitePath, 'x: 1\n')
  await app.reload()
  await until(() => written().some(({ text }) => text.startsWith('server.reload-rejected: the site file')))
  await writeFile(sitePath, valid.replace('node.armed, ', ''))
  await app.reload()
  await until(() => states()[1]?.delivered === 1)
  t.match(received, [{ isSigned: true, event: { type: 'site.changed', text: /^reload: / } }])

  const run = async (...args: string[]) => {
    const terminal = keptTerminal()
    const code = await hooks.run([...args, '--control', control], terminal)
    return { code, out: terminal.outLines }
  }
  t.match(await run('test', 'chat'), {
    code: 0,
    out: [/^hook chat accepted the event: localhost: 204 No Content/],
  })
  t.match(await run('test', 'file'), {
    code: 0,
    out: [/^hook file accepted the event: \/bin\/sh: exit code 0/],
  })
  t.match((await run()).out, [
    /^file +\/bin\/sh/,
    /problem\.started/,
    /^chat +https:\/\/localhost:\d+ +1 delivered/,
    /site\.changed/,
  ])
})

t.test('a snapshot is made from the status; problems of hooks are not in it', async (t) => {
  const request = { name: 'csr-1', createdAt: now, signer: '', username: 'system:node:w1' }
  const requests = [{ ...request, code: 'csr.in-progress', reason: 'it is evaluated' } as const]
  const sources = {
    problems: () => [
      { code: 'hook.delivery-failed', text: 'hook chat: connection refused' },
      { code: 'server.address-missing', text: 'no interface has it' },
    ],
    strangers: () => sampleUnknownClients,
    reports: sampleReports(),
    clusters: {
      csrs: () => [{ cluster: 'ocp45', approve: 'declared' as const, approved: 0, requests }],
      reports: () => [
        clusterStatus({ kind: 'out', since: now, reason: 'complete' }),
        clusterStatus(
          { kind: 'out', since: now, reason: 'complete', refusal: { code: 'x', reason: 'last server' } },
          'c2',
        ),
        clusterStatus(undefined, 'c3'),
      ],
    },
  }
  const first = await readSnapshot(sources, undefined)
  t.same(
    first.problems.map(({ code }) => code),
    ['server.address-missing'],
  )
  t.equal(first.symptoms.get('ocp45/w2')?.code, 'install.failed')
  t.notOk(first.symptoms.has('ocp45/bs'))
  t.same([...first.machines.keys()].slice(0, 1), ['00:00:5e:00:53:77'])
  t.match(first.pending.get('ocp45/csr-1'), { cluster: 'ocp45', name: 'csr-1', snapshots: 1 })
  t.same(
    [...first.bootstraps].map(([cluster, { kind }]) => `${cluster} ${kind}`),
    ['ocp45 out', 'c2 refused'],
    'a bootstrap that is not drained is not removed',
  )
  t.equal((await readSnapshot(sources, first)).pending.get('ocp45/csr-1')?.snapshots, 2)
  const alone = await readSnapshot({ ...sources, clusters: undefined }, first)
  t.equal(alone.pending.size + alone.bootstraps.size, 0)
})

function clusterStatus(bootstrap: ClusterStatus['bootstrap'], cluster = 'ocp45'): ClusterStatus {
  const requests = { approve: 'off', approved: 0 } as const
  return { cluster, stages: [], members: [], requests, ...(bootstrap !== undefined && { bootstrap }) }
}
