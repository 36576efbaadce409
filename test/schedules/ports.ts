/** Free ports on loopback, each given out once. */
import { createServer } from 'node:net'
import { once } from 'node:events'

export type Ports = { next(): Promise<number> }

export function createPorts(first: number): Ports {
  let port = first
  return {
    async next() {
      for (;;) {
        const candidate = ++port
        if (await isFree(candidate)) return candidate
      }
    },
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '0.0.0.0')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
