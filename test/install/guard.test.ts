import t from 'tap'
import {
  hashToken,
  checkCallback,
  checkRead,
  maxReads,
  maxRequests,
  startedTokenOf,
  newToken,
} from '../../src/install/guard.ts'
import type { Secret } from '../../src/install/installs.ts'
import { tokenLifetimeMs } from '../../src/install/decide-boot.ts'
import { advance, type Event } from '../../src/install/machine.ts'
import { initialState, type State } from '../../src/install/machine-state.ts'
import { installPlan } from '../support/installs.ts'

const m1 = installPlan().get('ocp45/m1')!
const open = installPlan((site) => Object.assign(site.clusters[0]!, { ignitionAccess: 'open' })).get(
  'ocp45/m1',
)!
const now = { at: Date.UTC(2026, 0, 1), tick: 5000, epoch: 'test' }
const later = (ms: number) => ({ ...now, at: now.at + ms, tick: now.tick + ms })
const token = newToken()
const startedToken = startedTokenOf(token, 'secret')
const event: Event = {
  kind: 'boot',
  role: 'master',
  isChosen: false,
  isDeliberate: true,
  tokenHash: hashToken(token),
  startedHash: hashToken(startedToken),
  requiresExchange: false,
  isClusterRead: true,
  isKnownByUuid: false,
  needsConsent: false,
  isInstaller: true,
  isRecordable: true,
}
const installing = advance(initialState(m1), event, now)
const own = { token, address: '192.0.2.11' }

function counted(change: object): State {
  return { ...installing, attempt: { ...installing.attempt!, ...change } }
}

const cases: readonly {
  name: string
  state?: State
  reader?: { token: string; address: string }
  what?: Secret
  at?: typeof now
  code?: string
  reason?: string
}[] = [
  { name: 'the node itself, with its token' },
  { name: 'the same node by IPv6', reader: { token, address: '2001:db8::11' } },
  { name: "its live system's Ignition", what: 'live' },
  { name: 'an initramfs with secrets', what: 'initramfs' },
  {
    name: 'another node',
    reader: { token, address: '192.0.2.21' },
    reason: '192.0.2.21 is not an address of ocp45/m1',
  },
  {
    name: 'a node that is only armed',
    state: initialState(m1),
    reason: 'ocp45/m1 is not being installed: its state is install',
  },
  {
    name: 'a node that is installed',
    state: advance(installing, { kind: 'callback', stage: 'written', isProof: false }, now),
    reason: 'ocp45/m1 is not being installed: its state is installed',
  },
  {
    name: 'without its token',
    reader: { ...own, token: '' },
    reason: 'its token is not the one of the installation in progress',
  },
  {
    name: 'with the token of another attempt',
    reader: { ...own, token: newToken() },
    reason: 'its token is not the one of the installation in progress',
  },
  {
    name: 'with a revoked token',
    state: counted({ tokenHash: '' }),
    reason: 'its token is not the one of the installation in progress',
  },
  {
    name: 'the file of another role',
    what: 'bootstrap',
    reason: 'ocp45/m1 is being installed as master, not as bootstrap',
  },
  { name: 'a moment before the token expires', at: later(tokenLifetimeMs - 1) },
  {
    name: 'when the token expires',
    at: later(tokenLifetimeMs),
    reason: 'its token has expired: it was valid for 60 min',
  },
  {
    name: 'after the last read',
    state: counted({ reads: maxReads }),
    reason: 'the Ignition file was already read 3 times',
  },
  {
    name: 'after the last request',
    state: counted({ requests: maxRequests }),
    reason: 'files were already requested 20 times',
  },
]

for (const { name, state = installing, reader = own, what = 'master', at = now, reason } of cases) {
  const expected =
    reason === undefined ? { kind: 'allowed' } : { kind: 'refused', reason, code: /^ignition\./ }
  t.match(checkRead(m1, state, reader, what, at), expected, `access to the file: ${name}`)
}

t.test('each of several answer files can be read as often as a single one', (t) => {
  const node = { ...m1, answers: 4 }
  t.same(checkRead(node, counted({ reads: 11, requests: 28 }), own, 'master', now), { kind: 'allowed' })
  const reasons = [
    [{ reads: 12 }, 'the answer files were already read 12 times'],
    [{ requests: 29 }, 'files were already requested 29 times'],
  ] as const
  for (const [counts, reason] of reasons) {
    t.match(checkRead(node, counted(counts), own, 'master', now), { kind: 'refused', reason })
  }
  t.end()
})

t.test('an open cluster sends its Ignition files to any client', (t) => {
  t.same(checkRead(open, initialState(open), { token: '', address: '198.51.100.1' }, 'bootstrap', now), {
    kind: 'allowed',
  })
  t.end()
})

t.test('a callback needs a token of the last installation and the address of the node', (t) => {
  const allowed = { kind: 'allowed', isProof: false }
  t.same(checkCallback(m1, installing, own), allowed)
  t.same(
    checkCallback(m1, advance(installing, { kind: 'callback', stage: 'written', isProof: false }, now), own),
    allowed,
  )
  const elsewhere = { token, address: '198.51.100.1' }
  t.match(checkCallback(m1, installing, elsewhere), {
    kind: 'refused',
    reason: '198.51.100.1 is not an address of ocp45/m1',
  })
  t.same(checkCallback(open, installing, elsewhere), allowed)
  const reason = 'its token is not the one of the last installation'
  t.match(checkCallback(open, installing, { ...own, token: 'x' }), { kind: 'refused', reason })
  t.match(checkCallback(m1, initialState(m1), own), { kind: 'refused', reason })
  t.end()
})

t.test('only the token in the Ignition file proves a boot from disk; it opens nothing else', (t) => {
  const proof = { ...own, token: startedToken }
  t.same(checkCallback(m1, installing, proof), { kind: 'allowed', isProof: true })
  t.match(checkRead(m1, installing, proof, 'master', now), { kind: 'refused', code: 'ignition.wrong-token' })
  t.match(startedToken, /^[\w-]{22}$/)
  t.not(startedTokenOf(token, 'another secret'), startedToken)
  t.end()
})

t.test('tokens have 128 bits in 22 characters that need no escape, and are unique', (t) => {
  t.match(token, /^[\w-]{22}$/)
  t.not(newToken(), newToken())
  t.end()
})
