/**
 * A kubeconfig file as what a connection needs: where the API server is, by which authority it is known,
 * and who we are. Whatever cannot be used is a sentence that says why; it is hostile until decoded. Pure.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { readYaml } from '../site/yaml.ts'

/** PEM texts, as node:tls takes them. */
export type Credentials = {
  readonly server: URL
  /** The name in the server's certificate, when it is not the one of `server`. */
  readonly serverName?: string
  /** Absent: the authorities that this machine trusts. */
  readonly authority?: string
  readonly certificate?: string
  readonly key?: string
  readonly token?: string
  /** When the client certificate ends, milliseconds since 1970. */
  readonly expiresAt?: number
}

/** What a kubeconfig cannot be used for, the end of a sentence that begins with its path. */
export class BadKubeconfig extends Error {
  override readonly name = 'BadKubeconfig'
}

/** The text of a file that the kubeconfig names; its own errors end the reading. */
type ReadFile = (path: string) => string

const text = z.string().optional()

// Loose, because a kubeconfig holds much that is not for us (preferences, extensions).
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
  const { mistakes, tree } = readYaml(content)
  const [mistake] = mistakes
  if (mistake !== undefined) {
    throw new BadKubeconfig(`is not YAML: line ${mistake.line}, column ${mistake.column}: ${mistake.message}`)
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
  throw new BadKubeconfig(`is no kubeconfig: ${path === '' ? 'it' : path} is not what belongs there`)
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
  if (server?.protocol !== 'https:' || server.username !== '') {
    throw new BadKubeconfig(`has the server ${JSON.stringify(cluster.server)}, expected https://NAME:PORT`)
  }
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new BadKubeconfig(
      'says insecure-skip-tls-verify, so anybody could answer; give it certificate-authority-data instead',
    )
  }
  if ((cluster['proxy-url'] ?? '') !== '') {
    throw new BadKubeconfig('leads through a proxy (proxy-url), and slipway asks the server itself')
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
  for (const way of ['exec', 'auth-provider'] as const) {
    if (user[way] === undefined || user[way] === null) continue
    throw new BadKubeconfig(
      `logs in by running another program (${way}), which a service does not do; ` +
        'use the one that openshift-install wrote, or one with a token',
    )
  }
  if ((user.as ?? '') !== '') throw new BadKubeconfig('acts as another user (as), which is not supported')
  const certificate = pem(user, 'client-certificate', readFile)
  const key = pem(user, 'client-key', readFile)
  const token = (user.token ?? (user.tokenFile === undefined ? '' : readFile(user.tokenFile))).trim()
  if (certificate !== undefined && key !== undefined) {
    return {
      certificate,
      key,
      expiresAt: checkPair(certificate, key),
      ...(token === '' ? {} : { token }),
    }
  }
  if (certificate !== undefined || key !== undefined) {
    const [there, missing] = certificate === undefined ? ['key', 'certificate'] : ['certificate', 'key']
    throw new BadKubeconfig(`has a client-${there} but no client-${missing}`)
  }
  // What a header can carry; a token is base64url and dots, or a word of 256 bits.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new BadKubeconfig(
      token !== ''
        ? 'has a token that is not one word'
        : user.username !== undefined
          ? 'logs in by name and password, which OpenShift does not take; log in by `oc login` for a token'
          : 'has neither a client certificate nor a token',
    )
  }
  return { token }
}

/** The base64 in `<name>-data`, or the file that `<name>` names. */
function pem(
  entry: Readonly<Record<string, unknown>>,
  name: 'certificate-authority' | 'client-certificate' | 'client-key',
  readFile: ReadFile,
): string | undefined {
  const data = entry[`${name}-data`] as string | undefined
  // As kubectl does: data counts before a file.
  if (data !== undefined && data !== '') {
    const decoded = Buffer.from(data, 'base64').toString('latin1')
    if (decoded.startsWith('-----BEGIN ') || decoded.includes('\n-----BEGIN ')) return decoded
    throw new BadKubeconfig(`has ${name}-data that is not PEM in base64`)
  }
  const file = entry[name] as string | undefined
  return file === undefined || file === '' ? undefined : readFile(file)
}

function certificateIn(pemText: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pemText)
  } catch {
    throw new BadKubeconfig(`has a ${name} that is no certificate`)
  }
}

/** @returns when the certificate ends */
function checkPair(certificate: string, key: string): number {
  const parsed = certificateIn(certificate, 'client-certificate')
  let isPair: boolean
  try {
    isPair = parsed.checkPrivateKey(createPrivateKey(key))
  } catch {
    throw new BadKubeconfig('has a client-key that is no private key')
  }
  if (!isPair) throw new BadKubeconfig('has a client-key that is not the one of its client-certificate')
  return Date.parse(parsed.validTo)
}
