/** One request to a registry over TLS, as a node makes it: with the CA and the password of install-config.yaml. */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { getCACertificates, type TLSSocket } from 'node:tls'
import { createConnection } from 'node:net'

export type RegistryAnswer = {
  readonly status?: number
  /** The end of the validity of its certificate, milliseconds since 1970. */
  readonly expiresAt?: number
  /** Why there is no response: the rest of a sentence. */
  readonly problem?: string
  /** Whether the problem is its certificate. */
  readonly isCertificate?: true
}

export type RegistryAccess = {
  /** PEM certificates beside those of this machine. */
  readonly trustBundle: string | undefined
  /** HTTP Basic authentication in base64. */
  readonly authorization: string | undefined
}

const timeoutMs = 8000

const certificateErrors: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'the CA of its certificate is not in additionalTrustBundle',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not in additionalTrustBundle',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the CA of its certificate is not in additionalTrustBundle',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the CA of its certificate is not in additionalTrustBundle',
  UNABLE_TO_GET_ISSUER_CERT: 'its chain of certificates is not complete',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate does not have this name in subjectAltName',
}

/** Asks a registry, and the server of its tokens if it names one (OCI distribution, token authentication). Never rejects. */
export async function askRegistry(url: string, access: RegistryAccess): Promise<RegistryAnswer> {
  const first = await ask(url, access)
  const challenge = first.challenge
  if (first.answer.status !== 401 || challenge === undefined || access.authorization === undefined) {
    return first.answer
  }
  const token = await ask(challenge, access, true)
  if (token.token === undefined) return { ...first.answer, status: 401 }
  return (await ask(url, { ...access, authorization: undefined }, false, token.token)).answer
}

type Asked = { readonly answer: RegistryAnswer; readonly challenge?: string; readonly token?: string }

function ask(
  url: string,
  { trustBundle, authorization }: RegistryAccess,
  readsToken = false,
  token?: string,
): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>()
  const given = token === undefined ? authorization && `Basic ${authorization}` : `Bearer ${token}`
  const ca = [
    ...getCACertificates('default'),
    ...getCACertificates('system'),
    ...(trustBundle === undefined ? [] : [trustBundle]),
  ]
  const asking = request(url, { ca, agent: false, headers: { ...(given && { authorization: given }) } })
  const timer = setTimeout(
    () => asking.destroy(new Error(`no response within ${timeoutMs / 1000} s`)),
    timeoutMs,
  )
  asking.once('response', (response) => {
    const { valid_to: validTo } = (
      response.socket as unknown as Pick<TLSSocket, 'getPeerCertificate'>
    ).getPeerCertificate()
    const answer = { status: response.statusCode as number, expiresAt: Date.parse(validTo) }
    const challenge = challengeOf(response, url)
    void (readsToken ? tokenIn(response) : Promise.resolve(undefined)).then((found) => {
      response.destroy()
      resolve({ answer, ...(challenge && { challenge }), ...(found && { token: found }) })
    })
  })
  asking.once('close', () => clearTimeout(timer))
  asking.on('error', (error: NodeJS.ErrnoException) => {
    const reason = certificateErrors[error.code ?? '']
    resolve({
      answer: reason === undefined ? { problem: error.message } : { problem: reason, isCertificate: true },
    })
  })
  asking.end()
  return promise
}

/** Returns the URL of the token for the requested repository. */
function challengeOf({ headers }: IncomingMessage, url: string): string | undefined {
  const header = headers['www-authenticate'] ?? ''
  const realm = /^Bearer .*?realm="([^"]+)"/i.exec(header)?.[1]
  if (realm === undefined || !URL.canParse(realm)) return undefined
  const token = new URL(realm)
  for (const name of ['service', 'scope']) {
    const value = new RegExp(`${name}="([^"]+)"`).exec(header)?.[1]
    if (value !== undefined) token.searchParams.set(name, value)
  }
  // The password is sent only over TLS, and only to the host of the registry or below its domain.
  const [own, other] = [new URL(url).hostname, token.hostname]
  const domain = own.slice(own.indexOf('.') + 1)
  const isNear = other === own || other === domain || other.endsWith(`.${domain}`)
  return token.protocol === 'https:' && isNear ? token.href : undefined
}

const maxTokenBytes = 64 * 1024

async function tokenIn(response: IncomingMessage): Promise<string | undefined> {
  try {
    let text = ''
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString()
      if (text.length > maxTokenBytes) return undefined
    }
    const { token, access_token: other } = JSON.parse(text) as Record<string, unknown>
    const found = token ?? other
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined
  } catch {
    return undefined
  }
}

const connectMs = 3000

/** Connects over TCP. Returns why that failed: the rest of a sentence. */
export function connectProblem(address: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = createConnection({ host: address, port, timeout: connectMs })
  socket.once('connect', () => resolve(undefined))
  socket.once('timeout', () => resolve(`no answer within ${connectMs / 1000} s`))
  socket.once('error', ({ code }: NodeJS.ErrnoException) =>
    resolve(code === 'ECONNREFUSED' ? 'the connection is refused' : `cannot connect (${code})`),
  )
  return promise.finally(() => socket.destroy())
}
