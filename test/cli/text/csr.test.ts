import t from 'tap'
import { csrLines } from '../../../src/cli/text/csr.ts'
import type { PendingCsr, PendingCsrs } from '../../../src/cluster/csr/approver.ts'

const now = Date.UTC(2026, 0, 1)
const paper = { columns: 72, usesColor: false }

const request = (more: Partial<PendingCsr> = {}): PendingCsr => ({
  name: 'csr-8xq2f',
  createdAt: now - 240_000,
  signer: 'kubernetes.io/kubelet-serving',
  username: 'system:node:w1.ocp45.example.net',
  code: 'csr.address-not-declared',
  reason: 'the address 192.0.2.11 is not declared for ocp45/w1',
  ...more,
})
const cluster = (more: Partial<PendingCsrs> = {}): PendingCsrs => ({
  ...{ cluster: 'ocp45', approve: 'declared', approved: 12, requests: [], ...more },
})

t.test('each request has its requester, age, and reason', (t) => {
  const bad = request({
    ...{ name: 'x', createdAt: 0, signer: 'a\u001b[2Jb', username: '' },
    reason:
      'its request is not exactly one CERTIFICATE REQUEST in PEM, and this continues for more than a line',
  })
  t.same(
    csrLines(
      [
        cluster({ requests: [request(), bad] }),
        cluster({ cluster: 'lab', approve: 'dry-run', approved: 0, trouble: 'connection refused' }),
      ],
      now,
      paper,
    ),
    [
      'ocp45: 2 pending, 12 approved',
      '  csr-8xq2f  kubelet-serving  system:node:w1.ocp45.example.net  4 min a…',
      '    the address 192.0.2.11 is not declared for ocp45/w1',
      '  x  a?[2Jb    at an unknown time',
      '    its request is not exactly one CERTIFICATE REQUEST in PEM, and this',
      '    continues for more than a line',
      '',
      'lab: none pending, dry run',
      '    ! connection refused',
    ],
  )
  t.end()
})

t.test('a site without approval says so', (t) => {
  t.same(csrLines([], now, paper), [
    'slipway does not approve certificate requests of any cluster (key "approve")',
  ])
  t.end()
})
