import t from 'tap'
import {
  createRepeatedFactFilter,
  factsOf,
  type Viewpoint,
  decideArming,
  endOf,
} from '../../../../src/cli/commands/node/add-progress.ts'
import type { NodeSnapshot, Goal } from '../../../../src/cli/client.ts'
import { csrsOfJoining, joining, joiningSnapshot } from '../../../support/joining-node.ts'
import { observedNode } from '../../../support/observed-node.ts'
import type { MemberReport } from '../../../../src/cluster/report.ts'
import type { NodeRecord } from '../../../../src/install/installs.ts'
import type { Mode } from '../../../../src/install/node-states.ts'

const began = Date.UTC(2026, 10, 21, 10)
const view: Viewpoint = { goal: 'ready', from: began, others: ['c1/w1', 'w1.c1.example.net'] }

function lines(sight: NodeSnapshot, more: Partial<Viewpoint> = {}): string[] {
  return createRepeatedFactFilter()(factsOf(sight, { ...view, ...more }))
}

t.test('a whole installation prints each step once, in order', (t) => {
  const newLines = createRepeatedFactFilter()
  const life = observedNode(joining, began)
  const poll = (facts: Parameters<typeof joiningSnapshot>[0] = {}) =>
    newLines(factsOf(joiningSnapshot({ life, csrs: csrsOfJoining(), ...facts }, life.now()), view))
  t.same(poll(), ['armed: the site file sets boot: install'])
  t.same(poll(), [])
  life.asks('firmware')
  t.same(poll(), ['firmware DHCP: x64 UEFI'])
  life.loader('probed').loader('sent').asks('ipxe').script('wait', { reason: 'no master serves 22623' })
  t.same(poll(), ['loader: efi/ipxe.efi by TFTP', 'iPXE DHCP: x64 UEFI', 'waiting: no master serves 22623'])
  life.script('install', { role: 'worker' })
  const startedAt = life.now()
  const attempt = { role: 'worker', startedAt, earlier: 0 } as const
  const installing = {
    mode: 'installing',
    since: startedAt,
    reason: 'its network boot began it',
    attempt,
  } as const
  t.same(poll({ record: installing }), [
    'script: installs as worker',
    'installing: its network boot began it',
  ])
  life.fetches('kernel').fetches('initramfs').asks('system').file('rootfs', 'begun', 0, 0)
  t.same(poll({ record: installing }), [
    'kernel: rhcos-live-kernel-x86_64, 14.0 MiB in 140 ms',
    'initramfs: rhcos-live-initramfs.x86_64.img, 96.0 MiB in 960 ms',
    'live DHCP',
    'rootfs: rhcos-live-rootfs.x86_64.img started',
  ])
  life.pass(5000).file('rootfs', 'under-way', 450 * 1024 ** 2, 5000)
  t.same(poll({ record: installing }), [], 'a changed percentage is not a new line')
  life
    .pass(5000)
    .file('rootfs', 'sent', 1024 ** 3, 10_000)
    .ignition()
  t.same(poll({ record: installing }), [
    'rootfs: rhcos-live-rootfs.x86_64.img, 1.0 GiB in 10 s',
    'Ignition: worker.ign',
    'writing to its disk',
  ])
  life.pass(60_000).callback('written')
  const installed = { mode: 'installed', since: life.now(), reason: 'its disk is written', attempt } as const
  t.same(poll({ record: installed }), ['disk written', 'installed: its disk is written'])
  life.pass(60_000).asks('system').callback('started')
  const reason = 'No CNI configuration file'
  t.same(poll({ record: installed, member: { state: 'absent' } }), ['DHCP from disk', 'first start'])
  t.same(poll({ record: installed, member: { state: 'not-ready', reason } }), [
    'registered',
    `not Ready: ${reason}`,
  ])
  t.same(poll({ record: installed, member: { state: 'unknown' } }), [])
  t.same(poll({ record: installed, member: { state: 'not-ready', reason } }), [])
  t.same(poll({ record: installed, member: { state: 'not-ready' } }), ['not Ready'])
  t.same(poll({ record: installed, member: { state: 'ready' } }), ['Ready'])
  t.end()
})

t.test('a node that is already installing is followed from its current step', (t) => {
  const life = observedNode(joining, began - 100_000)
    .pxe()
    .installer()
  const record = {
    mode: 'installing',
    since: began - 90_000,
    reason: 'its network boot began it',
  } as const
  t.same(lines(joiningSnapshot({ life, record }, began)), [
    'installing: its network boot began it',
    'writing to its disk',
  ])
  life.pass(began - life.now() + 5).callback('written')
  t.same(lines(joiningSnapshot({ life, record }, began)), [
    'installing: its network boot began it',
    'disk written',
  ])
  t.same(
    lines(
      joiningSnapshot(
        {
          life,
          record: { ...record, mode: 'failed', attempt: { role: 'worker', startedAt: 0, earlier: 2 } },
        },
        began,
      ),
    ).slice(0, 1),
    ['failed, attempt 3: its network boot began it'],
  )
  t.end()
})

t.test('a symptom is printed once, and again when it returns', (t) => {
  const newLines = createRepeatedFactFilter()
  const life = observedNode(joining, began)
  const poll = (minutes = 0) =>
    newLines(
      factsOf(joiningSnapshot({ life }, life.now() + minutes * 60_000), { ...view, goal: 'installed' }),
    )
  life.asks('firmware').loader('probed').loader('sent')
  t.same(poll(), [
    'armed: the site file sets boot: install',
    'firmware DHCP: x64 UEFI',
    'loader: efi/ipxe.efi by TFTP',
  ])
  t.match(poll(10), [
    /^! fetched efi\/ipxe\.efi .*never sent a DHCP request as iPXE: .*; set `loader: snponly`/,
  ])
  t.same(poll(11), [])
  life.asks('ipxe')
  t.same(poll(), ['iPXE DHCP: x64 UEFI'])
  t.end()
})

t.test('a cluster step outside of a boot is shown in chronological order', (t) => {
  const sight = joiningSnapshot(
    { record: { mode: 'local', since: 5, reason: 'the site file sets boot: local' } },
    began,
  )
  const step = { what: '', outcome: 'done', durationMs: 0, count: 1 } as const
  const words = [
    { ...step, kind: 'started', startedAt: began + 5, endedAt: began + 5, sequence: 2 },
    { ...step, kind: 'disk-dhcp', startedAt: began, endedAt: began, sequence: 1 },
  ] as const
  t.same(lines({ ...sight, details: { ...sight.details, words } }), [
    'local: the site file sets boot: local',
    'DHCP from disk',
    'first start',
  ])
  t.end()
})

const attempt = { role: 'worker', startedAt: began, earlier: 0 } as const
const installed = { mode: 'installed', since: began, reason: 'its disk is written', attempt } as const
const client = 'kubernetes.io/kube-apiserver-client-kubelet'
const bootstrapper = 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper'

const reason = '"localhost" is not a declared node of this cluster'
const localhost = { signer: client, username: bootstrapper, reason }
const requests: { name: string; request: Parameters<typeof csrsOfJoining>[0]; line?: string }[] = [
  {
    name: 'its serving certificate',
    request: { reason: 'the address 192.0.2.99 is not declared for c1/w2' },
    line: '! its serving certificate request csr-0 is pending: the address 192.0.2.99 is not declared for c1/w2',
  },
  {
    name: 'its serving certificate, by its short name',
    request: { username: 'system:node:w2' },
    line: '! its serving certificate request csr-0 is pending: its request is not PKCS#10',
  },
  { name: "another node's serving certificate", request: { username: 'system:node:w1.c1.example.net' } },
  {
    name: 'a client certificate whose reason names it',
    request: { signer: client, username: bootstrapper, reason: 'c1/w2 was not seen booting' },
    line: '! its client certificate request csr-0 is pending: c1/w2 was not seen booting',
  },
  {
    name: 'a client certificate of a name that it should not have',
    request: { ...localhost, createdAt: began - 59_000 },
    line: '! the client certificate request, perhaps from this node, csr-0 is pending: "localhost" is not a declared node of this cluster',
  },
  {
    name: 'a client certificate that was requested before',
    request: { ...localhost, createdAt: began - 61_000 },
  },
  {
    name: 'a client certificate whose reason names another node',
    request: {
      signer: client,
      username: bootstrapper,
      createdAt: began,
      reason: 'c1/w1 was not seen booting',
    },
  },
  {
    name: 'a request of an unknown kubelet',
    request: { signer: 'example.net/x', username: 'eve', createdAt: began },
  },
  { name: 'a request whose approval is in progress', request: { reason: 'it is being approved' } },
]
for (const { name, request, line } of requests) {
  t.test(`a request that is pending: ${name}`, (t) => {
    const sight = joiningSnapshot({ record: installed, csrs: csrsOfJoining(request) }, began)
    t.same(lines(sight), ['installed: its disk is written', ...(line === undefined ? [] : [line])])
    t.end()
  })
}

t.test('an unreachable cluster is reported, unless the goal does not need it', (t) => {
  const trouble = 'there is no kubeconfig /x'
  const csrs = { ...csrsOfJoining(), trouble: 'the server refuses' }
  const sight = joiningSnapshot({ record: installed, trouble, csrs }, began)
  t.same(lines(sight), [
    'installed: its disk is written',
    '! cluster API not reachable: there is no kubeconfig /x',
    '! certificate requests not available: the server refuses',
  ])
  t.same(lines(sight, { goal: 'installed' }), ['installed: its disk is written'])
  t.match(lines(joiningSnapshot({ record: installed }, began)), [
    'installed: its disk is written',
    /^! slipway does not approve certificate requests of this cluster \(key "approve"\): run "oc get csr" and "oc adm certificate/,
  ])
  t.end()
})

t.test('a Ready node needs no further approvals', (t) => {
  const sight = joiningSnapshot({ record: installed, member: { state: 'ready' } }, began)
  t.same(lines(sight), ['installed: its disk is written', 'registered', 'Ready'])
  t.end()
})

t.test('a node that is registered before it is installed is the previous one', (t) => {
  const sight = joiningSnapshot({ member: { state: 'ready' } }, began)
  t.same(lines(sight), [
    'armed: the site file sets boot: install',
    '! its cluster still has the previous node of this name',
  ])
  t.end()
})

const now = Date.UTC(2026, 10, 21, 10)
const sight = (record: Partial<NodeRecord>, state?: MemberReport['state']) =>
  joiningSnapshot({ record, ...(state === undefined ? {} : { member: { state } }) }, now)

const armings: {
  name: string
  record: Partial<NodeRecord>
  state?: MemberReport['state']
  arming: string
}[] = [
  { name: 'the site arms it', record: { mode: 'install' }, arming: 'continue' },
  { name: 'it is being installed', record: { mode: 'installing', lastSeen: 5 }, arming: 'continue' },
  { name: 'it was installed', record: { mode: 'installed', lastSeen: 5 }, arming: 'continue' },
  {
    name: 'the site sets boot: local, and the machine was never seen',
    record: { mode: 'local' },
    arming: 'arm',
  },
  {
    name: 'the site shows it the menu, and its cluster is not reachable',
    record: { mode: 'menu' },
    state: 'unknown',
    arming: 'arm',
  },
  {
    name: 'it requested its script while its entry was already served',
    record: { mode: 'local', lastSeen: now },
    state: 'absent',
    arming: 'arm',
  },
  {
    name: 'it was seen before',
    record: { mode: 'local', reason: 'set by an administrator', lastSeen: now - 1 },
    arming:
      'c1/w2 was seen before, and its boot mode is local (set by an administrator): if slipway can overwrite its disk, run "slipway node install c1/w2"',
  },
  {
    name: 'it was seen before and failed',
    record: { mode: 'failed', lastSeen: 5 },
    arming: 'c1/w2 was seen before, and its boot mode is failed',
  },
  { name: 'its cluster has it', record: { mode: 'local' }, state: 'not-ready', arming: 'continue' },
]
for (const { name, record, state, arming } of armings) {
  t.test(`decides arming: ${name}`, (t) => {
    const decided = decideArming(sight(record, state), now)
    const text = typeof decided === 'string' ? decided : decided.reason
    t.equal(text.slice(0, arming.length), arming)
    t.end()
  })
}

const notArmed = 'c1/w2 will not be installed: its boot mode is local (the site file sets boot: install)'
const failed = 'the installation of c1/w2 failed; "slipway node show c1/w2" shows its steps'
const ends: { mode: Mode; state: MemberReport['state']; goal: Goal; end: string | undefined }[] = [
  { mode: 'install', state: 'ready', goal: 'ready', end: undefined },
  { mode: 'installing', state: 'ready', goal: 'ready', end: undefined },
  { mode: 'installed', state: 'absent', goal: 'installed', end: 'done' },
  { mode: 'installed', state: 'not-ready', goal: 'ready', end: undefined },
  { mode: 'installed', state: 'ready', goal: 'ready', end: 'done' },
  { mode: 'local', state: 'not-ready', goal: 'installed', end: 'done' },
  { mode: 'local', state: 'not-ready', goal: 'ready', end: undefined },
  { mode: 'local', state: 'unknown', goal: 'ready', end: undefined },
  { mode: 'menu', state: 'ready', goal: 'ready', end: 'done' },
  { mode: 'local', state: 'absent', goal: 'installed', end: notArmed },
  { mode: 'failed', state: 'unknown', goal: 'installed', end: failed },
]
for (const { mode, state, goal, end } of ends) {
  t.test(`the end of node add: ${mode}, in its cluster ${state}, until ${goal}`, (t) => {
    const ended = endOf(sight({ mode }, state), goal)
    t.equal(typeof ended === 'object' ? ended.reason : ended, end)
    t.end()
  })
}
