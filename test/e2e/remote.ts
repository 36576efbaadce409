/**
 * Functions of a process in another network namespace, called by checks over a Unix socket, which namespaces do not
 * part: a line of JSON there, a line back.
 */
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

/** Arguments and results are plain data. */
type Calls = Readonly<Record<string, (...args: never[]) => unknown>>

export type Remote<T extends Calls> = {
  readonly [Name in keyof T]: (...args: Parameters<T[Name]>) => Promise<Awaited<ReturnType<T[Name]>>>
}

type Answer = { readonly result?: unknown; readonly error?: string }

const limitMs = 20_000

/** @param path of the socket; nobody has it yet */
export function serveCalls(path: string, calls: Calls): void {
  async function answer(line: string): Promise<Answer> {
    try {
      const { name, args } = JSON.parse(line) as { name: string; args: never[] }
      return { result: await calls[name]?.(...args) }
    } catch (error) {
      return { error: (error as Error).stack ?? String(error) }
    }
  }
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    void text(socket).then(async (line) => socket.end(JSON.stringify(await answer(line))))
  }).listen(path)
}

/** Each call has a connection of its own; all reject while nobody serves there. */
export function remote<T extends Calls>(path: string): Remote<T> {
  const call =
    (name: string) =>
    async (...args: readonly unknown[]): Promise<unknown> => {
      const socket = connect({ path, allowHalfOpen: true })
      socket.setTimeout(limitMs, () => socket.destroy(new Error(`${name}: no answer on ${path}`)))
      socket.end(JSON.stringify({ name, args }))
      const { result, error } = JSON.parse(await text(socket)) as Answer
      if (error !== undefined) throw new Error(`${name}: ${error}`)
      return result
    }
  // A promise of it must not take it for another promise.
  return new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : call(String(name))) }) as Remote<T>
}
