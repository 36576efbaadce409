/**
 * Certificate requests as an API server shows them (held against their published shape), around the PKCS#10 that
 * test/fixtures/csr/make made.
 */
import { readFileSync } from 'node:fs'
import { readCsr } from '../../src/cluster/csr/object.ts'
import { csrsPath } from '../../src/cluster/csr/path.ts'
import { judgeCsr, type Circumstances, type CsrNode } from '../../src/cluster/csr/policy.ts'
import { parseIpv4 } from '../../src/proto/address/ipv4.ts'
import { parseIpv6 } from '../../src/proto/address/ipv6.ts'
import { asKept } from './api-shapes.ts'

/** When requests are made, in these tests. */
export const askedAt = Date.UTC(2026, 0, 1, 12)

const folder = new URL('../fixtures/csr/', import.meta.url)

/** @param name of a file in test/fixtures/csr @returns PEM in base64, as `spec.request` has it */
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
  return asKept(csrsPath, { metadata: { name, uid: `uid-of-${name}`, creationTimestamp }, spec, status: {} })
}

/** A kubelet's first request. */
export function clientCsr(
  request = 'client',
  more: Readonly<Record<string, unknown>> = {},
  name = 'csr-a',
): CsrObject {
  return csr({ ...bootstrapper, request: requestOf(request), ...more }, name)
}

/** Its second, made with what the first one gave it. */
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
    addresses: [parseIpv4('192.0.2.11'), parseIpv6('2001:db8::11')].filter((each) => each !== undefined),
  },
  {
    key: 'ocp45/w1',
    names: ['w1.ocp45.example.net', 'w1'],
    addresses: [parseIpv4('192.0.2.21')].filter((each) => each !== undefined),
  },
]

const minute = 60_000

/** All nodes were seen booting five to four minutes before the requests. */
const usual: Circumstances = {
  nodes: csrTestNodes,
  seen: () => ({ from: askedAt - 5 * minute, to: askedAt - 4 * minute }),
  now: askedAt + 1000,
  existingNodes: new Map(),
}

/** What becomes of a request: the reason, after `approve` or `leave`. */
export function verdict(object: unknown, more: Partial<Circumstances> = {}): string {
  const csr = readCsr(object)
  if (csr === undefined) return 'no request'
  const judged = judgeCsr(csr, { ...usual, ...more })
  return judged.kind === 'approve' ? `approve: ${judged.why}` : `leave: ${judged.reason}`
}
