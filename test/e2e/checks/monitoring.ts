/**
 * A real Prometheus with the rules of config/monitoring, which reads slipway's metrics while faults happen. Each alert is
 * fired by a fault. The times in the rules are shortened (`for: 0s`), and nothing else; promtool tests them as they are.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectEqual } from '../expect.ts'
import { guideOf, type Guide } from '../guide.ts'
import { guide as site, macOf } from '../guide-site.ts'
import { addresses, rackInterface, type Namespace } from '../network.ts'
import { output, start, type Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway } from '../server.ts'
import { waitUntil } from './client.ts'
import { untilFollowed } from './csr.ts'
import { csrObject, csrsPath, servingRequest } from './csr-requests.ts'
import { invalidSite } from './reload.ts'

const folder = new URL('../../../config/monitoring/', import.meta.url).pathname
const port = 9090

type Alert = { readonly state: string; readonly labels: Readonly<Record<string, string>> }

type Prometheus = {
  /** Waits until an alert with all these label values fires. */
  untilFiring(alert: string, labels: readonly string[], limitMs?: number): Promise<void>
  untilEnded(alert: string, labels: readonly string[], limitMs?: number): Promise<void>
  stop(): Promise<void>
}

/** Starts Prometheus in a namespace, which scrapes these targets. */
async function startPrometheus(
  rig: Rig,
  namespace: Namespace,
  targets: readonly string[],
): Promise<Prometheus> {
  const dir = join(rig.dir, `prometheus-${namespace}`)
  await mkdir(dir, { recursive: true })
  const rules = await readFile(join(folder, 'alerts.yaml'), 'utf8')
  await writeFile(join(dir, 'alerts.yaml'), rules.replaceAll(/for: \w+/g, 'for: 0s'))
  await writeFile(
    join(dir, 'prometheus.yaml'),
    `\
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: slipway, static_configs: [{ targets: ${JSON.stringify(targets)} }] }]
`,
  )
  const options = ['--config.file', 'prometheus.yaml', '--storage.tsdb.path', 'data']
  const listen = `--web.listen-address=127.0.0.1:${port}`
  const command = ['sh', '-c', 'cd "$0" && exec "$@"', dir, 'prometheus', ...options, listen]
  const prometheus = start(rig.network.inside(namespace, ...command), {
    logFile: join(dir, 'prometheus.log'),
  })
  const isFiring = async (name: string, values: readonly string[]): Promise<boolean> => {
    const url = `http://127.0.0.1:${port}/api/v1/alerts`
    const { status, stdout } = await rig.run(namespace, ['curl', '-sS', '-f', '-m', '5', url])
    if (status !== 0) return false
    const { data } = JSON.parse(stdout) as { data: { alerts: Alert[] } }
    return data.alerts.some(
      ({ state, labels }) =>
        state === 'firing' &&
        labels['alertname'] === name &&
        values.every((value) => Object.values(labels).includes(value)),
    )
  }
  return {
    untilFiring: (name, values, limitMs = 30_000) =>
      waitUntil(`${name} for ${values.join()}`, () => isFiring(name, values), limitMs),
    untilEnded: (name, values, limitMs = 15_000) =>
      waitUntil(`the end of ${name}`, async () => !(await isFiring(name, values)), limitMs),
    async stop() {
      await prometheus.stop()
    },
  }
}

export const monitoringChecks: readonly Check[] = [
  {
    name: 'monitoring: promtool accepts the alerting rules and passes their tests',
    async run() {
      await output(['promtool', 'check', 'rules', join(folder, 'alerts.yaml')])
      const tested = await output(['promtool', 'test', 'rules', 'alerts.test.yaml'], { cwd: folder })
      expectEqual(/FAILED/.test(tested), false, 'promtool reports a failure')
      return undefined
    },
  },
  {
    name: 'monitoring: Prometheus fires alerts while slipway serves an old site, and while it does not answer',
    limitMs: 90_000,
    async run(rig) {
      // No slipway runs on the peer.
      const targets = [addresses.server, addresses.peer].map((address) => `${address}:80`)
      const prometheus = await startPrometheus(rig, 'server', targets)
      try {
        await prometheus.untilFiring('SlipwayDown', [`${addresses.peer}:80`])
        const text = await readFile(rig.site.sitePath, 'utf8')
        await writeFile(rig.site.sitePath, invalidSite(text))
        rig.server.process.signal('SIGHUP')
        await prometheus.untilFiring('SlipwayProblem', ['server.reload-rejected'], 15_000)
        await rig.site.write()
        rig.server.process.signal('SIGHUP')
        await prometheus.untilEnded('SlipwayProblem', ['server.reload-rejected'])
        return undefined
      } finally {
        await rig.site.write()
        await prometheus.stop()
      }
    },
  },
  {
    name: 'monitoring: each alert about a site fires for a fault, from a pending request to a flood of packets',
    limitMs: 240_000,
    async run(rig) {
      const guide = await guideOf(rig)
      const prometheus = await startPrometheus(rig, 'appliance', [`${site.appliance}:80`])
      const seconds: string[] = []
      try {
        await untilFollowed(guide)
        for (const [alert, labels, provoke] of siteFaults) {
          const startedAt = performance.now()
          await provoke(guide, rig)
          await prometheus.untilFiring(alert, labels, 45_000)
          seconds.push(`${alert} ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
        }
        return seconds.join(', ')
      } finally {
        guide.server.process.signal('SIGCONT')
        await prometheus.stop()
      }
    },
  },
  {
    name: 'monitoring: an internal error, injected into the process, fires an alert',
    limitMs: 90_000,
    async run(rig) {
      const faulty = await startFaulty(rig)
      const prometheus = await startPrometheus(rig, 'peer', [`${addresses.peer}:80`])
      try {
        const health = [
          'curl',
          '-sS',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          `http://${addresses.peer}/health`,
        ]
        const isFailing = async (): Promise<boolean> => (await rig.run('peer', health)).stdout === '500'
        await waitUntil('an internal error', isFailing, 30_000)
        // An increase needs two scrapes, so the errors continue for some time.
        for (let count = 0; count < 10; count++) {
          await sleep(1000)
          await isFailing()
        }
        await prometheus.untilFiring('SlipwayBug', ['http'])
        return undefined
      } finally {
        await prometheus.stop()
        await faulty.stop()
      }
    },
  },
]

type Fault = readonly [
  alert: string,
  labels: readonly string[],
  provoke: (guide: Guide, rig: Rig) => Promise<unknown>,
]

/** Faults of the guide's cluster. Later ones build on earlier ones: a stopped bootstrap ends the API. */
const siteFaults: readonly Fault[] = [
  [
    'SlipwayRequestsPending',
    [site.cluster],
    async ({ cluster, dir }) =>
      cluster.put(csrsPath, await csrObject(dir, 'not-declared', servingRequest('w9', '172.16.0.39'))),
  ],
  [
    // The kubelet's disk boots although the node is armed.
    'SlipwayNodeProblem',
    [`${site.cluster}/w3`, 'install.armed-from-disk'],
    async (guide, rig) => {
      await guide.control('node', 'install', `${site.cluster}/w3`)
      await rig.run('rack', ['ip', 'link', 'set', rackInterface, 'address', macOf('w3', await guide.text())])
      const udhcpc = [
        rig.payload.busybox,
        'udhcpc',
        '-f',
        '-q',
        '-n',
        '-t',
        '4',
        '-T',
        '2',
        '-i',
        rackInterface,
      ]
      const { status, stderr } = await rig.run('rack', [...udhcpc, '-s', '/bin/true'])
      expectEqual(status, 0, `udhcpc's exit code (${stderr.trim()})`)
    },
  ],
  [
    'SlipwayIgnitionExpires',
    [site.cluster, 'worker'],
    async (guide) => {
      await writeFile(join(guide.dir, 'install/worker.ign'), await expiredIgnition(guide.dir))
      await guide.reload()
    },
  ],
  [
    'SlipwayServerDown',
    ['kubeapi'],
    async (guide) => {
      // Masters that are not installed yet are down too.
      const isUp = async (): Promise<boolean> =>
        (await guide.condition()).haproxy.servers.some(({ backend, isUp }) => backend === 'kubeapi' && isUp)
      expectEqual(await isUp(), true, 'a server of the API is up')
      for (const address of [site.bootstrap, ...site.masters])
        await guide.cluster.stop(address).catch(() => undefined)
      await waitUntil('every server of the API to be down', async () => !(await isUp()), 40_000)
    },
  ],
  // The API behind the load balancer has no server now.
  ['SlipwayClusterUnreachable', [site.cluster], () => Promise.resolve()],
  ['SlipwayProblem', ['haproxy.state-unavailable'], ({ haproxy }) => haproxy.stop()],
  ['SlipwaySlow', [], ({ server }) => stall(server.process)],
  [
    'SlipwayLosesDatagrams',
    [],
    async ({ server }, rig) => {
      server.process.signal('SIGSTOP')
      try {
        // More than the receive buffer of the DNS socket holds.
        const flood = `
          const socket = require('node:dgram').createSocket('udp4')
          let left = 60000
          const send = () => {
            for (let i = 0; i < 1000 && left > 0; i++, left--) socket.send(Buffer.alloc(400), 53, '${site.appliance}')
            if (left > 0) setTimeout(send, 5)
            else socket.close()
          }
          send()`
        await rig.run('user', [process.execPath, '-e', flood], { limitMs: 30_000 })
      } finally {
        server.process.signal('SIGCONT')
      }
    },
  ],
]

/** Interrupts a process for half of the time, as a machine without free processors does. */
async function stall(process: Running): Promise<void> {
  for (let count = 0; count < 30; count++) {
    process.signal('SIGSTOP')
    await sleep(400)
    process.signal('SIGCONT')
    await sleep(100)
  }
}

/** Returns an Ignition file whose certificate has expired. */
async function expiredIgnition(dir: string): Promise<string> {
  const at = (name: string): string => join(dir, name)
  await output([
    ...[
      'openssl',
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=expired',
    ],
    ...['-keyout', at('expired.key'), '-out', at('expired.csr')],
  ])
  const pem = await output([
    ...['openssl', 'x509', '-req', '-in', at('expired.csr'), '-signkey', at('expired.key'), '-days', '-1'],
  ])
  const source = `data:text/plain;base64,${Buffer.from(pem).toString('base64')}`
  const files = [{ path: '/etc/kubernetes/ca.crt', contents: { source } }]
  return JSON.stringify({ ignition: { version: '3.2.0' }, storage: { files } })
}

/** Starts slipway on the peer with a fault that no input causes: the report for /health cannot be formatted. */
async function startFaulty(rig: Rig): Promise<Running> {
  const dir = join(rig.dir, 'faulty')
  await mkdir(dir, { recursive: true })
  const sitePath = join(dir, 'site.yaml')
  await writeFile(
    sitePath,
    `site: faulty\nserver: { address: ${addresses.peer} }\nsubnets: [{ cidr: 172.16.0.0/24 }]\n`,
  )
  const fault = join(dir, 'fault.mjs')
  await writeFile(
    fault,
    `const { stringify } = JSON
JSON.stringify = (value, ...rest) => {
  if (value?.siteFileDiffers !== undefined) throw new TypeError('injected fault')
  return stringify(value, ...rest)
}
`,
  )
  const command = slipway(
    'serve',
    '--state',
    join(dir, 'state'),
    '--control',
    controlSocket(sitePath),
    sitePath,
  )
  return rig.start('peer', 'slipway-faulty', ['env', `NODE_OPTIONS=--import=${fault}`, ...command])
}
