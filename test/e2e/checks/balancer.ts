/** What checks of the load balancer share: clients of it, its server's view, and changes of the site. */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BalancerState } from '../../../src/serve/haproxy/balancer.ts'
import { Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { SiteChanges } from '../site.ts'
import { waitUntil } from './client.ts'

/** Writes the site anew and waits until the server has taken it over. */
export async function reload(rig: Rig, changes: SiteChanges = {}, limitMs = 10_000): Promise<void> {
  const since = rig.server.lines.length
  await rig.site.write(changes)
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since, limitMs })
}

/** How often the site's command was run. */
export async function reloads(rig: Rig): Promise<number> {
  return (await readFile(rig.haproxy.reloads, 'utf8')).split('\n').length - 1
}

type Health = {
  readonly counters: Readonly<Record<string, number>>
  readonly haproxy: BalancerState
}

export async function health(rig: Rig): Promise<Health> {
  // Only clients on the server itself get the whole report.
  const { stdout } = await rig.at('server', [
    'curl',
    '-sS',
    '-f',
    '-m',
    '15',
    `http://${addresses.server}/health`,
  ])
  return JSON.parse(stdout) as Health
}

export async function untilState(rig: Rig, what: string, isSo: (health: Health) => boolean): Promise<void> {
  let last: Health | undefined
  await waitUntil(what, async () => isSo((last = await health(rig))), 30_000).catch((error: unknown) => {
    const sentences = last?.haproxy.servers.map(({ sentence }) => sentence).join('; ')
    throw new Unexpected(`${(error as Error).message}; last: ${sentences ?? ''}`)
  })
}

/** The id of the process that serves, by its stats socket. */
export async function processOf(socketPath: string): Promise<string | undefined> {
  const socket = connect(socketPath)
  socket.end('show info\n')
  return /^Pid: (\d+)$/m.exec(await text(socket).catch(() => ''))?.[1]
}

/** One client after the other, all the time; `stop` gives how many were disappointed. */
export function keepAsking(rig: Rig, url: string): { stop(): Promise<number>; count(): number } {
  const run = { isOver: false, asked: 0, failed: 0 }
  const all = (async () => {
    while (!run.isOver) {
      run.asked++
      if ((await ask(rig, url)) === undefined) run.failed++
    }
  })()
  return {
    count: () => run.asked,
    async stop() {
      run.isOver = true
      await all
      return run.failed
    },
  }
}

export function curl(rig: Rig, url: string): ReturnType<Rig['at']> {
  return rig.at('client', ['curl', '-sS', '-k', '-f', '-m', '15', url])
}

/** The answer, when there is one. */
export async function ask(rig: Rig, url: string): Promise<string | undefined> {
  const { status, stdout } = await curl(rig, url)
  return status === 0 ? stdout.trim() : undefined
}

export const socketPath = (rig: Rig): string => join(rig.dir, 'haproxy.socket')

/**
 * What the newest worker process knows of its servers: `ID BACKEND ID NAME ADDRESS STATE …`, state 2 is up.
 * Nothing while the master process is being reloaded, for it then starts itself anew.
 */
export async function serversState(rig: Rig): Promise<string> {
  const socket = connect(socketPath(rig))
  socket.end('@1 show servers state\n')
  return text(socket).catch(() => '')
}
