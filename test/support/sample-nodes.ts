/** Seven nodes in different states, for tests of tables, timelines, and the local API. */
import { createReports, type NodeDetails } from '../../src/install/reports.ts'
import type { NodeRecord } from '../../src/install/installs.ts'
import type { ClusterStatus } from '../../src/cluster/report.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import type { Status } from '../../src/cli/text/status.ts'
import { parseIpv4 } from '../../src/proto/address/ip.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryInstalls } from './memory-installs.ts'
import { observedNode, type ObservedNode } from './observed-node.ts'

const minute = 60_000
export const now = Date.UTC(2026, 10, 21, 11)
const ago = (node: string, ms: number) => observedNode(`ocp45/${node}`, now - ms)

const roles = {
  bs: 'bootstrap',
  m1: 'master',
  m2: 'master',
  m3: 'master',
  w1: 'worker',
  w2: 'worker',
  i1: 'infra',
} as const
const names = Object.keys(roles) as (keyof typeof roles)[]

const models = names.map((name, index) => ({
  key: `ocp45/${name}`,
  name,
  role: roles[name],
  fqdn: `${name}.ocp45.example.localdomain`,
  mac: `00:00:5e:00:53:1${index}`,
  address: parseIpv4(`172.16.0.${11 + index}`),
  kernelArguments: [],
})) as unknown as readonly NodeModel[]

const wait = { reason: 'the bootstrap does not serve machine configurations on 22623 yet' }

function waiting(): ObservedNode {
  const life = ago('m2', 14 * minute).pxe()
  for (let count = 0; count < 160; count++) life.script('wait', wait).pass(5000)
  return life
}

const lives: Readonly<Record<keyof typeof roles, readonly [ObservedNode | undefined, Partial<NodeRecord>]>> =
  {
    bs: [
      ago('bs', 25 * minute).installs('bootstrap'),
      {
        mode: 'installed',
        since: now - 22 * minute,
        reason: 'its installer reported that the disk is written',
      },
    ],
    m1: [
      ago('m1', 90_000)
        .pxe()
        .script('install', { role: 'master' })
        .fetches('kernel')
        .fetches('initramfs')
        .pass(14_000)
        .asks('system')
        .file('rootfs', 'under-way', 450 * 1024 ** 2, 3800),
      {
        mode: 'installing',
        since: now - 80_000,
        reason: 'its boot script was fetched',
        attempt: { role: 'master', startedAt: now - 80_000, earlier: 1 },
      },
    ],
    m2: [
      waiting(),
      { mode: 'install', since: now - 40 * minute, reason: 'the site file sets boot: install' },
    ],
    m3: [
      ago('m3', 5 * minute)
        .pxe()
        .installer('master'),
      { mode: 'installing', since: now - 280_000, reason: 'its boot script was fetched' },
    ],
    w1: [
      ago('w1', 4 * minute)
        .asks('firmware')
        .loader('probed')
        .loader('sent')
        .pass(50_000)
        .asks('firmware')
        .loader('probed')
        .loader('sent'),
      {
        mode: 'install',
        since: now - 20 * minute,
        armedUntil: now + 40 * minute,
        reason: 'an administrator armed it',
      },
    ],
    w2: [
      ago('w2', 50 * minute)
        .pxe()
        .installer()
        .pass(20_000)
        .callback('failed'),
      { mode: 'failed', since: now - 48 * minute, reason: 'its installer failed: no disk /dev/sdb' },
    ],
    i1: [undefined, {}],
  }

export function sampleInstalls() {
  const installs = memoryInstalls(
    names.map((name) => `ocp45/${name}`),
    () => now,
  )
  for (const name of names) {
    const [life, record] = lives[name]
    if (life !== undefined) installs.remember(life.observations, record)
  }
  return installs
}

/** Returns a worker that joins its cluster; `observations` adds those from the start of its installed system. */
export function joined(observations: (life: ObservedNode) => ObservedNode): NodeDetails {
  const life = observations(
    ago('w1', 30 * minute)
      .installs()
      .pass(30_000),
  )
  const installs = memoryInstalls(['ocp45/w1'], () => now)
  installs.remember(life.observations, {
    mode: 'installed',
    since: now - 25 * minute,
    reason: 'its installer reported that the disk is written',
  })
  return createReports({ installs, nodes: () => models, clock: fakeClock(now) }).details('ocp45/w1')!
}

export function sampleReports(installs = sampleInstalls()) {
  return createReports({ installs, nodes: () => models, clock: fakeClock(now) })
}

export function sampleDetails(name: keyof typeof roles): NodeDetails {
  return sampleReports().details(`ocp45/${name}`)!
}

export const sampleUnknownClients = [
  {
    mac: '00:00:5e:00:53:77',
    vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
    architecture: 7,
    firstSeen: now - 9000,
    lastSeen: now - 5000,
    count: 4,
  },
  {
    mac: '00:00:5e:00:53:78',
    vendorClass: 'udhcp 1.35.0',
    firstSeen: now - 9 * minute,
    lastSeen: now - 8 * minute,
    count: 1,
  },
  {
    mac: '00:00:5e:00:53:79',
    vendorClass: 'PXEClient:\u001b[2J',
    architecture: 99,
    firstSeen: now - 9 * minute,
    lastSeen: now - 8 * minute,
    count: 1,
  },
]

export function sampleStatus(): Status {
  return {
    site: 'ocp45-lab',
    uptimeSeconds: 3 * 3600,
    nodes: sampleReports().list(),
    clusters: [sampleClusterStatus],
    strangers: sampleUnknownClients,
    problems: [
      {
        code: 'dhcp.other-server',
        text: 'another DHCP server (172.16.0.7) answers ocp45/w1 (00:50:56:96:11:2c), last at 2026-11-21 10:20 UTC',
      },
      {
        code: 'dhcp.address-declined',
        text: 'another machine uses 172.16.0.14, the address of ocp45/m3, last at 2026-11-21 10:22 UTC',
      },
      {
        code: 'dns.resolver-unreachable',
        text: 'resolver 192.168.124.1 has not answered since 2026-11-21 09:58 UTC',
      },
    ],
  }
}

/** The status of the cluster while its version is rolled out. */
export const sampleClusterStatus: ClusterStatus = {
  cluster: 'ocp45',
  stages: [
    {
      name: 'API',
      state: 'reached',
      note: 'v1.30.4',
      missing: [],
      since: now - 50 * minute,
      reachedAt: now - 44 * minute,
    },
    {
      name: 'bootstrap',
      state: 'reached',
      missing: [],
      since: now - 44 * minute,
      reachedAt: now - 27 * minute,
    },
    {
      name: 'etcd',
      state: 'reached',
      missing: [],
      since: now - 27 * minute,
      reachedAt: now - 25.5 * minute,
    },
    {
      name: 'nodes',
      state: 'under-way',
      since: now - 44 * minute,
      missing: [
        'w1: has not registered',
        'w2: not Ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: No CNI configuration file in /etc/kuberne…',
        'certificate requests waiting for approval: csr-8b2rk, csr-x2f4t of w1.ocp45.example.localdomain',
      ],
    },
    {
      name: 'version',
      state: 'under-way',
      since: now - 44 * minute,
      missing: [
        'Working towards 4.17.3: 640 of 901 done (71% complete)',
        'operators not available: authentication, console, image-registry, ingress, monitoring',
      ],
    },
    { name: 'operators', state: 'ahead', missing: [] },
  ],
  members: [
    { node: 'ocp45/m1', state: 'ready', since: now - 38 * minute },
    { node: 'ocp45/m2', state: 'ready', since: now - 36 * minute },
    { node: 'ocp45/m3', state: 'ready', since: now - 35 * minute },
    { node: 'ocp45/w1', state: 'absent' },
    {
      node: 'ocp45/w2',
      state: 'not-ready',
      since: now - 2 * minute,
      reason: 'container runtime network not ready: No CNI configuration file in /etc/kubernetes/cni/net.d/',
    },
  ],
  bootstrap: {
    kind: 'out',
    since: now - 27 * minute,
    reason: 'the ConfigMap bootstrap in kube-system has status: complete (/etc/slipway/kubeconfig)',
  },
  requests: { approve: 'declared', pending: 2, approved: 6 },
}

/** A cluster whose bootstrap changes on command, with a pending request of an undeclared node. */
export const sampleClusters = {
  reports: () => [sampleClusterStatus],
  csrs: () => [
    {
      cluster: 'ocp45',
      approve: 'declared',
      approved: 2,
      requests: [
        {
          name: 'csr-a',
          createdAt: now - 60_000,
          username: 'system:node:w9.ocp45.example.net',
          signer: 'kubernetes.io/kubelet-serving',
          reason: 'no node w9.ocp45.example.net is declared',
        },
      ],
    },
  ],
  approve: (_cluster: string, request: string) =>
    Promise.resolve(
      request === 'csr-a'
        ? { kind: 'approved' as const, pending: 'no node w9.ocp45.example.net is declared' }
        : request === 'csr-b'
          ? { kind: 'refused' as const, code: 'csr.other-signer', reason: 'slipway approves only kubelets' }
          : undefined,
    ),
  commandBootstrap: (cluster: string, command: 'keep' | 'out' | 'watch') => {
    const kind = { keep: 'kept', out: 'out', watch: 'waiting' }[command]
    const state = { kind, since: now, reason: `set by an administrator (bootstrap ${command})` }
    return Promise.resolve(cluster === 'ocp45' ? state : undefined)
  },
}
