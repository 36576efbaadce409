/**
 * Connections of the command line to the API: on the control socket of this machine, or over TLS to a server
 * (`slipway --server`). The server is verified by its certificate authority, or by the fingerprint of its certificate.
 */
import { once } from 'node:events'
import type { ClientRequest, RequestOptions } from 'node:http'
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import type { TLSSocket } from 'node:tls'
import { request } from '../host/http.ts'
import { fileProblem } from '../text/file-problem.ts'
import { isRemote } from './server-options.ts'

type Environment = Record<string, string | undefined>

/**
 * Opens a request, which the caller ends.
 *
 * @param target path of the control socket, or URL of a server
 * @throws {Error} if the server cannot be reached or verified
 */
export async function openRequest(
  target: string,
  options: Omit<RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
  environment: Environment = process.env,
): Promise<ClientRequest> {
  const { headers } = options
  if (!isRemote(target)) {
    return request({ ...options, socketPath: target, headers: { ...headers, ...userHeaders(environment) } })
  }
  const { hostname, host, port } = new URL(target)
  const tokenFile = environment['SLIPWAY_TOKEN_FILE']
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443 }
  const socket = await connectTls(address, environment, options)
  return request({
    ...options,
    createConnection: () => socket,
    headers: { ...headers, host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  })
}

/** Returns the name for the log of the server; with sudo, that of the user who called it. */
function userHeaders(environment: Environment): Record<string, string> {
  try {
    const name = environment['SUDO_USER'] ?? userInfo().username
    return { 'slipway-user': name.replace(/[^\w.@-]/g, '_') }
  } catch {
    // A container can run as a user without a name.
    return {}
  }
}

async function connectTls(
  { host, port }: { readonly host: string; readonly port: number },
  environment: Environment,
  { timeout = 10_000, signal }: Pick<RequestOptions, 'timeout' | 'signal'>,
): Promise<TLSSocket> {
  const read = async (name: string): Promise<string | undefined> => {
    const file = environment[name]
    return file === undefined ? undefined : readFile(file, 'utf8')
  }
  const [ca, cert, key] = await Promise.all(
    ['SLIPWAY_CA_FILE', 'SLIPWAY_CERT_FILE', 'SLIPWAY_KEY_FILE'].map(read),
  )
  const expected = environment['SLIPWAY_FINGERPRINT']
  const { isIP } = process.getBuiltinModule('node:net')
  const socket = process.getBuiltinModule('node:tls').connect({
    ...{ host, port, ca, cert, key },
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // A fingerprint proves the identity of the server without a CA.
    rejectUnauthorized: expected === undefined,
  })
  const late = setTimeout(
    () => socket.destroy(new Error(`no connection within ${timeout / 1000} s`)),
    timeout,
  )
  try {
    await once(socket, 'secureConnect', signal === undefined ? {} : { signal })
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
  const actual = socket.getPeerCertificate().fingerprint256
  if (expected !== undefined && normalized(expected) !== normalized(actual)) {
    socket.destroy()
    throw new Error(
      `its certificate has the fingerprint ${actual}, expected ${expected}; compare it with the one that slipway status prints on the server`,
    )
  }
  return socket
}

/** Removes colons and the prefix that openssl prints: `sha256 Fingerprint=`. */
function normalized(fingerprint: string): string {
  return fingerprint
    .replace(/^.*=/, '')
    .replace(/[^0-9A-Fa-f]/g, '')
    .toUpperCase()
}

/** Explains an error of a connection, with what to do. */
export function explainFailure(target: string, error: NodeJS.ErrnoException): string {
  const { code, message, path } = error
  if (isRemote(target)) {
    // The file of a token, a certificate, or a key.
    return path === undefined ? explainRemote(code, message) : fileProblem('read', path, error)
  }
  switch (code) {
    case 'ENOENT':
      return 'the socket does not exist; check that slipway runs (systemctl status slipway), or specify its socket with --control PATH or SLIPWAY_CONTROL'
    case 'ECONNREFUSED':
      return 'slipway is not running; start it (systemctl start slipway)'
    case 'EACCES':
    case 'EPERM':
      return `permission denied for user ${userInfo().username}; run as root (sudo), or join the group slipway`
    default:
      return message
  }
}

/** Explains a refused login on the command line, where credentials come from options. */
export function explainLogin(target: string, error: string, environment: Environment = process.env): string {
  const tokenFile = environment['SLIPWAY_TOKEN_FILE']
  if (tokenFile !== undefined) {
    return `${target} refuses the token in ${tokenFile}: write a token of "slipway token create" to it, or name another file with --token-file`
  }
  if (environment['SLIPWAY_CERT_FILE'] !== undefined) return error
  return `${target} needs a login: add --token-file FILE with a token of "slipway token create", or --cert-file and --key-file`
}

function explainRemote(code: string | undefined, message: string): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'its certificate is not trusted; add --fingerprint with the value that slipway status prints on the server, or --ca-file'
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it does not use TLS at this port; specify the port of the section api of its site file'
    case 'ECONNREFUSED':
      return 'the connection was refused; check the section api of its site file, and that slipway runs'
    default:
      return message
  }
}
