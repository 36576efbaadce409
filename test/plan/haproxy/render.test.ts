/** Whole configurations (test/fixtures/haproxy; UPDATE=1 rewrites them), each validated by a real HAProxy. */
import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { compileClusters as compile, type ClusterText } from '../../support/haproxy-plan.ts'
import { expectValidHaproxy, noHaproxy } from '../../support/validators.ts'

const masters = ['m1 master 172.16.0.21', 'm2 master 172.16.0.22', 'm3 master 172.16.0.23']
const workers = ['w1 worker 172.16.0.31', 'w2 worker 172.16.0.32', 'w3 worker 172.16.0.33']
const infra = ['i1 infra 172.16.0.41', 'i2 infra 172.16.0.42', 'i3 infra 172.16.0.43']

const loadBalancer = { api: '172.16.0.111', apiInternal: '172.16.0.110', ingress: '172.16.0.111' }
const guide = ['bs bootstrap 172.16.0.11', ...masters, ...workers]
/** An administrator's own configuration, as in Debian's package. */
const administrators = new URL('../../fixtures/haproxy/administrators.cfg', import.meta.url).pathname

type Golden = {
  file: string
  name: string
  clusters: readonly ClusterText[]
  changes?: object
  statsUsers?: string
}

const golden: readonly Golden[] = [
  {
    file: 'guide',
    name: "the guide's cluster: bootstrap and masters behind 6443 and 22623, workers behind 80 and 443",
    clusters: [{ nodes: ['bs bootstrap 172.16.0.11', ...masters, ...workers] }],
  },
  {
    file: 'infra',
    name: 'infra nodes get the ingress traffic, workers are its backups until the routers have moved',
    clusters: [{ nodes: [...masters, ...workers, ...infra] }],
  },
  {
    file: 'compact',
    name: 'three masters without workers run the routers; api-int has the address of api',
    clusters: [{ loadBalancer: { api: '172.16.0.111', ingress: '172.16.0.112' }, nodes: masters }],
  },
  {
    file: 'arbiter',
    name: 'two masters without workers run the API and the routers; an arbiter runs neither',
    clusters: [{ nodes: ['bs bootstrap 172.16.0.11', ...masters.slice(0, 2), 'a1 arbiter 172.16.0.24'] }],
  },
  {
    file: 'single-node',
    name: 'a single node behind a separate load balancer',
    clusters: [
      { loadBalancer: { api: '172.16.0.111', ingress: '172.16.0.111' }, nodes: ['n1 master 172.16.0.21'] },
    ],
  },
  {
    file: 'two-clusters',
    name: 'with several clusters, every name starts with its cluster',
    clusters: [
      { name: 'east', nodes: [...masters, ...workers] },
      {
        name: 'west',
        loadBalancer: { api: '172.16.0.121', ingress: '172.16.0.122' },
        nodes: ['m1 master 172.16.0.51', 'w1 worker 172.16.0.61'],
      },
    ],
  },
  {
    file: 'documented',
    name: "checks: documented, as the manual's sample",
    clusters: [{ loadBalancer: { ...loadBalancer, checks: 'documented' }, nodes: guide }],
  },
  {
    file: 'tuned',
    name: "checks: tuned, as OpenShift's own on-premise load balancer",
    clusters: [{ loadBalancer: { ...loadBalancer, checks: 'tuned' }, nodes: guide }],
  },
  {
    file: 'bootstrap-out',
    name: 'a node with balance: false is listed and gets no connections',
    clusters: [{ nodes: ['bs (bootstrap) 172.16.0.11', ...masters, ...workers] }],
  },
  {
    file: 'shared-addresses',
    name: 'clusters that share addresses are distinguished by SNI (RFC 6066 §3) and Host, and keep their own addresses',
    clusters: [
      {
        name: 'east',
        loadBalancer: {
          api: '172.16.0.111',
          apiInternal: '172.16.0.110',
          ingress: ['172.16.0.111', '2001:db8::111'],
        },
        nodes: [...masters, ...workers],
      },
      {
        name: 'west',
        loadBalancer: { api: '172.16.0.111', ingress: ['172.16.0.111', '2001:db8::111'] },
        nodes: ['m1 master 172.16.0.51', 'w1 worker 172.16.0.61'],
      },
    ],
  },
  {
    file: 'part',
    name: "a part that is loaded with an administrator's file has its own settings, and no global or defaults section",
    clusters: [{ nodes: guide }],
    changes: {
      haproxy: {
        file: '/etc/haproxy/conf.d/slipway.cfg',
        with: ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/conf.d'],
      },
    },
  },
  {
    file: 'own-settings',
    name: 'time-outs, log targets, bind lines, and a statistics page as the site sets them',
    clusters: [
      {
        name: 'east',
        loadBalancer: {
          ...loadBalancer,
          bind: {
            kubeapi: ['*:6443', '[::]:7443 v6only'],
            workerhttp: '172.16.0.111:8080 interface ens4 accept-proxy',
          },
          timeouts: { client: '10m', server: '10m', check: '3s' },
        },
        nodes: [...masters, ...workers],
      },
      {
        name: 'west',
        loadBalancer: {
          api: '172.16.0.121',
          ingress: '172.16.0.122',
          bind: { kubeapi: ':6443' },
          timeouts: { client: '1h', tunnel: '8h' },
        },
        nodes: ['m1 master 172.16.0.51', 'w1 worker 172.16.0.61'],
      },
    ],
    changes: {
      haproxy: {
        file: '/etc/haproxy/haproxy.cfg',
        timeouts: { client: '5m', connect: '5s', queue: '30s' },
        log: ['127.0.0.1:514 local0', '/dev/log len 8192 format rfc5424 local1 notice err'],
        stats: { bind: ['*:9000', '127.0.0.1:9001'], uri: '/haproxy?stats', refreshSeconds: 10 },
      },
    },
  },
  {
    file: 'own-settings-part',
    name: 'a part has the time-outs and log targets in every section, and its statistics page asks for a password',
    clusters: [{ loadBalancer: { ...loadBalancer, timeouts: { check: '2s' } }, nodes: guide }],
    changes: {
      haproxy: {
        file: '/etc/haproxy/conf.d/slipway.cfg',
        with: ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/conf.d'],
        timeouts: { client: '5m', tunnel: '12h' },
        log: 'stdout format raw local0',
        stats: { bind: '[::]:1936 v4v6', users: '/etc/slipway/stats-users' },
      },
    },
    statsUsers:
      'ops:$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n',
  },
  {
    file: 'two-machines',
    name: 'addresses shared by VRRP can be bound while the other machine has them, and HAProxy reports that it runs',
    clusters: [{ nodes: [...masters, ...workers] }],
    changes: {
      server: { address: '172.16.0.101', interface: 'ens4', peers: ['172.16.0.102'] },
      keepalived: {},
    },
  },
  {
    file: 'dual-stack',
    name: 'IPv6 addresses are bracketed; back ends keep the reserved IPv4 address',
    clusters: [
      {
        loadBalancer: {
          api: ['172.16.0.111', '2001:db8::111'],
          apiInternal: ['172.16.0.110', '2001:db8::110'],
          ingress: ['172.16.0.111', '2001:db8::111'],
        },
        nodes: ['m1 master 2001:db8::21 172.16.0.21', 'w1 worker 172.16.0.31 2001:db8::31'],
      },
    ],
  },
]

for (const { file, name, clusters, changes, statsUsers } of golden) {
  t.test(name, async (t) => {
    const path = new URL(`../../fixtures/haproxy/${file}.cfg`, import.meta.url).pathname
    const { plan, findings } = compile(clusters, changes, statsUsers)
    t.same(findings, [])
    const text = renderHaproxy(plan!)
    if (process.env['UPDATE']) await writeFile(path, text)
    t.equal(text, await readFile(path, 'utf8'))
    t.test('haproxy -c reports no problem', { skip: noHaproxy }, (t) => {
      expectValidHaproxy(t, plan!.with.length === 0 ? [path] : [administrators, path])
      t.end()
    })
  })
}

t.test('the line of a drained server differs from the others only in the word "disabled"', (t) => {
  const { plan } = compile([{ nodes: guide }])
  const [all, fewer] = [renderHaproxy(plan!), renderHaproxy(plan!, new Set(['ocp45/bs', 'ocp45/none']))]
  const lines = fewer.split('\n').filter((line, index) => line !== all.split('\n')[index])
  t.same(lines, [
    '  server bs 172.16.0.11:6443 backup disabled',
    '  server bs 172.16.0.11:22623 backup disabled',
  ])
  t.end()
})

t.test('a path with blanks and quotes is quoted', (t) => {
  const haproxy = { file: '/f', socket: '/run/a "b" $c/s' }
  const { plan } = compile([{ nodes: guide }], { haproxy })
  t.match(renderHaproxy(plan!), 'stats socket "/run/a \\"b\\" \\$c/s" mode 660')
  t.end()
})

t.test('machine configs are served on the internal address only', (t) => {
  const text = renderHaproxy(compile([{ nodes: guide }]).plan!)
  t.match(text, /^frontend machineconfig\n {2}bind 172\.16\.0\.110:22623\n {2}default_backend/m)
  t.match(
    text,
    /^frontend kubeapi\n {2}bind 172\.16\.0\.111:6443\n {2}bind 172\.16\.0\.110:6443\n {2}default_backend/m,
  )
  t.end()
})
