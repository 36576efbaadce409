/** A slipway that answers what a test puts there, on a real socket: for commands that ask it again and again. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { Test } from 'tap'
import { socketPath } from './control-service.ts'

/** What is answered now; a function is asked each time. */
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
  /** All but what is only looked up. */
  const commands: string[] = []
  const server = createServer((request, response) => {
    const route = `${request.method} ${request.url}`
    if (request.method !== 'GET') commands.push(route)
    const answer = routes[route] ?? new Refused(404, `nothing answers ${route}`)
    const said = typeof answer === 'function' ? (answer as () => object)() : answer
    const [status, body] = said instanceof Refused ? [said.status, said.body] : [200, said]
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
