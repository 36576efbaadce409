/** A fake slipway on a real socket with responses of the test, for commands that poll. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { Test } from 'tap'
import { socketPath } from './control-service.ts'

/** The current response; a function is called for each request. */
type Answer = object | (() => object)

export class Refused {
  readonly status: number
  readonly body: object

  constructor(status: number, error: string, more: object = {}) {
    this.status = status
    this.body = { error, ...more }
  }
}

export async function fakeSlipway(t: Test, routes: Record<string, Answer>) {
  const path = socketPath(t)
  /** All requests except GET. */
  const commands: string[] = []
  const server = createServer((request, response) => {
    const route = `${request.method} ${request.url}`
    if (request.method !== 'GET') commands.push(route)
    const answer = routes[route] ?? new Refused(404, `no response for ${route}`)
    const result = typeof answer === 'function' ? (answer as () => object)() : answer
    const [status, body] = result instanceof Refused ? [result.status, result.body] : [200, result]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  const open = async (): Promise<void> => {
    server.listen(path)
    await once(server, 'listening')
  }
  await open()
  t.teardown(() => (server.listening ? close() : undefined))
  return { path, routes, commands, close, open }
}
