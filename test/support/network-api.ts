/** The API on the network, with sample nodes in memory, on a free port of loopback; and a client for it. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { createSockets } from '../../src/host/sockets.ts'
import { compileApi, type ApiPlan, type Scope } from '../../src/plan/api.ts'

import { startNetwork, type NetworkOptions } from '../../src/serve/control/network.ts'
import { apiSection } from '../../src/site/api-section.ts'
import { serverSection } from '../../src/site/sections.ts'
import { sampleControl } from './control-service.ts'

/** @param keys of the section `api` */
export function apiPlan(keys: Parameters<typeof apiSection.parse>[0] = {}): ApiPlan {
  const server = serverSection.parse({ address: '172.16.0.101' })
  return compileApi({ api: apiSection.parse(keys), server }) as ApiPlan
}

export async function networkApi(t: Test, keys: object = {}, more: Partial<NetworkOptions> = {}) {
  const { options, ...records } = sampleControl()
  let plan: ApiPlan = { ...apiPlan(keys), port: 0 }
  const service = await startNetwork({
    ...options,
    plan: () => plan,
    directory: undefined,
    sockets: createSockets({}),
    ...more,
  })
  t.teardown(() => service.close(0))
  const port = Number(/:(\d+)$/.exec(service.listening[0] ?? '')?.[1])
  const token = async (scope: Scope, name: string = scope) =>
    (await options.tokens.create({ name, scope, createdBy: 'local' }))?.token ?? ''
  return {
    ...options,
    ...records,
    service,
    port,
    /** Creates a token and returns its secret. */
    token,
    setPlan: (next: object): void => {
      plan = { ...apiPlan(next), port: 0 }
    },
    ask: (path: string, asked: Asked = {}) => askHttps(port, path, asked),
  }
}

export type Asked = {
  readonly method?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Client certificate. */
  readonly pair?: { readonly certificate: string; readonly key: string }
}

/** Sends one request and reads its response; JSON is parsed. */
export async function askHttps(port: number, path: string, { method, token, headers, body, pair }: Asked) {
  const asked = request({
    host: '127.0.0.1',
    port,
    path,
    method: method ?? 'GET',
    rejectUnauthorized: false,
    agent: false,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.key }),
  })
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const answer = await text(response)
  const isJson = response.headers['content-type']?.startsWith('application/json') === true
  return {
    status: response.statusCode,
    headers: response.headers,
    body: (isJson ? JSON.parse(answer) : answer) as Record<string, unknown>,
  }
}
