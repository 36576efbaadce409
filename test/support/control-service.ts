/** The local API on a real socket, for sample nodes in memory. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'
import { createCapture, type Capture } from '../../src/host/capture/tap.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { parseIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { createAccess } from '../../src/serve/control/access/access.ts'
import type { Compared, Confirmed, HistoryRow, Reloaded } from '../../src/serve/control/site-routes.ts'
import type { DrainControl } from '../../src/serve/control/node-routes.ts'
import type { LogLine, NodeLogs } from '../../src/serve/syslog/node-logs.ts'
import { startControl } from '../../src/serve/control/service.ts'
import { fakeClock } from './fake-clock.ts'
import {
  now,
  sampleClusters,
  sampleInstalls,
  sampleReports,
  sampleStatus,
  sampleUnknownClients,
} from './sample-nodes.ts'
import { samplePower } from './sample-power.ts'
import { sampleSiteEdits } from './site-edits.ts'

/** Returns a path that is short enough for a socket (sun_path, 108 bytes); the directory of a test can be too long. */
export function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'control.sock')
}

const sampleHistory: readonly HistoryRow[] = [
  { number: 0, at: now, summary: 'reload: 1 node added, 0 changed, 0 removed.', confirmBy: now + 60_000 },
  { number: 1, at: now - 3_600_000, summary: '6 nodes at the start' },
]

/** Reports the text as the name of an added node, and refuses the text `wrong`. */
function compared(source: { readonly path: string; readonly text: string } | undefined): Compared {
  const { path, text } = source ?? { path: '', text: 'w9' }
  if (text === 'wrong') return { outcome: 'kept', reasons: [`${path}:1:1 wrong`, `${path}:2:1 also wrong`] }
  const effects = [{ code: 'plan.node-installs', text: 'it is installed' }] as const
  const item = { action: 'add', kind: 'node', name: text, details: [], effects } as const
  return { outcome: 'compared', changes: { items: [item], restart: [] }, troubles: [`${text}: no kernel`] }
}

/** What a packet capture uses of w1. */
const sampleMachines = {
  nodes: [
    { key: 'ocp45/w1', mac: '00:50:56:96:7a:21' as Mac, addresses: [parseIpv4('172.16.0.61') as Ipv4] },
  ],
  endpoint: { address: parseIpv4('172.16.0.101') as Ipv4 },
  site: { hosts: [{ mac: ['00:50:56:96:7a:99' as Mac], address: [parseIpv4('172.16.0.90') as Ipv4] }] },
}

/** Drains w1 and enables it; m1 is the last server. */
const sampleDrains: DrainControl = {
  drain(node, by) {
    const reason = 'm1 is the only server of kubeapi that is up'
    if (node === 'ocp45/m1') return Promise.resolve({ kind: 'refused', code: 'haproxy.last-server', reason })
    if (node !== 'ocp45/w1') return Promise.resolve(undefined)
    return Promise.resolve({ kind: 'done', applied: { outcome: 'told' }, drained: { node, since: now, by } })
  },
  enable: (node) =>
    Promise.resolve(node === 'ocp45/w1' ? { kind: 'done', applied: { outcome: 'told' } } : undefined),
}

/** Plans the node w9, and writes it to the version `abc` of the site file. */
/** The log of w1; no other node sent one. */
const sampleLines = (): LogLine[] => [
  { sequence: 1, at: now - 60_000, severity: 6, app: 'kernel', text: 'Linux version 5.14.0' },
  { sequence: 2, at: now - 59_000, severity: 4, text: 'no program' },
  { sequence: 3, at: now - 1000, severity: 3, app: 'coreos-installer', text: 'no space left' },
]

const logsOf = (lines: readonly LogLine[]): Pick<NodeLogs, 'read'> => ({
  read: (node, after = 0, last = 4000) => ({
    lines: node === 'ocp45/w1' ? lines.filter(({ sequence }) => sequence > after).slice(-last) : [],
    dropped: node === 'ocp45/w1' ? 2 : 0,
  }),
})

/** The routes for the sample nodes, and what they did. @param more replaces members of the sample clusters */
export function sampleControl(more: Partial<typeof sampleClusters> = {}) {
  const installs = sampleInstalls()
  const condition = sampleStatus()
  const counters = new Counters()
  const logLines = sampleLines()
  const clock = fakeClock(now)
  const capture: Capture = createCapture(clock)
  const lines: string[] = []
  /** The results of reloads, one each; without one, the reload succeeds. */
  const reloads: Reloaded[] = []
  /** The results of confirmations; without one, the site is confirmed. */
  const confirmations: Confirmed[] = []
  /** Reloads and rollbacks, with their arguments. */
  const requests: string[] = []
  const options = {
    installs,
    reports: sampleReports(installs),
    counters,
    clock,
    site: {
      reload(confirmMs?: number) {
        requests.push(`reload ${confirmMs ?? ''}`.trimEnd())
        return Promise.resolve(reloads.shift() ?? { outcome: 'swapped' as const, nodes: 7, troubles: [] })
      },
      compare: (source?: { readonly path: string; readonly text: string }) =>
        Promise.resolve(compared(source)),
      confirm: () => Promise.resolve(confirmations.shift() ?? { outcome: 'confirmed' as const }),
      rollback(number: number, confirmMs?: number) {
        requests.push(`rollback ${number} ${confirmMs ?? ''}`.trimEnd())
        return Promise.resolve(reloads.shift() ?? { outcome: 'swapped' as const, nodes: 6, troubles: [] })
      },
      history: () => Promise.resolve(sampleHistory),
      text: (number: number) => Promise.resolve(number < 2 ? `site: number-${number}\n` : undefined),
    },
    condition: () => ({ ...condition }),
    strangers: () => sampleUnknownClients,
    drains: sampleDrains,
    ...sampleSiteEdits,
    explain: (node: string) => (node === 'ocp45/w1' ? { node, offers: [] } : undefined),
    power: samplePower(requests),
    nodeLogs: () => logsOf(logLines),
    ...createAccess(undefined, clock),
    capture,
    model: () => sampleMachines,
    clusters: { ...sampleClusters, ...more },
    hooks: {
      list: () => [{ name: 'chat' }],
      test: (name: string) => Promise.resolve(name === 'chat' ? { outcome: 'delivered' } : undefined),
    },
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    onLost(error: Error) {
      throw error
    },
  }
  return { options, lines, logLines, reloads, confirmations, requests }
}

/** @param more replaces members of the sample clusters */
export async function controlService(
  t: Test,
  path = socketPath(t),
  more: Partial<typeof sampleClusters> = {},
) {
  const { options, ...records } = sampleControl(more)
  const { installs, reports, counters, clock, capture } = options
  const service = await startControl({ ...options, path })
  t.teardown(() => service.close(0))
  return { path, installs, reports, counters, clock, capture, service, ...records }
}

/** Sends one request and reads the JSON of its response. */
export async function ask(socket: string, path: string, method = 'GET', headers = {}, body?: string) {
  const asked = request({ socketPath: socket, path, method, headers })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await json(response) }
}
