/** A real HAProxy with the configuration of slipway: frontends, backends, reloads, and changes without a reload. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { nodes, type SiteNode } from '../site.ts'
import {
  fetchText,
  curl,
  health,
  sendContinuously,
  processOf,
  reloads,
  serversState,
  socketPath,
  untilState,
} from './balancer.ts'
import { addClientAddress, waitUntil } from './client.ts'
import { reload } from './reload.ts'

/** Nodes that run; the addresses of the other nodes refuse connections. */
const running: readonly SiteNode[] = [nodes.m1, nodes.m2, nodes.w1, nodes.w2]
const spareWorker: SiteNode = { name: 'w3', role: 'worker', mac: '52:54:00:00:00:33', address: '172.16.0.33' }

const frontends = [
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
    name: 'haproxy: accepts the configuration and starts with it',
    async run(rig) {
      await addClientAddress(rig)
      const { status, stdout, stderr } = await rig.run('server', [
        'haproxy',
        '-c',
        '-f',
        rig.site.haproxyPath,
      ])
      expectEqual(status, 0, `haproxy -c (${stdout}${stderr})`)
      expectNoMatch(stdout + stderr, /WARNING|ALERT/, 'haproxy -c')
      await startBackEnds(rig)
      // -W: a master process that starts workers, as in the unit of Debian; -S: the socket of the master process.
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
      const haproxy = rig.start('server', 'haproxy', ['haproxy', ...options])
      await waitUntil('the first response of the frontend', async () => {
        return !haproxy.isRunning() || (await fetchText(rig, frontends[3].url)) !== undefined
      })
      const log = await readFile(join(rig.dir, 'haproxy.log'), 'utf8')
      expect(haproxy.isRunning(), `haproxy exited:\n${log.trim()}`)
      return undefined
    },
  },
  {
    name: 'haproxy: every frontend reaches the running nodes only',
    limitMs: 60_000,
    async run(rig) {
      await addClientAddress(rig)
      for (const { name, url, behind } of frontends) {
        const responses = (): Promise<(string | undefined)[]> =>
          Promise.all(Array.from({ length: 6 }, () => fetchText(rig, url)))
        // HAProxy checks the servers every 10 s.
        let last: (string | undefined)[] = []
        const areRight = async (): Promise<boolean> => {
          last = await responses()
          return last.every((response) => response !== undefined && behind.test(response))
        }
        await waitUntil(`${name} to reach only running nodes`, areRight, 25_000).catch((error: unknown) => {
          throw new Unexpected(`${(error as Error).message}; last responses: ${last.join(', ')}`)
        })
      }
      return undefined
    },
  },
  {
    name: 'haproxy: machine configs are not available on the public address',
    async run(rig) {
      const { status } = await curl(rig, `https://${addresses.api}:22623/config/master`)
      expectEqual(status, 7, "curl's exit code (7: connection refused)")
      return undefined
    },
  },
  {
    name: 'haproxy: is reloaded only if the site changes its configuration',
    limitMs: 60_000,
    async run(rig) {
      const before = await reloads(rig)
      try {
        await reload(rig, { spareWorker })
        expectEqual(await reloads(rig), before + 1, 'reloads after a worker was added')
        const ready = /^\d+ workerhttps \d+ w3 172\.16\.0\.33 2 /m
        await waitUntil(
          'the new worker to be in HAProxy and up',
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
      expectEqual(await reloads(rig), before + 2, 'reloads after the worker was removed')
      const isRemoved = async (): Promise<boolean> => {
        const state = await serversState(rig)
        return / w2 /.test(state) && !/ w3 /.test(state)
      }
      await waitUntil('the worker to be removed from HAProxy', isRemoved, 20_000)
      return undefined
    },
  },
  {
    name: 'haproxy: /health shows which servers are down, since when, and why',
    limitMs: 60_000,
    async run(rig) {
      await untilState(rig, 'm3 to be down', ({ haproxy }) =>
        haproxy.servers.some(({ sentence }) =>
          /^kubeapi m3 DOWN since \d\d:\d\d UTC, (connection refused|no route to host)$/i.test(sentence),
        ),
      )
      const expectedUp =
        'kubeapi m1, kubeapi m2, machineconfig m1, machineconfig m2, workerhttp w1, workerhttp w2, workerhttps w1, workerhttps w2'
      await untilState(rig, 'only the running nodes to be up', ({ haproxy: { servers } }) => {
        const up = servers.filter(({ isUp, isTested }) => isUp && isTested)
        return up.map(({ backend, server }) => `${backend} ${server}`).join(', ') === expectedUp
      })
      // Servers of nodes that have not been up are not failures.
      const { problems, haproxy } = await health(rig)
      const isOutage = haproxy.servers.some(
        (server) => server.isTested && !server.isUp && !server.isOut && server.isExpected,
      )
      expectEqual(problems.includes('haproxy.server-down'), isOutage, 'haproxy.server-down in /health')
      return undefined
    },
  },
  {
    name: 'haproxy: the bootstrap is drained and enabled without a reload, and no request fails',
    limitMs: 60_000,
    async run(rig) {
      const before = await reloads(rig)
      const process = await processOf(rig.site.haproxySocket)
      const clients = sendContinuously(rig, frontends[0].url)
      try {
        await reload(rig, { unbalanced: ['bs', 'm2'] })
        await untilState(rig, 'bs and m2 to be in MAINT', ({ haproxy }) =>
          haproxy.servers
            .filter(({ server }) => server === 'bs' || server === 'm2')
            .every(({ status }) => status === 'MAINT'),
        )
        const responses = await Promise.all(Array.from({ length: 6 }, () => fetchText(rig, frontends[0].url)))
        expectEqual([...new Set(responses)].join(', '), 'm1 6443', 'servers that respond while m2 is drained')
      } finally {
        await reload(rig)
      }
      await untilState(rig, 'm2 to be up', ({ haproxy }) =>
        haproxy.servers.some(({ server, backend, isUp }) => server === 'm2' && backend === 'kubeapi' && isUp),
      )
      await waitUntil('a response of m2', async () => (await fetchText(rig, frontends[0].url)) === 'm2 6443')
      expectEqual(await clients.stop(), 0, 'failed requests')
      expectEqual(await reloads(rig), before, 'reloads')
      expectEqual(await processOf(rig.site.haproxySocket), process, "HAProxy's process")
      return `${clients.count()} requests in the meantime`
    },
  },
  {
    name: 'haproxy: is reloaded through the socket of its master process, and no request fails',
    limitMs: 60_000,
    async run(rig) {
      const changes = { haproxyMaster: socketPath(rig) }
      const before = await reloads(rig)
      const first = await processOf(rig.site.haproxySocket)
      const clients = sendContinuously(rig, frontends[3].url)
      try {
        await reload(rig, { ...changes, spareWorker })
        expectEqual((await health(rig)).haproxy.applied.outcome, 'reloaded', 'outcome')
        expect((await processOf(rig.site.haproxySocket)) !== first, 'the process of HAProxy did not change')
        await reload(rig, changes)
      } finally {
        await reload(rig)
      }
      expectEqual(await clients.stop(), 0, 'failed requests')
      expectEqual(await reloads(rig), before, "runs of the site's command")
      return `${clients.count()} requests in the meantime`
    },
  },
  {
    name: 'haproxy: a failed reload restores the previous file',
    limitMs: 60_000,
    async run(rig) {
      const old = await readFile(rig.site.haproxyPath, 'utf8')
      // Another process uses port 6443 on an address of the new configuration.
      await rig.run('server', ['ip', 'addr', 'add', '172.16.0.119/24', 'dev', 'srv0'])
      const other = rig.start('server', 'other-listener', [
        process.execPath,
        '-e',
        "require('node:net').createServer().listen(6443, '172.16.0.119')",
      ])
      try {
        await waitUntil('the port to be in use', async () => {
          const { stdout } = await rig.run('server', ['ss', '-Hltn', 'src 172.16.0.119:6443'])
          return stdout.trim() !== ''
        })
        await reload(rig, { moreApi: ['172.16.0.119'] }, 30_000)
        // slipway waits longer for HAProxy than a reload of the site does.
        await waitUntil('the reload of HAProxy to fail', async () => {
          const { haproxy } = await health(rig)
          return haproxy.applied.outcome === 'reload failed'
        })
        const { haproxy, counters } = await health(rig)
        expectMatch(haproxy.applied.reason ?? '', /^process \d+ of HAProxy is still running/, 'the reason')
        expectEqual(counters['haproxy.reloadsFailed'], 1, 'failed reloads')
        expectEqual(await readFile(rig.site.haproxyPath, 'utf8'), old, 'the file')
        expectMatch(
          (await fetchText(rig, frontends[0].url)) ?? '',
          frontends[0].behind,
          'the API during the failure',
        )
      } finally {
        await other.stop()
        await rig.run('server', ['ip', 'addr', 'del', '172.16.0.119/24', 'dev', 'srv0'])
        await reload(rig)
      }
      expectEqual((await health(rig)).haproxy.applied.outcome, 'unchanged', 'outcome with the previous site')
      return undefined
    },
  },
  {
    name: "haproxy: a configuration with an administrator's invalid file is rejected, and nothing changes",
    async run(rig) {
      const old = await readFile(rig.site.haproxyPath, 'utf8')
      const invalid = join(rig.dir, 'site', 'invalid.cfg')
      const before = await reloads(rig)
      try {
        await writeFile(invalid, 'frontend web\n  bnd :8404\n')
        await reload(rig, { haproxyWith: '[invalid.cfg, haproxy.cfg]' })
        const { applied } = (await health(rig)).haproxy
        expectEqual(applied.outcome, 'refused', 'outcome')
        expectMatch(applied.reason ?? '', /invalid\.cfg:2\] : unknown keyword 'bnd'/, 'the reason')
        expectEqual(await readFile(rig.site.haproxyPath, 'utf8'), old, 'the file')
      } finally {
        await rm(invalid, { force: true })
        await reload(rig)
      }
      expectEqual(await reloads(rig), before, 'reloads')
      return undefined
    },
  },
]

async function startBackEnds(rig: Rig): Promise<void> {
  for (const { address } of [...Object.values(nodes), spareWorker]) {
    await rig.run('machines', ['ip', 'addr', 'add', `${address}/24`, 'dev', 'mach0'])
  }
  // Virtual machines used some of these addresses before.
  for (const namespace of ['server', 'client'] as const)
    await rig.run(namespace, ['ip', 'neigh', 'flush', 'all'])
  const [key, certificate] = [join(rig.dir, 'back-end.key'), join(rig.dir, 'back-end.crt')]
  await output([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '1', '-subj', '/CN=stub'],
  ])
  const machines = [...running, spareWorker].map(({ name, role, address }) => `${name}:${role}:${address}`)
  rig.start('machines', 'back-ends', [process.execPath, stub('back-ends'), key, certificate, ...machines])
  for (const { name, role, address } of running) {
    const url = role === 'master' ? `https://${address}:6443/` : `http://${address}/`
    await waitUntil(
      `the backend ${name} to respond directly`,
      async () => (await fetchText(rig, url)) !== undefined,
    )
  }
}
