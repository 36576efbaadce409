/**
 * Decodes a kubeconfig into what a connection needs: the server, its certificate authority, and the client's identity.
 * The content is not trusted. A setting that slipway cannot use is an error with the reason. Pure.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
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

// A kubeconfig holds other data too, for example preferences and extensions.
const clusterFields = {
  server: 'string',
  'certificate-authority': 'string?',
  'certificate-authority-data': 'string?',
  'tls-server-name': 'string?',
  'insecure-skip-tls-verify': 'boolean?',
  'proxy-url': 'string?',
} as const
const userFields = {
  'client-certificate': 'string?',
  'client-certificate-data': 'string?',
  'client-key': 'string?',
  'client-key-data': 'string?',
  token: 'string?',
  tokenFile: 'string?',
  username: 'string?',
  as: 'string?',
} as const
const contextFields = { cluster: 'string', user: 'string' } as const
const documentFields = { 'current-context': 'string' } as const

type Types = { string: string; 'string?': string | undefined; 'boolean?': boolean | undefined }
type Fields<Shape> = { readonly [Name in keyof Shape]: Types[Shape[Name] & keyof Types] }
type Entry = Readonly<Record<string, unknown>>

/** @throws {BadKubeconfig} */
export function decodeKubeconfig(content: string, readFile: ReadFile): Credentials {
  const { errors, tree } = readYaml(content)
  const [error] = errors
  if (error !== undefined) {
    throw new BadKubeconfig(`is not YAML: line ${error.line}, column ${error.column}: ${error.message}`)
  }
  const config = decode(documentFields, tree?.value, '')
  const lists = decodeLists(config)
  const current = config['current-context']
  if (current === '') throw new BadKubeconfig('has no current-context')
  const context = decode(contextFields, entry(lists.contexts, 'context', current), `context ${current}`)
  const cluster = decode(
    clusterFields,
    entry(lists.clusters, 'cluster', context.cluster),
    `cluster ${context.cluster}`,
  )
  const user = decode(userFields, entry(lists.users, 'user', context.user), `user ${context.user}`)
  return { ...connectionOf(cluster, readFile), ...identityOf(user, readFile) }
}

/**
 * Returns the value as an object with these fields, and all others as they are. It is checked here, because the packages
 * that validate the site file take 20 MiB of memory.
 *
 * @param where of the value, for the error
 */
function decode<const Shape extends Readonly<Record<string, keyof Types>>>(
  shape: Shape,
  value: unknown,
  where: string,
): Fields<Shape> & Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notKubeconfig(where)
  for (const [name, type] of Object.entries(shape)) {
    const field = (value as Entry)[name]
    const isAbsent = field === undefined && type.endsWith('?')
    if (!isAbsent && typeof field !== type.replace('?', '')) throw notKubeconfig(join(where, name))
  }
  return value as Fields<Shape> & Entry
}

/** Returns the named entries of the lists of a kubeconfig. */
function decodeLists(config: Entry): Readonly<Record<'clusters' | 'contexts' | 'users', readonly Entry[]>> {
  const listOf = (name: string): readonly Entry[] => {
    const list = config[name]
    if (!Array.isArray(list)) throw notKubeconfig(name)
    return list.map((each, index) => decode({ name: 'string' } as const, each, `${name}.${index}`))
  }
  return { clusters: listOf('clusters'), contexts: listOf('contexts'), users: listOf('users') }
}

function notKubeconfig(path: string): BadKubeconfig {
  return new BadKubeconfig(
    `is not a kubeconfig: ${path === '' ? 'the document' : path} is missing or of the wrong type`,
  )
}

const join = (where: string, name: string): string => (where === '' ? name : `${where}.${name}`)

function entry(list: readonly Entry[], kind: 'cluster' | 'context' | 'user', name: string): unknown {
  const found = list.find((each) => each['name'] === name)
  if (found === undefined) throw new BadKubeconfig(`has no ${kind} ${JSON.stringify(name)}`)
  return found[kind]
}

function connectionOf(
  cluster: Fields<typeof clusterFields>,
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

function identityOf(user: Fields<typeof userFields> & Entry, readFile: ReadFile): Partial<Credentials> {
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
