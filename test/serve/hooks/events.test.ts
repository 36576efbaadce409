import t from 'tap'
import type { Seen } from '../../../src/install/observation.ts'
import { observationEvent, snapshotEvents, type Snapshot } from '../../../src/serve/hooks/events.ts'

const node = 'ocp45/w1'
const eventOf = (seen: Seen) => observationEvent({ ...seen, sequence: 1, at: 0 })

t.test('state changes and reports of the cluster are events', (t) => {
  const reason = 'its installer reported that the disk is written'
  t.same(eventOf({ node, kind: 'state', from: 'installing', to: 'installed', reason }), {
    type: 'node.installed',
    text: `ocp45/w1 is installed: ${reason}`,
    data: { node, from: 'installing', to: 'installed', reason },
  })
  const cluster = (word: Extract<Seen, { kind: 'cluster' }>['word'], because?: string) => {
    const { type, text, data } =
      eventOf({ node, kind: 'cluster', word, ...(because !== undefined && { reason: because }) }) ?? {}
    return [type, text, data]
  }
  t.same(
    [
      cluster('approved-client', 'csr-1'),
      cluster('approved-serving', 'csr-2'),
      cluster('ready'),
      cluster('not-ready', 'KubeletNotReady'),
      cluster('removed'),
    ],
    [
      [
        'csr.approved',
        'slipway approved the client certificate of ocp45/w1: csr-1',
        { node, certificate: 'client', request: 'csr-1' },
      ],
      [
        'csr.approved',
        'slipway approved the serving certificate of ocp45/w1: csr-2',
        { node, certificate: 'serving', request: 'csr-2' },
      ],
      ['node.ready', 'ocp45/w1 is Ready', { node }],
      ['node.not-ready', 'ocp45/w1 is not Ready: KubeletNotReady', { node, reason: 'KubeletNotReady' }],
      ['node.removed', 'the cluster no longer has ocp45/w1', { node }],
    ],
  )
  const types = (['install', 'installing', 'failed', 'local', 'menu'] as const).map(
    (to) => eventOf({ node, kind: 'state', from: 'installed', to, reason: '' })?.type,
  )
  t.same(types, ['node.armed', 'node.install-started', 'node.install-failed', undefined, undefined])
  t.equal(eventOf({ node, kind: 'cluster', word: 'registered' }), undefined)
  t.equal(eventOf({ node, kind: 'command', command: 'install' }), undefined)
  t.end()
})

const empty: Snapshot = {
  problems: [],
  symptoms: new Map(),
  machines: new Map(),
  pending: new Map(),
  bootstraps: new Map(),
}
const texts = (before: Snapshot | undefined, after: Snapshot) =>
  snapshotEvents(before, after).map(({ type, text }) => `${type}  ${text}`)

t.test('a problem starts and ends by its code; another one with the same code is an event again', (t) => {
  const down = (name: string, since: string) => {
    return { code: 'dns.resolver-down', text: `${name} has not answered for ${since}` }
  }
  const one = { ...empty, problems: [down('192.0.2.53', '10 s')] }
  const later = { ...empty, problems: [down('192.0.2.53', '20 s')] }
  const two = { ...empty, problems: [down('192.0.2.53', '30 s'), down('192.0.2.54', '1 s')] }
  t.same(texts(undefined, one), ['problem.started  dns.resolver-down: 192.0.2.53 has not answered for 10 s'])
  t.same(texts(one, later), [])
  t.same(texts(later, two), [
    'problem.started  dns.resolver-down: 192.0.2.53 has not answered for 30 s, 192.0.2.54 has not answered for 1 s',
  ])
  t.same(texts(two, one), [])
  t.same(texts(one, empty), ['problem.ended  dns.resolver-down has ended'])
  t.end()
})

t.test('a problem of a node ends when the node has no problem, or another one', (t) => {
  const stuck = (code: string): Snapshot => {
    return { ...empty, symptoms: new Map([[node, { code, saw: 'waits', likely: 'a', advice: 'b' }]]) }
  }
  const [first, second] = [stuck('boot.menu-waits'), stuck('install.failed')]
  t.same(snapshotEvents(empty, first), [
    {
      type: 'node.problem-started',
      text: 'ocp45/w1 waits',
      data: { node, code: 'boot.menu-waits', saw: 'waits', likely: 'a', advice: 'b' },
    },
  ])
  t.same(texts(first, first), [])
  t.same(texts(first, second), [
    'node.problem-ended  ocp45/w1: boot.menu-waits has ended',
    'node.problem-started  ocp45/w1 waits',
  ])
  t.same(texts(second, empty), ['node.problem-ended  ocp45/w1: install.failed has ended'])
  t.end()
})

t.test('new undeclared machines are one event, however many there are', (t) => {
  const seen = (...macs: string[]): Snapshot => {
    return { ...empty, machines: new Map(macs.map((mac) => [mac, { mac }])) }
  }
  t.same(snapshotEvents(undefined, seen('00:00:5e:00:53:77')), [
    {
      type: 'machine.undeclared',
      text: '1 undeclared machine sent DHCP requests: 00:00:5e:00:53:77',
      data: { machines: [{ mac: '00:00:5e:00:53:77' }] },
    },
  ])
  t.same(texts(seen('a'), seen('a', 'b', 'c', 'd', 'e')), [
    'machine.undeclared  4 undeclared machines sent DHCP requests: b, c, d and 1 more',
  ])
  t.same(texts(seen('a', 'b'), seen('b')), [])
  t.end()
})

t.test('a certificate request is an event when it is pending in a second snapshot', (t) => {
  const pending = (snapshots: number): Snapshot => {
    const request = {
      cluster: 'ocp45',
      name: 'csr-1',
      username: 'system:node:w1',
      code: 'csr.unknown-node',
      reason: 'no such node',
    }
    return { ...empty, pending: new Map([['ocp45/csr-1', { ...request, snapshots }]]) }
  }
  t.same(texts(undefined, pending(1)), [])
  t.same(snapshotEvents(pending(1), pending(2)), [
    {
      type: 'csr.pending',
      text: 'ocp45: 1 certificate request pending: csr-1 (no such node)',
      data: {
        cluster: 'ocp45',
        requests: [
          { name: 'csr-1', username: 'system:node:w1', code: 'csr.unknown-node', reason: 'no such node' },
        ],
      },
    },
  ])
  t.same(texts(pending(2), pending(3)), [])
  t.end()
})

t.test('a bootstrap that was drained before the start is not an event', (t) => {
  const state = (kind: string): Snapshot => {
    return { ...empty, bootstraps: new Map([['ocp45', { kind, reason: 'bootstrap complete' }]]) }
  }
  t.same(texts(undefined, state('out')), [])
  t.same(texts(empty, state('out')), [], 'another cluster of a reloaded site')
  t.same(snapshotEvents(state('waiting'), state('out')), [
    {
      type: 'bootstrap.removed',
      text: 'the bootstrap of ocp45 is drained: bootstrap complete',
      data: { cluster: 'ocp45', reason: 'bootstrap complete' },
    },
  ])
  t.same(texts(state('out'), state('out')), [])
  t.end()
})
