import t from 'tap'
import {
  hashToken,
  judgeRead,
  judgeWord,
  mostReads,
  mostRequests,
  newToken,
} from '../../src/install/guard.ts'
import type { Secret } from '../../src/install/installs.ts'
import { advance, begin, tokenLifetimeMs, type State } from '../../src/install/machine.ts'
import { installPlan } from '../support/installs.ts'

const m1 = installPlan().get('ocp45/m1')!
const open = installPlan((site) => Object.assign(site.clusters[0]!, { ignitionAccess: 'open' })).get(
  'ocp45/m1',
)!
const now = Date.UTC(2026, 0, 1)
const token = newToken()
const event = { kind: 'boot', role: 'master', isChosen: false, tokenHash: hashToken(token) } as const
const installing = advance(begin(m1), event, now)
const own = { token, address: '192.0.2.11' }

function counted(change: object): State {
  return { ...installing, attempt: { ...installing.attempt!, ...change } }
}

const cases: readonly {
  name: string
  state?: State
  reader?: { token: string; address: string }
  what?: Secret
  at?: number
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
    state: begin(m1),
    reason: 'ocp45/m1 is not being installed: its mode is install',
  },
  {
    name: 'a node that is installed',
    state: advance(installing, { kind: 'callback', stage: 'written' }, now),
    reason: 'ocp45/m1 is not being installed: its mode is installed',
  },
  {
    name: 'without its token',
    reader: { ...own, token: '' },
    reason: 'its token is not that of the installation under way',
  },
  {
    name: 'with the token of another attempt',
    reader: { ...own, token: newToken() },
    reason: 'its token is not that of the installation under way',
  },
  {
    name: 'with a token that is worth nothing any more',
    state: counted({ tokenHash: '' }),
    reason: 'its token is not that of the installation under way',
  },
  {
    name: 'the file of another role',
    what: 'bootstrap',
    reason: 'ocp45/m1 is being installed as master, not as bootstrap',
  },
  { name: 'a moment before the token expires', at: now + tokenLifetimeMs - 1 },
  {
    name: 'when the token expires',
    at: now + tokenLifetimeMs,
    reason: 'its token expired at 2026-01-01T01:00:00.000Z',
  },
  {
    name: 'after the last read',
    state: counted({ reads: mostReads }),
    reason: 'the Ignition file was read 3 times already',
  },
  {
    name: 'after the last request',
    state: counted({ requests: mostRequests }),
    reason: 'files were asked for 20 times already',
  },
]

for (const { name, state = installing, reader = own, what = 'master', at = now, reason } of cases) {
  const expected = reason === undefined ? { kind: 'allowed' } : { kind: 'refused', reason }
  t.same(judgeRead(m1, state, reader, what, at), expected, `who may read: ${name}`)
}

t.test('an open cluster gives its Ignition files to everybody', (t) => {
  t.same(judgeRead(open, begin(open), { token: '', address: '198.51.100.1' }, 'bootstrap', now), {
    kind: 'allowed',
  })
  t.end()
})

t.test("a node's word counts with the token of its last installation, from its own address", (t) => {
  const allowed = { kind: 'allowed' }
  t.same(judgeWord(m1, installing, own), allowed)
  t.same(judgeWord(m1, advance(installing, { kind: 'callback', stage: 'written' }, now), own), allowed)
  const elsewhere = { token, address: '198.51.100.1' }
  t.same(judgeWord(m1, installing, elsewhere), {
    kind: 'refused',
    reason: '198.51.100.1 is not an address of ocp45/m1',
  })
  t.same(judgeWord(open, installing, elsewhere), allowed)
  const reason = 'its token is not that of the last installation'
  t.same(judgeWord(open, installing, { ...own, token: 'x' }), { kind: 'refused', reason })
  t.same(judgeWord(m1, begin(m1), own), { kind: 'refused', reason })
  t.end()
})

t.test('tokens have 128 bits in 22 characters that a URL takes, and no two are the same', (t) => {
  t.match(token, /^[\w-]{22}$/)
  t.not(newToken(), newToken())
  t.end()
})
