/** The local API on a real socket, for sample nodes in memory. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import type { Reloaded } from '../../src/serve/control/routes.ts'
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

/** Returns a path that is short enough for a socket (sun_path, 108 bytes); the directory of a test can be too long. */
export function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'control.sock')
}

/** @param more replaces members of the sample clusters */
export async function controlService(
  t: Test,
  path = socketPath(t),
  more: Partial<typeof sampleClusters> = {},
) {
  const installs = sampleInstalls()
  const reports = sampleReports(installs)
  const condition = sampleStatus()
  const counters = new Counters()
  const clock = fakeClock(now)
  const lines: string[] = []
  /** The results of reloads, one each; without one, the reload succeeds. */
  const reloads: Reloaded[] = []
  const service = await startControl({
    path,
    installs,
    reports,
    counters,
    clock,
    reload: () => Promise.resolve(reloads.shift() ?? { outcome: 'swapped', nodes: 7, troubles: [] }),
    condition: () => ({ ...condition }),
    strangers: () => sampleUnknownClients,
    explain: (node) => (node === 'ocp45/w1' ? { node, offers: [] } : undefined),
    clusters: { ...sampleClusters, ...more },
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    onLost: (error) => {
      throw error
    },
  })
  t.teardown(() => service.close(0))
  return { path, installs, reports, counters, clock, service, lines, reloads }
}

/** Sends one request and reads the JSON of its response. */
export async function ask(socket: string, path: string, method = 'GET', headers = {}, body?: string) {
  const asked = request({ socketPath: socket, path, method, headers })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode, body: await json(response) }
}
