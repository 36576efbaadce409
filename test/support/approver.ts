/** An approver beside a cluster in memory, with a clock that a test moves. */
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { createApprover, type ApproverOptions } from '../../src/cluster/csr/approver.ts'
import type { Sighting } from '../../src/cluster/csr/policy.ts'
import { createTroubles } from '../../src/cluster/troubles.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { askedAt, csrTestNodes, type CsrObject } from './csr.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryCluster } from './memory-cluster.ts'

export const csrsPath = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

type Line = { readonly msg: string; readonly csr?: string; readonly reason?: string; readonly level: string }

/** Of the node `ocp45/w1`, which was seen booting a minute before the requests. */
export function approverRig(t: Test, more: Partial<ApproverOptions> = {}) {
  const cluster = memoryCluster()
  const clock = fakeClock(askedAt + 1000)
  const counters = new Counters()
  const lines: Line[] = []
  const log = createLog('debug', { write: (line: string) => void lines.push(JSON.parse(line) as Line) })
  const sightings = new Map<string, Sighting>([
    ['ocp45/w1', { from: askedAt - 60_000, to: askedAt - 60_000 }],
  ])
  const told: string[] = []
  const approver = createApprover({
    ...{ cluster: 'ocp45', api: cluster.api, isDryRun: false, nodes: () => csrTestNodes },
    ...{ seen: (key) => sightings.get(key), clock, log, counters, troubles: createTroubles(log) },
    onApproved: ({ node, signer, name }) => void told.push(`${node} ${signer} ${name}`),
    approved: () => told.length,
    ...more,
  })
  t.teardown(() => approver.close())
  /** Lets what is under way come to its end, and time go on. */
  const settle = async (ms = 0): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    clock.advance(ms)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
  }
  const add = (object: CsrObject) => cluster.set(`${csrsPath}/${object.metadata.name}`, object)
  const reasons = () => approver.pending().requests.map(({ name, reason }) => `${name}: ${reason}`)
  return { cluster, clock, counters, lines, told, sightings, approver, settle, add, reasons }
}

/** What was put, as `PUT path`. */
export const puts = ({ cluster }: ReturnType<typeof approverRig>) =>
  cluster.requests.filter((request) => request.startsWith('PUT '))
