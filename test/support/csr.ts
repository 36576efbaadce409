/**
 * Certificate requests as an API server sends them, checked against their published shape, around the PKCS#10 files that
 * test/fixtures/csr/make created.
 */
import { readFileSync } from 'node:fs'
import { readCsr, apiPaths } from '../../src/cluster/objects.ts'
import type { CsrNode } from '../../src/cluster/csr/boot-evidence.ts'
import { evaluateCsr, loadRequestDecoder, type PolicyContext } from '../../src/cluster/csr/policy.ts'
import { parseIpv4, parseIpv6 } from '../../src/proto/address/ip.ts'
import { asKept } from './api-shapes.ts'

await loadRequestDecoder()

/** The creation time of the requests in these tests. */
export const askedAt = Date.UTC(2026, 0, 1, 12)

const folder = new URL('../fixtures/csr/', import.meta.url)

/** @param name of a file in test/fixtures/csr @returns base64-encoded PEM, as in `spec.request` */
export function requestOf(name: string): string {
  return readFileSync(new URL(`${name}.pem`, folder)).toString('base64')
}

const bootstrapper = {
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  username: 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper',
  groups: [
    'system:serviceaccounts',
    'system:serviceaccounts:openshift-machine-config-operator',
    'system:authenticated',
  ],
  usages: ['digital signature', 'client auth'],
}

const w1 = {
  signerName: 'kubernetes.io/kubelet-serving',
  username: 'system:node:w1.ocp45.example.net',
  groups: ['system:nodes', 'system:authenticated'],
  usages: ['digital signature', 'server auth'],
}

export type CsrObject = {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string } & Record<string, unknown>
  readonly spec: Readonly<Record<string, unknown>>
  readonly status: Readonly<Record<string, unknown>>
}

function csr(spec: Readonly<Record<string, unknown>>, name: string): CsrObject {
  const creationTimestamp = new Date(askedAt).toISOString().replace('.000Z', 'Z')
  return asKept(apiPaths.signingRequests, {
    metadata: { name, uid: `uid-of-${name}`, creationTimestamp },
    spec,
    status: {},
  })
}

/** A kubelet's first request. */
export function clientCsr(
  request = 'client',
  more: Readonly<Record<string, unknown>> = {},
  name = 'csr-a',
): CsrObject {
  return csr({ ...bootstrapper, request: requestOf(request), ...more }, name)
}

/** Its second request, which it makes with the certificate of the first. */
export function servingCsr(
  request = 'serving',
  more: Readonly<Record<string, unknown>> = {},
  name = 'csr-b',
): CsrObject {
  return csr({ ...w1, request: requestOf(request), ...more }, name)
}

export const csrTestNodes: readonly CsrNode[] = [
  {
    key: 'ocp45/m1',
    names: ['m1.ocp45.example.net', 'm1'],
    isBooted: true,
    addresses: [parseIpv4('192.0.2.11'), parseIpv6('2001:db8::11')].filter((each) => each !== undefined),
  },
  {
    key: 'ocp45/w1',
    names: ['w1.ocp45.example.net', 'w1'],
    isBooted: true,
    addresses: [parseIpv4('192.0.2.21')].filter((each) => each !== undefined),
  },
]

const minute = 60_000

/** All nodes were seen booting from 5 to 4 min before the requests. */
const usual: PolicyContext = {
  nodes: csrTestNodes,
  bootEvidence: () => ({ from: askedAt - 5 * minute, to: askedAt - 4 * minute }),
  now: askedAt + 1000,
  existingNodes: new Map(),
}

/** Returns the code of why a request stays pending. */
export function pendingCode(object: unknown, more: Partial<PolicyContext> = {}): string | undefined {
  const csr = readCsr(object)
  const decision = csr && evaluateCsr(csr, { ...usual, ...more })
  return decision?.kind === 'pending' ? decision.code : undefined
}

/** Returns the decision about a request: `approve` or `pending`, and the reason. */
export function decisionOn(object: unknown, more: Partial<PolicyContext> = {}): string {
  const csr = readCsr(object)
  if (csr === undefined) return 'not a request'
  const decision = evaluateCsr(csr, { ...usual, ...more })
  return decision.kind === 'approve' ? `approve: ${decision.why}` : `pending: ${decision.reason}`
}
