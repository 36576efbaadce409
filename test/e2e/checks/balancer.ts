/** Helpers for checks of the load balancer: clients, and the state of its servers. */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BalancerState } from '../../../src/serve/haproxy/balancer.ts'
import { Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import { waitUntil } from './client.ts'

/** Returns how often the reload command of the site was run. */
export async function reloads(rig: Rig): Promise<number> {
  return (await readFile(rig.haproxy.reloads, 'utf8')).split('\n').length - 1
}

type Health = {
  readonly counters: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly haproxy: BalancerState
}

export async function health(rig: Rig): Promise<Health> {
  // Only clients on the server itself get the whole report.
  const { stdout } = await rig.run('server', [
    'curl',
    '-sS',
    '-f',
    '-m',
    '15',
    `http://${addresses.server}/health`,
  ])
  return JSON.parse(stdout) as Health
}

export async function untilState(
  rig: Rig,
  what: string,
  isReached: (health: Health) => boolean,
): Promise<void> {
  let last: Health | undefined
  await waitUntil(what, async () => isReached((last = await health(rig))), 30_000).catch((error: unknown) => {
    const sentences = last?.haproxy.servers.map(({ sentence }) => sentence).join('; ')
    throw new Unexpected(`${(error as Error).message}; last: ${sentences ?? ''}`)
  })
}

/** Returns the id of the active HAProxy process, from its stats socket. */
export async function processOf(socketPath: string): Promise<string | undefined> {
  const socket = connect(socketPath)
  socket.end('show info\n')
  return /^Pid: (\d+)$/m.exec(await text(socket).catch(() => ''))?.[1]
}

/** Sends requests continuously, one after the other. `stop` returns the number of failed requests. */
export function sendContinuously(rig: Rig, url: string): { stop(): Promise<number>; count(): number } {
  const run = { isStopped: false, requests: 0, failed: 0 }
  const all = (async () => {
    while (!run.isStopped) {
      run.requests++
      if ((await fetchText(rig, url)) === undefined) run.failed++
    }
  })()
  return {
    count: () => run.requests,
    async stop() {
      run.isStopped = true
      await all
      return run.failed
    },
  }
}

export function curl(rig: Rig, url: string): ReturnType<Rig['run']> {
  return rig.run('client', ['curl', '-sS', '-k', '-f', '-m', '15', url])
}

/** Returns the body of the response; undefined if the request failed. */
export async function fetchText(rig: Rig, url: string): Promise<string | undefined> {
  const { status, stdout } = await curl(rig, url)
  return status === 0 ? stdout.trim() : undefined
}

export const socketPath = (rig: Rig): string => join(rig.dir, 'haproxy.socket')

/**
 * Returns the servers of the current worker process: `ID BACKEND ID NAME ADDRESS STATE …`, where state 2 is up. Returns an
 * empty text during a reload, because the master process then restarts itself.
 */
export async function serversState(rig: Rig): Promise<string> {
  const socket = connect(socketPath(rig))
  socket.end('@1 show servers state\n')
  return text(socket).catch(() => '')
}
