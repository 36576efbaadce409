/** The process `slipway serve` for tests of its signals, exit codes, and log. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { choosePorts } from '../../src/demo/demo-site.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { socketPath } from './control-service.ts'
import type { Ports } from './site-folder.ts'
import { uninstrumented } from './uninstrumented.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Apart from those of the demo, whose tests run at the same time, and different in every process. */
const offsets = Array.from({ length: 20 }, (_, index) => 30_000 + 100 * ((index + process.pid) % 20))

export async function freePorts(): Promise<Ports> {
  const chosen = await choosePorts(createSockets({}), offsets)
  if (chosen === undefined) throw new Error('no free ports')
  return chosen.ports
}

/** Starts `slipway serve` for a site file. */
export function start(t: Test, path: string, node = uninstrumented(process.execPath)) {
  return startWith(['--state', join(dirname(path), 'state'), '--control', socketPath(t), path], {}, node)
}

/**
 * Starts `slipway serve` and reads its log line by line.
 *
 * @param directories as systemd passes them to a service
 * @param node the command and its first arguments; coverage of one process is enough
 */
export function startWith(
  args: readonly string[],
  directories: Readonly<Record<string, string>> = {},
  [node, options] = uninstrumented(process.execPath),
) {
  const { PATH } = process.env
  const child = spawn(node, [...options, main, 'serve', ...args], {
    env: { PATH, ...directories },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errorOutput = ''
  child.stderr.on('data', (chunk) => (errorOutput += String(chunk)))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const guard = setTimeout(() => child.kill('SIGKILL'), 100_000)
  child.on('exit', () => clearTimeout(guard))
  return {
    child,
    /** Returns the next line with this message and skips those before it. */
    async line(message: string): Promise<Record<string, unknown>> {
      for (;;) {
        const next = await lines.next()
        if (next.done === true)
          throw new Error(`the log ended before ${JSON.stringify(message)}: ${errorOutput}`)
        const line = JSON.parse(next.value) as Record<string, unknown>
        if (line['msg'] === message) return line
      }
    },
  }
}

export async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}
