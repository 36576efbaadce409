/** A real HAProxy with the file that the server wrote: front ends reach the nodes behind them, reloads happen. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { nodes, type SiteNode } from '../site.ts'
import {
  ask,
  curl,
  health,
  keepAsking,
  processOf,
  reload,
  reloads,
  serversState,
  socketPath,
  untilState,
} from './balancer.ts'
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
      const before = await reloads(rig)
      try {
        await reload(rig, { spareWorker })
        expectEqual(await reloads(rig), before + 1, 'reloads after a worker was added')
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
        expectEqual(await reloads(rig), before + 1, 'reloads after a host was added')
      } finally {
        await reload(rig)
      }
      expectEqual(await reloads(rig), before + 2, 'reloads after the worker was taken away')
      const isForgotten = async (): Promise<boolean> => {
        const state = await serversState(rig)
        return / w2 /.test(state) && !/ w3 /.test(state)
      }
      await waitUntil('the worker to be forgotten', isForgotten, 20_000)
      return undefined
    },
  },
  {
    name: 'haproxy: the server knows which back ends are down, since when and why',
    limitMs: 60_000,
    async run(rig) {
      await untilState(rig, 'm3 to be down', ({ haproxy }) =>
        haproxy.servers.some(({ sentence }) =>
          /^kubeapi m3 DOWN since \d\d:\d\d UTC, (connection refused|no route to host)$/i.test(sentence),
        ),
      )
      const upAlone =
        'kubeapi m1, kubeapi m2, machineconfig m1, machineconfig m2, workerhttp w1, workerhttp w2, workerhttps w1, workerhttps w2'
      await untilState(rig, 'nobody else to be up', ({ haproxy: { servers } }) => {
        const up = servers.filter(({ isUp, isTested }) => isUp && isTested)
        return up.map(({ backend, server }) => `${backend} ${server}`).join(', ') === upAlone
      })
      const { counters } = await health(rig)
      expect((counters['haproxy.serversDown'] ?? 0) >= 3, 'servers that went down are counted')
      return undefined
    },
  },
  {
    name: 'haproxy: the bootstrap is taken out and put back without a reload, and no client notices',
    limitMs: 60_000,
    async run(rig) {
      const before = await reloads(rig)
      const process = await processOf(rig.site.haproxySocket)
      const clients = keepAsking(rig, frontEnds[0].url)
      try {
        await reload(rig, { unbalanced: ['bs', 'm2'] })
        await untilState(rig, 'bs and m2 to be out', ({ haproxy }) =>
          haproxy.servers
            .filter(({ server }) => server === 'bs' || server === 'm2')
            .every(({ status }) => status === 'MAINT'),
        )
        const answers = await Promise.all(Array.from({ length: 6 }, () => ask(rig, frontEnds[0].url)))
        expectEqual([...new Set(answers)].join(', '), 'm1 6443', 'who answers without m2')
      } finally {
        await reload(rig)
      }
      await untilState(rig, 'm2 to be back', ({ haproxy }) =>
        haproxy.servers.some(({ server, backend, isUp }) => server === 'm2' && backend === 'kubeapi' && isUp),
      )
      await waitUntil('m2 to answer again', async () => (await ask(rig, frontEnds[0].url)) === 'm2 6443')
      expectEqual(await clients.stop(), 0, 'requests that failed meanwhile')
      expectEqual(await reloads(rig), before, 'reloads')
      expectEqual(await processOf(rig.site.haproxySocket), process, "HAProxy's process")
      return `${clients.count()} requests meanwhile`
    },
  },
  {
    name: 'haproxy: its master process reloads it by its socket, and no client notices',
    limitMs: 60_000,
    async run(rig) {
      const changes = { haproxyMaster: socketPath(rig) }
      const before = await reloads(rig)
      const first = await processOf(rig.site.haproxySocket)
      const clients = keepAsking(rig, frontEnds[3].url)
      try {
        await reload(rig, { ...changes, spareWorker })
        expectEqual((await health(rig)).haproxy.applied.outcome, 'reloaded', 'how it went')
        expect((await processOf(rig.site.haproxySocket)) !== first, 'a new process of HAProxy answers')
        await reload(rig, changes)
      } finally {
        await reload(rig)
      }
      expectEqual(await clients.stop(), 0, 'requests that failed meanwhile')
      expectEqual(await reloads(rig), before, "runs of the site's command")
      return `${clients.count()} requests meanwhile`
    },
  },
  {
    name: 'haproxy: a reload that its master process cannot carry out puts the old file back',
    limitMs: 60_000,
    async run(rig) {
      const old = await readFile(rig.site.haproxyPath, 'utf8')
      // Somebody else has port 6443 of an address that the new configuration wants.
      await rig.at('server', ['ip', 'addr', 'add', '172.16.0.119/24', 'dev', 'srv0'])
      const holder = rig.beside('server', 'holder', [
        process.execPath,
        '-e',
        "require('node:net').createServer().listen(6443, '172.16.0.119')",
      ])
      try {
        await waitUntil('the port to be taken', async () => {
          const { stdout } = await rig.at('server', ['ss', '-Hltn', 'src 172.16.0.119:6443'])
          return stdout.trim() !== ''
        })
        await reload(rig, { moreApi: ['172.16.0.119'] }, 30_000)
        const { haproxy, counters } = await health(rig)
        expectEqual(haproxy.applied.outcome, 'reload failed', 'how it went')
        expectMatch(haproxy.applied.reason ?? '', /^process \d+ of HAProxy still runs/, 'the reason')
        expectEqual(counters['haproxy.reloadsFailed'], 1, 'failed reloads')
        expectEqual(await readFile(rig.site.haproxyPath, 'utf8'), old, 'the file')
        expectMatch((await ask(rig, frontEnds[0].url)) ?? '', frontEnds[0].behind, 'the API meanwhile')
      } finally {
        await holder.stop()
        await rig.at('server', ['ip', 'addr', 'del', '172.16.0.119/24', 'dev', 'srv0'])
        await reload(rig)
      }
      expectEqual((await health(rig)).haproxy.applied.outcome, 'unchanged', 'with the old site again')
      return undefined
    },
  },
  {
    name: "haproxy: a part beside an administrator's broken file is refused, and nothing is touched",
    async run(rig) {
      const old = await readFile(rig.site.haproxyPath, 'utf8')
      const theirs = join(rig.dir, 'site', 'theirs.cfg')
      const before = await reloads(rig)
      try {
        await writeFile(theirs, 'frontend web\n  bnd :8404\n')
        await reload(rig, { haproxyWith: '[theirs.cfg, haproxy.cfg]' })
        const { applied } = (await health(rig)).haproxy
        expectEqual(applied.outcome, 'refused', 'how it went')
        expectMatch(applied.reason ?? '', /theirs\.cfg:2\] : unknown keyword 'bnd'/, 'the reason')
        expectEqual(await readFile(rig.site.haproxyPath, 'utf8'), old, 'the file')
      } finally {
        await rm(theirs, { force: true })
        await reload(rig)
      }
      expectEqual(await reloads(rig), before, 'reloads')
      return undefined
    },
  },
]

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
