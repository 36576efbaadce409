/** A worker that joins the cluster `c1`, as a running slipway reports it. */
import type { PendingCsr, PendingCsrs } from '../../src/cluster/csr/approver.ts'
import type { MemberReport } from '../../src/cluster/report.ts'
import type { NodeSnapshot } from '../../src/cli/client.ts'
import type { NodeRecord } from '../../src/install/installs.ts'
import { createReports } from '../../src/install/reports.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import { parseIpv4 } from '../../src/proto/address/ip.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryInstalls } from './memory-installs.ts'
import type { ObservedNode } from './observed-node.ts'

export const joining = 'c1/w2'

const model = {
  key: joining,
  name: 'w2',
  role: 'worker',
  fqdn: 'w2.c1.example.net',
  mac: '00:00:5e:00:53:77',
  address: parseIpv4('192.0.2.22'),
  kernelArguments: [],
} as unknown as NodeModel

type Told = {
  readonly life?: ObservedNode
  readonly record?: Partial<NodeRecord>
  readonly role?: NodeModel['role']
  readonly member?: Omit<MemberReport, 'node'>
  readonly trouble?: string
  readonly csrs?: PendingCsrs
}

/** @param now milliseconds since 1970 */
export function joiningSnapshot(
  { life, record, role = 'worker', member, trouble, csrs }: Told,
  now: number,
): NodeSnapshot {
  const installs = memoryInstalls([joining], () => now)
  installs.remember(life?.observations ?? [], { node: joining, ...record })
  const reports = createReports({ installs, nodes: () => [{ ...model, role }], clock: fakeClock(now) })
  return {
    details: reports.details(joining)!,
    cluster: {
      ...(trouble === undefined ? {} : { trouble }),
      members: member === undefined ? [] : [{ node: joining, ...member }],
    },
    csrs,
  }
}

export function csrsOfJoining(...requests: Partial<PendingCsr>[]): PendingCsrs {
  return {
    cluster: 'c1',
    approve: 'declared',
    approved: 0,
    requests: requests.map((request, index) => ({
      name: `csr-${index}`,
      createdAt: 0,
      code: 'csr.malformed',
      reason: 'its request is not PKCS#10',
      signer: 'kubernetes.io/kubelet-serving',
      username: 'system:node:w2.c1.example.net',
      ...request,
    })),
  }
}
