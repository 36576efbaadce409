/**
 * Remote procedure calls to a process in another network namespace over a Unix socket, which network namespaces do not
 * separate. Request and response are one line of JSON each.
 */
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

/** Arguments and results must be JSON values. */
type Calls = Readonly<Record<string, (...args: never[]) => unknown>>

export type Remote<T extends Calls> = {
  readonly [Name in keyof T]: (...args: Parameters<T[Name]>) => Promise<Awaited<ReturnType<T[Name]>>>
}

type Reply = { readonly result?: unknown; readonly error?: string }

const limitMs = 20_000

/** Serves calls. @param path of the socket, which must not exist yet */
export function serveCalls(path: string, calls: Calls): void {
  async function reply(line: string): Promise<Reply> {
    try {
      const { name, args } = JSON.parse(line) as { name: string; args: never[] }
      return { result: await calls[name]?.(...args) }
    } catch (error) {
      return { error: (error as Error).stack ?? String(error) }
    }
  }
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    void text(socket).then(async (line) => socket.end(JSON.stringify(await reply(line))))
  }).listen(path)
}

/** Returns a client. Each call uses a new connection, and rejects if no process serves the socket. */
export function remote<T extends Calls>(path: string): Remote<T> {
  const call =
    (name: string) =>
    async (...args: readonly unknown[]): Promise<unknown> => {
      const socket = connect({ path, allowHalfOpen: true })
      socket.setTimeout(limitMs, () => socket.destroy(new Error(`${name}: no response on ${path}`)))
      socket.end(JSON.stringify({ name, args }))
      const { result, error } = JSON.parse(await text(socket)) as Reply
      if (error !== undefined) throw new Error(`${name}: ${error}`)
      return result
    }
  // Without this, `await` would treat the proxy as a promise and call `then`.
  return new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : call(String(name))) }) as Remote<T>
}
