/**
 * A session with a BMC (DSP0266 §13.3.4), or Basic authentication where a BMC has no session service or no free session. Sessions
 * are few, so each operation ends its own, even if it failed.
 */
import type { Credentials } from '../credentials.ts'
import { BmcProblem } from '../problem.ts'
import type { Peer } from './connection.ts'
import {
  createExchange,
  errorText,
  isSessionLimit,
  type Answer,
  type Call,
  type ExchangeOptions,
} from './exchange.ts'
import { linkAt, type Json } from './json.ts'

export type Session = {
  readonly peer: Peer
  /** The service root. */
  readonly root: Json
  /** Returns a successful response. @throws {BmcProblem} */
  get(path: string): Promise<Answer>
  /** Returns the response, whatever its status; refused credentials are a problem. @throws {BmcProblem} */
  send(call: Call): Promise<Answer>
}

const rootPath = '/redfish/v1/'

/** Opens a session, runs `use`, and ends the session. @throws {BmcProblem} */
export async function withSession<T>(
  options: ExchangeOptions,
  credentials: Credentials,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { peer } = options
  const exchange = createExchange(options)
  let logout: Call | undefined
  try {
    const root = readRoot(peer, await exchange.send({ method: 'GET', path: rootPath }))
    const opened = await logIn(linkAt(root, 'Links', 'Sessions'))
    logout = opened.logout
    const send = async (call: Call): Promise<Answer> => {
      const answer = await exchange.send({ ...call, headers: { ...call.headers, ...opened.headers } })
      if (answer.status === 401 || answer.status === 403)
        throw refusedCredentials(peer, answer, opened.isFallback)
      return answer
    }
    const get = async (path: string): Promise<Answer> => {
      const answer = await send({ method: 'GET', path })
      if (answer.status === 200) return answer
      throw new BmcProblem('bmc.refused', `BMC ${peer.name} does not return ${path} (${errorText(answer)})`)
    }
    return await use({ peer, root, send, get })
  } finally {
    // A session that is left open expires after some minutes.
    if (logout !== undefined) await exchange.send({ ...logout, isRepeatable: false }).catch(() => undefined)
    exchange.close()
  }

  async function logIn(path: string | undefined) {
    const { username: UserName, password: Password } = credentials
    const basic = {
      headers: { authorization: `Basic ${Buffer.from(`${UserName}:${Password}`).toString('base64')}` },
      logout: undefined,
    }
    if (path === undefined) return { ...basic, isFallback: false }
    const answer = await exchange.send({ method: 'POST', path, body: { UserName, Password } })
    const token = answer.headers['x-auth-token']
    if (typeof token === 'string') {
      const headers = { 'x-auth-token': token }
      const own = pathOf(answer.headers.location) ?? linkAt(answer.body)
      return {
        headers,
        logout: own === undefined ? undefined : ({ method: 'DELETE', path: own, headers } as const),
        isFallback: false,
      }
    }
    if (isSessionLimit(answer)) return { ...basic, isFallback: true }
    if ([400, 401, 403].includes(answer.status)) throw refusedCredentials(peer, answer, false)
    return { ...basic, isFallback: false }
  }
}

/** A BMC can write the location with its own name. */
function pathOf(location: string | undefined): string | undefined {
  return location === undefined ? undefined : /^(?:https?:\/\/[^/]+)?(\/.+)$/.exec(location)?.[1]
}

function readRoot(peer: Peer, answer: Answer): Json {
  if (answer.status === 401) throw refusedCredentials(peer, answer, false)
  if (answer.status === 200 && linkAt(answer.body, 'Systems') !== undefined) return answer.body
  throw new BmcProblem(
    'bmc.not-redfish',
    `BMC ${peer.name} does not answer with Redfish (HTTP ${answer.status}): check the address, enable Redfish on the BMC, or set protocol: ipmi`,
  )
}

function refusedCredentials(peer: Peer, answer: Answer, isFallback: boolean): BmcProblem {
  if (isFallback || isSessionLimit(answer)) {
    return new BmcProblem(
      'bmc.no-sessions',
      `all sessions of BMC ${peer.name} are in use: end sessions in its web page, or wait until they expire`,
    )
  }
  return new BmcProblem(
    'bmc.credentials-refused',
    `BMC ${peer.name} refused the user name or the password (${errorText(answer)}): correct the credentials file; it is read for each command`,
  )
}
