import t from 'tap'
import type { PolicyContext } from '../../../src/cluster/csr/policy.ts'
import { askedAt, clientCsr, pendingCode, servingCsr } from '../../support/csr.ts'

const hour = 3_600_000
const decided = { ...clientCsr(), status: { certificate: 'LS0t' } }
const timeless = { ...clientCsr(), metadata: { name: 'csr-a' } }
const seen = (from: number): Partial<PolicyContext> => ({ bootEvidence: () => ({ from, to: from }) })
const exists = { existingNodes: new Map([['w1', askedAt]]) }

t.test('every reason for a pending request has its own code', (t) => {
  const rows: readonly [code: string, object: unknown, more?: Partial<PolicyContext>][] = [
    ['csr.decided', decided],
    ['csr.other-signer', clientCsr('client', { signerName: 'example.net/other' })],
    ['csr.time-missing', timeless],
    ['csr.time-in-future', clientCsr(), { now: askedAt - hour }],
    ['csr.too-old', clientCsr(), { now: askedAt + 25 * hour }],
    ['csr.validity-too-long', clientCsr('client', { expirationSeconds: 31_536_000 })],
    ['csr.malformed', clientCsr('client', { request: 'AAAA' })],
    ['csr.key-unsupported', clientCsr('rsa-1024')],
    ['csr.extra-content', clientCsr('email')],
    ['csr.other-requester', clientCsr('client', { username: 'system:admin' })],
    ['csr.other-requester', servingCsr('serving', { username: 'system:node:m1.ocp45.example.net' })],
    ['csr.other-groups', clientCsr('client', { groups: ['system:authenticated'] })],
    ['csr.other-groups', servingCsr('serving', { groups: ['system:authenticated'] })],
    ['csr.other-usages', clientCsr('client', { usages: ['digital signature', 'server auth'] })],
    ['csr.other-organization', clientCsr('organization')],
    ['csr.client-with-names', clientCsr('serving')],
    ['csr.other-common-name', clientCsr('no-prefix')],
    ['csr.node-not-declared', clientCsr('not-declared')],
    ['csr.node-not-seen-booting', clientCsr(), { bootEvidence: () => undefined }],
    ['csr.older-than-boot', clientCsr(), seen(askedAt + hour)],
    ['csr.boot-too-long-ago', clientCsr(), seen(askedAt - 3 * hour)],
    ['csr.node-exists', clientCsr(), exists],
    ['csr.address-not-declared', servingCsr('other-address')],
  ]
  for (const [code, object, more] of rows) t.equal(pendingCode(object, more), code, code)
  t.equal(pendingCode(clientCsr()), undefined, 'not for a request that is approved')
  t.end()
})
