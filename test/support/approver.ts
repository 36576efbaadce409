/** An approver of a cluster in memory, with a clock that a test moves. */
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { createApprover, type ApproverOptions } from '../../src/cluster/csr/approver.ts'
import type { BootEvidence } from '../../src/cluster/csr/boot-evidence.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { askedAt, csrTestNodes, type CsrObject } from './csr.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryCluster } from './memory-cluster.ts'
import { memorySession } from './session.ts'

export const csrsPath = apiPaths.signingRequests

type Line = Readonly<Record<'msg' | 'level', string>> &
  Readonly<Record<'csr' | 'code' | 'reason', string | undefined>>

/** The node `ocp45/w1` was seen booting one minute before the requests. */
export function approverRig(t: Test, more: Partial<ApproverOptions> = {}) {
  const cluster = memoryCluster()
  const clock = fakeClock(askedAt + 1000)
  const counters = new Counters()
  const lines: Line[] = []
  const log = createLog('debug', { write: (line: string) => void lines.push(JSON.parse(line) as Line) })
  const boots = new Map<string, BootEvidence>([
    ['ocp45/w1', { from: askedAt - 60_000, to: askedAt - 60_000 }],
  ])
  const approvals: string[] = []
  const session = memorySession(cluster.api, { clock, log, cluster: 'ocp45' })
  const approver = createApprover({
    cluster: 'ocp45',
    session,
    isDryRun: false,
    clock,
    log,
    counters,
    known: () => ({ nodes: csrTestNodes, bootEvidence: (key) => boots.get(key) }),
    onApproved: ({ node, signer, name }) => void approvals.push(`${node} ${signer} ${name}`),
    approved: () => approvals.length,
    ...more,
  })
  t.teardown(() => approver.close())
  /** Lets promises settle before and after time moves on. */
  const settle = async (ms = 0): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    clock.advance(ms)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
  }
  const add = (object: CsrObject) => cluster.set(`${csrsPath}/${object.metadata.name}`, object)
  const reasons = () => approver.pending().requests.map(({ name, reason }) => `${name}: ${reason}`)
  return { cluster, clock, counters, lines, approvals, boots, approver, settle, add, reasons }
}

/** The PUT requests, as `PUT path`. */
export const puts = ({ cluster }: ReturnType<typeof approverRig>) =>
  cluster.requests.filter((request) => request.startsWith('PUT '))
