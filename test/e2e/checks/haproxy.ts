/** A real HAProxy with the file that the server wrote: front ends reach the nodes behind them, reloads happen. */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, expectEqual, expectNoMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { nodes, type SiteNode } from '../site.ts'
import { settleClient, waitUntil } from './client.ts'

/** Those that stand; the other nodes' addresses are there and refuse connections. */
const standing: readonly SiteNode[] = [nodes.m1, nodes.m2, nodes.w1, nodes.w2]
const spareWorker: SiteNode = { name: 'w3', role: 'worker', mac: '52:54:00:00:00:33', address: '172.16.0.33' }

const frontEnds = [
  { name: 'kubeapi, from outside', url: `https://${addresses.api}:6443/readyz`, behind: /^m[12] 6443$/ },
  {
    name: 'kubeapi, from the nodes',
    url: `https://${addresses.apiInternal}:6443/readyz`,
    behind: /^m[12] 6443$/,
  },
  { name: 'machineconfig', url: `https://${addresses.apiInternal}:22623/healthz`, behind: /^m[12] 22623$/ },
  { name: 'workerhttp', url: `http://${addresses.api}:80/`, behind: /^w[12] 80$/ },
  { name: 'workerhttps', url: `https://${addresses.api}:443/`, behind: /^w[12] 443$/ },
] as const

export const haproxyChecks: readonly Check[] = [
  {
    name: 'haproxy: accepts the written file and starts with it',
    async run(rig) {
      await settleClient(rig)
      const { status, stdout, stderr } = await rig.at('server', ['haproxy', '-c', '-f', rig.site.haproxyPath])
      expectEqual(status, 0, `haproxy -c (${stdout}${stderr})`)
      expectNoMatch(stdout + stderr, /WARNING|ALERT/, 'haproxy -c')
      await startBackEnds(rig)
      // -W: a master process that starts workers, as Debian's unit does; -S: its command line on a socket.
      const options = [
        '-W',
        '-db',
        '-p',
        rig.haproxy.pidFile,
        '-S',
        socketPath(rig),
        '-f',
        rig.site.haproxyPath,
      ]
      const haproxy = rig.beside('server', 'haproxy', ['haproxy', ...options])
      await waitUntil('the first answer of the front end', async () => {
        return !haproxy.isRunning() || (await ask(rig, frontEnds[3].url)) !== undefined
      })
      const log = await readFile(join(rig.dir, 'haproxy.log'), 'utf8')
      expect(haproxy.isRunning(), `haproxy ended:\n${log.trim()}`)
      return undefined
    },
  },
  {
    name: 'haproxy: every front end leads to the nodes that stand, and to no other',
    limitMs: 60_000,
    async run(rig) {
      await settleClient(rig)
      for (const { name, url, behind } of frontEnds) {
        const answers = (): Promise<(string | undefined)[]> =>
          Promise.all(Array.from({ length: 6 }, () => ask(rig, url)))
        // Checks come every ten seconds: by then HAProxy knows which back ends are there.
        let last: (string | undefined)[] = []
        const areRight = async (): Promise<boolean> => {
          last = await answers()
          return last.every((answer) => answer !== undefined && behind.test(answer))
        }
        await waitUntil(`${name} to answer from the right nodes`, areRight, 25_000).catch(
          (error: unknown) => {
            throw new Unexpected(`${(error as Error).message}; last answers: ${last.join(', ')}`)
          },
        )
      }
      return undefined
    },
  },
  {
    name: 'haproxy: machine configs are not to be had on the public address',
    async run(rig) {
      const { status } = await curl(rig, `https://${addresses.api}:22623/config/master`)
      expectEqual(status, 7, "curl's exit code (7: connection refused)")
      return undefined
    },
  },
  {
    name: 'haproxy: is reloaded when the site changes its file, and only then',
    limitMs: 60_000,
    async run(rig) {
      const count = async (): Promise<number> =>
        (await readFile(rig.haproxy.reloads, 'utf8')).split('\n').length - 1
      const before = await count()
      try {
        await reload(rig, { spareWorker })
        expectEqual(await count(), before + 1, 'reloads after a worker was added')
        const ready = /^\d+ workerhttps \d+ w3 172\.16\.0\.33 2 /m
        await waitUntil(
          'the new worker to be known and up',
          async () => ready.test(await serversState(rig)),
          20_000,
        )
        await reload(rig, {
          spareWorker,
          extraHosts: ['{ name: other.example.localdomain, address: 172.16.0.9 }'],
        })
        expectEqual(await count(), before + 1, 'reloads after a host was added')
      } finally {
        await reload(rig)
      }
      expectEqual(await count(), before + 2, 'reloads after the worker was taken away')
      const isForgotten = async (): Promise<boolean> => {
        const state = await serversState(rig)
        return / w2 /.test(state) && !/ w3 /.test(state)
      }
      await waitUntil('the worker to be forgotten', isForgotten, 20_000)
      return undefined
    },
  },
]

/** Writes the site anew and waits until the server has taken it over. */
async function reload(rig: Rig, changes: Parameters<Rig['site']['write']>[0] = {}): Promise<void> {
  const since = rig.server.lines.length
  await rig.site.write(changes)
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since })
}

async function startBackEnds(rig: Rig): Promise<void> {
  for (const { address } of [...Object.values(nodes), spareWorker]) {
    await rig.at('machines', ['ip', 'addr', 'add', `${address}/24`, 'dev', 'mach0'])
  }
  // Some of these addresses were a virtual machine's a moment ago.
  for (const place of ['server', 'client'] as const) await rig.at(place, ['ip', 'neigh', 'flush', 'all'])
  const [key, certificate] = [join(rig.dir, 'back-end.key'), join(rig.dir, 'back-end.crt')]
  await output([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '1', '-subj', '/CN=stub'],
  ])
  const machines = [...standing, spareWorker].map(({ name, role, address }) => `${name}:${role}:${address}`)
  rig.beside('machines', 'back-ends', [process.execPath, stub('back-ends'), key, certificate, ...machines])
  for (const { name, role, address } of standing) {
    const url = role === 'master' ? `https://${address}:6443/` : `http://${address}/`
    await waitUntil(`the back end ${name} itself`, async () => (await ask(rig, url)) !== undefined)
  }
}

function curl(rig: Rig, url: string): ReturnType<Rig['at']> {
  return rig.at('client', ['curl', '-sS', '-k', '-f', '-m', '15', url])
}

/** The answer, when there is one. */
async function ask(rig: Rig, url: string): Promise<string | undefined> {
  const { status, stdout } = await curl(rig, url)
  return status === 0 ? stdout.trim() : undefined
}

const socketPath = (rig: Rig): string => join(rig.dir, 'haproxy.socket')

/**
 * What the newest worker process knows of its servers: `ID BACKEND ID NAME ADDRESS STATE …`, state 2 is up.
 * Nothing while the master process is being reloaded, for it then starts itself anew.
 */
async function serversState(rig: Rig): Promise<string> {
  const socket = connect(socketPath(rig))
  socket.end('@1 show servers state\n')
  return text(socket).catch(() => '')
}
