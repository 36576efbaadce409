/**
 * Verified connections to a BMC: no request, and so no password, is sent before the certificate was checked. BMCs have
 * self-signed certificates, so by default the first fingerprint is kept and another one refused.
 */
import { once } from 'node:events'
import type { Agent as HttpAgent } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Agent } from '../../host/http.ts'
import { BmcProblem } from '../problem.ts'

export type Trust =
  /** PEM text of the accepted CAs. */
  | { readonly kind: 'ca'; readonly ca: string }
  | {
      readonly kind: 'pin'
      readonly expected: string | undefined
      /** Called with the first fingerprint. @throws {BmcProblem} when it cannot be kept */
      readonly keep: (fingerprint: string) => Promise<void>
    }

export type Peer = {
  /** How messages name the BMC. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly isPlain: boolean
}

/** Old BMCs have RSA keys of 1024 bits, which the default level refuses. */
const ciphers = 'DEFAULT:@SECLEVEL=0'

/** Returns an agent with one connection, which is verified when it is opened. */
export function createAgent(peer: Peer, trust: Trust, timeoutMs: number): HttpAgent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  type Opened = (error: Error | null, socket?: Socket) => void
  const createConnection = (_options: unknown, opened: Opened): void => {
    openConnection(peer, trust, timeoutMs).then(
      (socket) => opened(null, socket),
      (error: unknown) => opened(error as Error),
    )
  }
  return Object.assign(agent, { createConnection })
}

/** @throws {BmcProblem} */
async function openConnection(peer: Peer, trust: Trust, timeoutMs: number): Promise<Socket> {
  if (peer.isPlain) {
    const socket = connectTcp(peer.port, peer.host)
    await connected(socket, 'connect', peer, timeoutMs)
    return socket
  }
  const socket = await openTls(peer, trust.kind === 'ca' ? trust.ca : undefined, timeoutMs)
  try {
    await verify(socket, peer, trust)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Returns the fingerprint (SHA-256) of the certificate that the BMC shows, without verifying it. @throws {BmcProblem} */
export async function readFingerprint(peer: Peer, timeoutMs: number): Promise<string> {
  const socket = await openTls(peer, undefined, timeoutMs)
  const fingerprint = fingerprintOf(socket)
  socket.destroy()
  return fingerprint
}

async function openTls(peer: Peer, ca: string | undefined, timeoutMs: number): Promise<TLSSocket> {
  const { host, port } = peer
  const socket = connectTls({
    ...{ host, port, ciphers, ALPNProtocols: ['http/1.1'] },
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: ca !== undefined,
  })
  await connected(socket, 'secureConnect', peer, timeoutMs)
  return socket
}

async function connected(socket: Socket, event: string, peer: Peer, timeoutMs: number): Promise<void> {
  const late = AbortSignal.timeout(timeoutMs)
  try {
    await once(socket, event, { signal: late })
    // The agent handles later errors; until then there must be a listener.
    socket.on('error', () => undefined)
  } catch (error) {
    socket.on('error', () => undefined).destroy()
    throw late.aborted
      ? unreachable(peer, `no connection within ${timeoutMs / 1000} s`)
      : connectionProblem(peer, error as NodeJS.ErrnoException)
  }
}

async function verify(socket: TLSSocket, peer: Peer, trust: Trust): Promise<void> {
  if (trust.kind === 'ca') return
  const actual = fingerprintOf(socket)
  if (trust.expected === undefined) await trust.keep(actual)
  else if (trust.expected !== actual) {
    throw new BmcProblem(
      'bmc.certificate-changed',
      `the certificate of BMC ${peer.name} changed: it has the fingerprint ${actual}, and slipway saw ${trust.expected} before; if the BMC got a new certificate, accept it with "slipway power trust NODE --fingerprint ${actual}"`,
    )
  }
}

function fingerprintOf(socket: TLSSocket): string {
  return socket.getPeerCertificate().fingerprint256
}

function connectionProblem(peer: Peer, { code = '', message }: NodeJS.ErrnoException): BmcProblem {
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME|ISSUER/.test(code)
  if (!isCertificate) return unreachable(peer, message)
  return new BmcProblem(
    'bmc.certificate-untrusted',
    `the certificate of BMC ${peer.name} is not accepted (${message}): correct bmc.ca, or install a certificate of that CA on the BMC`,
  )
}

function unreachable({ name }: Peer, why: string): BmcProblem {
  const text = `BMC ${name} does not answer (${why}): check its address and the management network`
  return new BmcProblem('bmc.unreachable', text)
}
