/** Certificate requests as kubelets send them, created with openssl, and all kinds of invalid ones. */
import { join } from 'node:path'
import { guide } from '../guide-site.ts'
import { output } from '../process.ts'
import type { ApiObject } from '../../support/api-server.ts'

export const csrsPath = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

const bootstrapper = 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper'
const bootstrapperGroups = [
  'system:serviceaccounts',
  'system:serviceaccounts:openshift-machine-config-operator',
  'system:authenticated',
]

/** A certificate request without its name. */
export type Request = {
  readonly subject: string
  /** In the syntax of openssl: `DNS:w1.example.net,IP:192.0.2.1`. */
  readonly names?: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly createdAt?: Date
  /** Changes the PEM of openssl. */
  readonly corrupt?: (pem: string) => string
}

const subjectOf = (fqdn: string): string => `/O=system:nodes/CN=system:node:${fqdn}`
const fqdnOf = (node: string): string => `${node}.${guide.domain}`

/** Returns the first request of a kubelet, for its client certificate. */
export function clientRequest(node: string): Request {
  return {
    subject: subjectOf(fqdnOf(node)),
    spec: {
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      username: bootstrapper,
      groups: bootstrapperGroups,
      usages: ['digital signature', 'client auth'],
    },
  }
}

/** Returns the second request, which the kubelet sends as the registered node. */
export function servingRequest(node: string, address: string): Request {
  const fqdn = fqdnOf(node)
  return {
    subject: subjectOf(fqdn),
    names: `DNS:${fqdn},IP:${address}`,
    spec: {
      signerName: 'kubernetes.io/kubelet-serving',
      username: `system:node:${fqdn}`,
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'server auth'],
    },
  }
}

/** Creates the request with openssl and a new key. */
export async function csrObject(dir: string, name: string, request: Request): Promise<ApiObject> {
  const { subject, names, spec, createdAt, corrupt = (pem: string) => pem } = request
  const pem = await output([
    ...['openssl', 'req', '-new', '-utf8', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', join(dir, 'kubelet.key'), '-subj', subject],
    ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`]),
  ])
  const creationTimestamp = createdAt?.toISOString()
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    spec: { ...spec, request: Buffer.from(corrupt(pem)).toString('base64') },
    status: {},
  }
}

export type InvalidRequest = { readonly name: string; readonly request: Request; readonly reason: RegExp }

const hourMs = 3_600_000
const ago = (ms: number): Date => new Date(Date.now() - ms)

/**
 * Returns requests with one error each. Unless that is the error, the node was seen booting.
 *
 * @param node has booted and is not in the cluster yet
 * @param joined has booted and is in the cluster
 * @param absent is declared, but did not boot
 */
export function invalidRequests(
  node: GuideMachine,
  joined: GuideMachine,
  absent: GuideMachine,
): readonly InvalidRequest[] {
  const client = clientRequest(node.name)
  const serving = servingRequest(node.name, node.address)
  const clientWith = (spec: Request['spec']): Request => ({ ...client, spec: { ...client.spec, ...spec } })
  const servingWith = (spec: Request['spec']): Request => ({ ...serving, spec: { ...serving.spec, ...spec } })
  const named = (names: string): Request => ({ ...serving, names })
  const fqdn = fqdnOf(node.name)
  return [
    {
      name: 'client-wrong-groups',
      request: clientWith({ groups: [...bootstrapperGroups, 'system:masters'] }),
      reason: /is in the groups .*system:masters.*, expected those of the node-bootstrapper$/,
    },
    {
      name: 'client-wrong-requestor',
      request: clientWith({ username: 'system:serviceaccount:default:default' }),
      reason: /^its requester is "system:serviceaccount:default:default"/,
    },
    {
      name: 'client-wrong-organization',
      request: { ...client, subject: `/O=system:masters/CN=system:node:${fqdn}` },
      reason: /^its organization is "system:masters"/,
    },
    {
      name: 'client-two-organizations',
      request: { ...client, subject: `/O=system:nodes/O=system:masters/CN=system:node:${fqdn}` },
      reason: /^its organization is "system:nodes, system:masters"/,
    },
    {
      name: 'client-extra-name',
      request: { ...client, names: `DNS:${fqdn}` },
      reason: /in a client certificate, expected none$/,
    },
    {
      name: 'client-extra-usage',
      request: clientWith({ usages: ['digital signature', 'client auth', 'server auth'] }),
      reason: /^its usages are "digital signature, client auth, server auth"/,
    },
    {
      name: 'client-wrong-signer',
      request: clientWith({ signerName: 'kubernetes.io/kube-apiserver-client' }),
      reason: /^its signer is "kubernetes\.io\/kube-apiserver-client", which is not for kubelets$/,
    },
    {
      name: 'client-not-declared',
      request: clientRequest('w9'),
      reason: /^"w9\..*" is not a declared node of this cluster$/,
    },
    {
      name: 'client-of-the-bootstrap',
      request: clientRequest('bs'),
      reason: /^"bs\..*" is not a declared node of this cluster$/,
    },
    {
      name: 'client-not-seen-booting',
      request: clientRequest(absent.name),
      reason: new RegExp(`^ocp45/${absent.name} was not seen booting$`),
    },
    {
      name: 'client-before-its-boot',
      request: { ...client, createdAt: ago(hourMs) },
      reason: new RegExp(`^the request is .* older than the boot of ocp45/${node.name}$`),
    },
    {
      name: 'client-expired',
      request: { ...client, createdAt: ago(25 * hourMs) },
      reason: /^it is more than one day old$/,
    },
    {
      name: 'client-from-the-future',
      request: { ...client, createdAt: ago(-hourMs) },
      reason: /^its creation time is in the future/,
    },
    {
      name: 'client-for-years',
      request: clientWith({ expirationSeconds: 10 * 365 * 86_400 }),
      reason: /^it asks for .*, expected at most 30 d/,
    },
    {
      name: 'client-of-a-registered-node',
      request: clientRequest(joined.name),
      reason: new RegExp(`^the cluster already has the node ${fqdnOf(joined.name)}`),
    },
    {
      name: 'client-not-its-own-key',
      request: { ...client, corrupt: otherSignature },
      reason: /^its request is not signed with its own key$/,
    },
    {
      name: 'client-garbage',
      request: { ...client, corrupt: () => 'garbage' },
      reason: /^its request is not exactly one CERTIFICATE REQUEST in PEM$/,
    },
    {
      name: 'client-garbage-in-pem',
      request: { ...client, corrupt: (pem) => pem.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA') },
      reason: /^its request /,
    },
    {
      name: 'serving-address-of-another',
      request: named(`DNS:${fqdn},IP:${node.address},IP:${joined.address}`),
      reason: new RegExp(`^the address ${joined.address} is not declared for ocp45/${node.name}$`),
    },
    {
      name: 'serving-name-of-the-api',
      request: named(`DNS:${fqdn},DNS:api.${guide.domain},IP:${node.address}`),
      reason: /^the name "api\..*" is not declared for/,
    },
    {
      name: 'serving-for-everything',
      request: named(`DNS:*.${guide.domain}`),
      reason: /^the name "\*\..*" is not declared for/,
    },
    {
      name: 'serving-email',
      request: named(`DNS:${fqdn},email:root@example.net`),
      reason: /which kubelets do not ask for$/,
    },
    {
      name: 'serving-wrong-requestor',
      request: servingWith({ username: `system:node:${fqdnOf(joined.name)}` }),
      reason: /^its requester is .*, expected the node .* itself$/,
    },
    {
      name: 'serving-wrong-groups',
      request: servingWith({ groups: ['system:authenticated'] }),
      reason: /^its requester is not in the group system:nodes$/,
    },
    {
      name: 'serving-extra-usage',
      request: servingWith({ usages: ['digital signature', 'server auth', 'client auth'] }),
      reason: /^its usages are "digital signature, server auth, client auth"/,
    },
    {
      name: 'serving-not-declared',
      request: servingRequest('w9', '172.16.0.39'),
      reason: /^"w9\..*" is not a declared node of this cluster$/,
    },
  ]
}

export type GuideMachine = { readonly name: string; readonly address: string }

/** Changes the last octet of the request, which belongs to the signature. */
function otherSignature(pem: string): string {
  const body = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64')
  body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1)
  return `-----BEGIN CERTIFICATE REQUEST-----\n${body.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}
