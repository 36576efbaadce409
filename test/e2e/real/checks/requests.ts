/** Certificate requests that checks create in the real API server. */
import { join } from 'node:path'
import { expectEqual } from '../../expect.ts'
import { output } from '../../process.ts'
import { domain, type RealNode } from '../network.ts'
import type { RealRig } from '../rig.ts'

export type Request = {
  readonly name: string
  /** As openssl writes it: `/O=system:nodes/CN=system:node:w1…`. */
  readonly subject: string
  /** In the syntax of openssl. */
  readonly names?: string
  readonly signer: string
  readonly usages: readonly string[]
  readonly expirationSeconds?: number
}

export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const servingSigner = 'kubernetes.io/kubelet-serving'

/** Returns the request of a kubelet for its serving certificate, which it renews with its own client certificate. */
export function servingRequest({ name, address }: RealNode, requestName: string): Request {
  const fqdn = `${name}.${domain}`
  return {
    name: requestName,
    subject: `/O=system:nodes/CN=system:node:${fqdn}`,
    names: `DNS:${fqdn},IP:${address}`,
    signer: servingSigner,
    usages: ['digital signature', 'server auth'],
  }
}

/** Returns the object, with a new key. */
export async function requestObject({ dir }: RealRig, request: Request): Promise<object> {
  const { name, subject, names, signer, usages, expirationSeconds } = request
  const pem = await output([
    ...['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', join(dir, 'request.key'), '-subj', subject],
    ...(names === undefined ? [] : ['-addext', `subjectAltName=${names}`]),
  ])
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: signer,
      usages,
      ...(expirationSeconds !== undefined && { expirationSeconds }),
    },
  }
}

/**
 * Creates a request as a node, by impersonation: the API server then records the name and the groups of the node.
 *
 * @returns milliseconds since 1970
 */
export async function createAsNode(rig: RealRig, node: RealNode, request: Request): Promise<number> {
  const { kubectlCommand } = rig.controlPlane
  const as = ['--as', `system:node:${node.name}.${domain}`, '--as-group', 'system:nodes']
  const input = JSON.stringify(await requestObject(rig, request))
  await output(kubectlCommand([...as, '--as-group', 'system:authenticated', 'create', '-f', '-']), {
    input,
    limitMs: 60_000,
  })
  return Date.now()
}

/** @returns after how many milliseconds slipway approved it @throws {Error} if it does not in time */
export async function waitForApproval(rig: RealRig, name: string, limitMs = 30_000): Promise<number> {
  const startedAt = performance.now()
  await rig.server.waitFor(
    `the approval of ${name}`,
    ({ msg, text }) => msg === 'certificate request approved' && text.includes(`"${name}"`),
    { limitMs },
  )
  const approvedMs = performance.now() - startedAt
  const path = 'jsonpath={.status.conditions[?(@.type=="Approved")].status}'
  expectEqual(await rig.controlPlane.kubectl('get', 'csr', name, '-o', path), 'True', `${name} is approved`)
  return approvedMs
}

/** Returns the names of the requests that are neither approved nor denied. */
export async function pendingRequests({ controlPlane }: RealRig): Promise<string[]> {
  const { items } = JSON.parse(await controlPlane.kubectl('get', 'csr', '-o', 'json')) as {
    items: { metadata: { name: string }; status: { conditions?: object[] } }[]
  }
  return items.filter(({ status }) => status.conditions === undefined).map(({ metadata }) => metadata.name)
}
