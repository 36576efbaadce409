/**
 * Decodes a kubeconfig into what a connection needs: the server, its certificate authority, and the client's identity.
 * The content is not trusted. A setting that slipway cannot use is an error with the reason. Pure.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { ClusterCode } from '../codes.ts'
import { BadKubeconfig } from '../connection/errors.ts'
import { readYaml } from '../../site/yaml.ts'

/** Certificates and keys are PEM, as node:tls expects them. */
export type Credentials = {
  readonly server: URL
  /** The name in the server's certificate, if it differs from the host of `server`. */
  readonly serverName?: string
  /** Absent: the certificate authorities that this machine trusts. */
  readonly authority?: string
  readonly certificate?: string
  readonly key?: string
  readonly token?: string
  /** When the client certificate expires, milliseconds since 1970. */
  readonly expiresAt?: number
}

const unsupported: ClusterCode = 'cluster.kubeconfig-unsupported'

/** Returns the text of a file that the kubeconfig names. Its errors are passed on. */
type ReadFile = (path: string) => string

const text = z.string().optional()

// Loose: a kubeconfig holds other data too, for example preferences and extensions.
const clusterShape = z.looseObject({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': z.boolean().optional(),
  'proxy-url': text,
})
const userShape = z.looseObject({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  as: text,
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
})
const contextShape = z.looseObject({ cluster: z.string(), user: z.string() })
const named = <T extends z.ZodType>(name: string, shape: T) =>
  z.array(z.looseObject({ name: z.string(), [name]: shape }))
const kubeconfigShape = z.looseObject({
  'current-context': z.string(),
  clusters: named('cluster', z.unknown()),
  contexts: named('context', z.unknown()),
  users: named('user', z.unknown()),
})

type ClusterEntry = z.output<typeof clusterShape>
type UserEntry = z.output<typeof userShape>

/** @throws {BadKubeconfig} */
export function decodeKubeconfig(content: string, readFile: ReadFile): Credentials {
  const { errors, tree } = readYaml(content)
  const [error] = errors
  if (error !== undefined) {
    throw new BadKubeconfig(`is not YAML: line ${error.line}, column ${error.column}: ${error.message}`)
  }
  const config = decode(kubeconfigShape, tree?.value, '')
  const current = config['current-context']
  if (current === '') throw new BadKubeconfig('has no current-context')
  const context = decode(contextShape, entry(config.contexts, 'context', current), `context ${current}`)
  const cluster = decode(
    clusterShape,
    entry(config.clusters, 'cluster', context.cluster),
    `cluster ${context.cluster}`,
  )
  const user = decode(userShape, entry(config.users, 'user', context.user), `user ${context.user}`)
  return { ...connectionOf(cluster, readFile), ...identityOf(user, readFile) }
}

function decode<T extends z.ZodType>(shape: T, value: unknown, where: string): z.output<T> {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const steps = result.error.issues.slice(0, 1).flatMap((issue) => issue.path)
  const path = [where, ...steps].filter((step) => step !== '').join('.')
  throw new BadKubeconfig(
    `is not a kubeconfig: ${path === '' ? 'the document' : path} is missing or of the wrong type`,
  )
}

function entry(
  list: readonly Readonly<Record<string, unknown>>[],
  kind: 'cluster' | 'context' | 'user',
  name: string,
): unknown {
  const found = list.find((each) => each['name'] === name)
  if (found === undefined) throw new BadKubeconfig(`has no ${kind} ${JSON.stringify(name)}`)
  return found[kind]
}

function connectionOf(
  cluster: ClusterEntry,
  readFile: ReadFile,
): Pick<Credentials, 'server' | 'serverName' | 'authority'> {
  const server = URL.canParse(cluster.server) ? new URL(cluster.server) : undefined
  // A final period makes a name absolute (RFC 1034 §3.1); certificates and SNI do not have it.
  if (server !== undefined) server.hostname = server.hostname.replace(/\.$/, '')
  if (server?.protocol !== 'https:' || server.username !== '') {
    throw new BadKubeconfig(`has the server ${JSON.stringify(cluster.server)}, expected https://NAME:PORT`)
  }
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new BadKubeconfig(
      'sets insecure-skip-tls-verify, which allows any server to answer; set certificate-authority-data instead',
      unsupported,
    )
  }
  if ((cluster['proxy-url'] ?? '') !== '') {
    throw new BadKubeconfig(
      'sets proxy-url, which slipway does not support: it connects directly',
      unsupported,
    )
  }
  const authority = pem(cluster, 'certificate-authority', readFile)
  if (authority !== undefined) certificateIn(authority, 'certificate-authority')
  const serverName = cluster['tls-server-name'] ?? ''
  return {
    server,
    ...(serverName === '' ? {} : { serverName }),
    ...(authority === undefined ? {} : { authority }),
  }
}

function identityOf(user: UserEntry, readFile: ReadFile): Partial<Credentials> {
  for (const method of ['exec', 'auth-provider'] as const) {
    if (user[method] === undefined || user[method] === null) continue
    throw new BadKubeconfig(
      `logs in with another program (${method}), which slipway does not run; ` +
        'use the kubeconfig that openshift-install wrote, or one with a token',
      unsupported,
    )
  }
  if ((user.as ?? '') !== '')
    throw new BadKubeconfig('impersonates another user (as), which is not supported', unsupported)
  const certificate = pem(user, 'client-certificate', readFile)
  const key = pem(user, 'client-key', readFile)
  // As in client-go, the file takes precedence over the value, because a kubelet or a login renews it.
  const tokenFile = user.tokenFile ?? ''
  const token = (tokenFile === '' ? (user.token ?? '') : readFile(tokenFile)).trim()
  if (certificate !== undefined && key !== undefined) {
    return {
      certificate,
      key,
      expiresAt: checkPair(certificate, key),
      ...(token === '' ? {} : { token }),
    }
  }
  if (certificate !== undefined || key !== undefined) {
    const [present, missing] = certificate === undefined ? ['key', 'certificate'] : ['certificate', 'key']
    throw new BadKubeconfig(`has a client-${present} but no client-${missing}`)
  }
  // The characters that a header can carry. OpenShift's tokens are base64url with dots or tildes.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    if (token !== '')
      throw new BadKubeconfig('has a token with spaces or other characters that tokens cannot contain')
    if (user.username === undefined) throw new BadKubeconfig('has neither a client certificate nor a token')
    throw new BadKubeconfig(
      'logs in with a user name and a password, which OpenShift does not accept; get a token with `oc login`',
      unsupported,
    )
  }
  return { token }
}

/** Returns the PEM in `<name>-data`, or in the file that `<name>` names. */
function pem(
  entry: Readonly<Record<string, unknown>>,
  name: 'certificate-authority' | 'client-certificate' | 'client-key',
  readFile: ReadFile,
): string | undefined {
  const data = entry[`${name}-data`] as string | undefined
  // As in kubectl, data takes precedence over a file.
  if (data !== undefined && data !== '') {
    const decoded = Buffer.from(data, 'base64').toString('latin1')
    if (decoded.startsWith('-----BEGIN ') || decoded.includes('\n-----BEGIN ')) return decoded
    throw new BadKubeconfig(`has a ${name}-data that is not base64-encoded PEM`)
  }
  const file = entry[name] as string | undefined
  return file === undefined || file === '' ? undefined : readFile(file)
}

function certificateIn(pemText: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pemText)
  } catch {
    throw new BadKubeconfig(`has a ${name} that is not a certificate`)
  }
}

/** Returns when the certificate expires. */
function checkPair(certificate: string, key: string): number {
  const parsed = certificateIn(certificate, 'client-certificate')
  let isPair: boolean
  try {
    isPair = parsed.checkPrivateKey(createPrivateKey(key))
  } catch {
    throw new BadKubeconfig('has a client-key that is not a private key')
  }
  if (!isPair) throw new BadKubeconfig('has a client-key that does not match its client-certificate')
  return Date.parse(parsed.validTo)
}
