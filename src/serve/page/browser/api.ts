/** Requests to the API of this server, and the session of the user. */

export type Session = {
  /** `token:ci`, `proxy:alice` */
  readonly user: string
  readonly scope: 'read' | 'operate' | 'admin'
  readonly csrf?: string
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const timeoutMs = 30_000

let session: Session | undefined

export function currentSession(): Session | undefined {
  return session
}

export function canOperate(): boolean {
  return session !== undefined && session.scope !== 'read'
}

export function canAdminister(): boolean {
  return session?.scope === 'admin'
}

/** Returns whether the user is logged in. @throws {ApiError} when the server is not reachable */
export async function readSession(): Promise<boolean> {
  try {
    session = (await send('GET', '/v1/session')) as Session
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    session = undefined
  }
  return session !== undefined
}

/** @throws {ApiError} when the token is not valid */
export async function logIn(token: string): Promise<void> {
  session = (await send('POST', '/v1/session', { token })) as Session
}

export async function logOut(): Promise<void> {
  await send('DELETE', '/v1/session')
  session = undefined
}

/** @throws {ApiError} */
export function get(path: string): Promise<unknown> {
  return send('GET', path)
}

/** @throws {ApiError} */
export function post(path: string, body?: object): Promise<unknown> {
  return send('POST', path, body)
}

/** The CSRF token changes when the server starts again. */
async function send(method: string, path: string, body?: object): Promise<unknown> {
  try {
    return await sendOnce(method, path, body)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'api.csrf-token') throw error
    await readSession()
    return sendOnce(method, path, body)
  }
}

async function sendOnce(method: string, path: string, body?: object): Promise<unknown> {
  const headers: Record<string, string> = {}
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'GET' && session?.csrf !== undefined) headers['slipway-csrf'] = session.csrf
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new ApiError(0, '', 'the server does not respond')
  }
  if (response.status === 204) return undefined
  const answer = (await response.json().catch(() => ({}))) as { code?: string; error?: string }
  if (response.ok) return answer
  const { code = '', error = `the server answered ${response.status}` } = answer
  throw new ApiError(response.status, code, error)
}
