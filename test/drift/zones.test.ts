import t from 'tap'
import { checkDelegation } from '../../src/drift/zones.ts'
import type { DnsQuestion } from '../../src/drift/exchange.ts'
import type { DnsReply } from '../../src/drift/compare.ts'
import { a, fakeServers, ns, other, reply, silence, soa } from '../support/dns-answers.ts'

const zone = 'c1.example.net'
const resolver = { address: '203.0.113.53', port: 53 }
const server = '192.0.2.2'
const delegated = { zone, nameServers: [`ns1.${zone}`], addresses: [server, '192.0.2.53'] }

/** Resolves the name server of the parent zone, and `extra` names. */
const resolve =
  (extra: Readonly<Record<string, string>> = {}) =>
  ({ name, type }: DnsQuestion): DnsReply | undefined => {
    if (type === 'SOA') return reply({ answers: [soa('example.net')] })
    if (type === 'NS') return reply({ answers: [ns('example.net', 'ns.example.net')] })
    const address = { 'ns.example.net': '198.51.100.1', ...extra }[name]
    return address === undefined ? undefined : reply({ answers: [a(name, address)] })
  }

/** The name server of the parent zone, which refers to slipway. */
const parent =
  (servers: readonly string[], glue: readonly string[], has: readonly ('DS' | 'DNSKEY')[] = []) =>
  ({ name, type, isRecursionDesired }: DnsQuestion): DnsReply => {
    if (isRecursionDesired !== false) return reply({ rcode: 5 })
    if (type === 'DS' || type === 'DNSKEY') {
      return reply({ isAuthoritative: true, answers: has.includes(type) ? [other(name, type)] : [] })
    }
    const authority = servers.map((target) => ns(zone, target))
    const additional = glue.map((address, index) => a(servers[index] ?? '', address))
    return servers.length === 0
      ? reply({ rcode: 3, authority: [soa('example.net')] })
      : reply({ authority, additional })
  }

const check = (parentServer: (question: DnsQuestion) => DnsReply | undefined, extra = {}) => {
  const { ask } = fakeServers({ [resolver.address]: resolve(extra), '198.51.100.1': parentServer })
  return checkDelegation(ask, [{ address: '203.0.113.1', port: 53 }, resolver], delegated)
}

const own = `ns1.${zone}`
const cases = [
  {
    name: 'with glue',
    server: parent([own], [server]),
    result: { severity: 'ok', message: `example.net delegates it to ${own} at ${server}` },
  },
  {
    name: 'no delegation',
    server: parent([], []),
    result: {
      severity: 'warning',
      code: 'dns.delegation-missing',
      message: /forward the zone here find its names$/,
    },
  },
  {
    name: 'no delegation in a signed parent zone',
    server: parent([], [], ['DNSKEY']),
    result: {
      severity: 'warning',
      code: 'dns.delegation-missing',
      message: /validating resolvers reject the names/,
    },
  },
  {
    name: 'a DS record',
    server: parent([own], [server], ['DS']),
    result: { severity: 'failure', code: 'dns.delegation-signed', message: /^example\.net has a DS record/ },
  },
  {
    name: 'to another server',
    server: parent([own], ['10.0.0.9']),
    result: {
      severity: 'failure',
      code: 'dns.delegation-different',
      message: `example.net delegates it to ${own}, at 10.0.0.9: expected 192.0.2.2, 192.0.2.53`,
    },
  },
  {
    name: 'to a name without an address',
    server: parent(['ns.example.com'], []),
    result: { severity: 'failure', code: 'dns.delegation-different', message: /which have no address/ },
  },
  {
    name: 'to one server too many',
    server: parent([own, 'ns2.example.net'], [server, '10.0.0.9']),
    result: {
      severity: 'warning',
      code: 'dns.delegation-different',
      message: /10\.0\.0\.9 is neither this server nor/,
    },
  },
  {
    name: 'by another name, without glue',
    server: parent(['slipway.example.net'], []),
    extra: { 'slipway.example.net': server },
    result: { severity: 'warning', code: 'dns.delegation-different', message: /set dns\.nameServers$/ },
  },
  {
    name: 'a parent server that does not respond',
    server: () => silence,
    result: {
      severity: 'warning',
      code: 'dns.delegation-unverified',
      message: 'no name server of example.net answers: tried 198.51.100.1:53',
    },
  },
  {
    name: 'a parent server that refuses',
    server: () => reply({ rcode: 5 }),
    result: { severity: 'warning', code: 'dns.delegation-unverified' },
  },
] as const

for (const { name, server: answers, result, ...more } of cases) {
  t.test(name, async (t) => {
    t.match(await check(answers, 'extra' in more ? more.extra : {}), { kind: 'delegation', zone, ...result })
  })
}

t.test('reports a parent zone whose servers have no address', async (t) => {
  const { ask } = fakeServers({
    [resolver.address]: ({ type }) => (type === 'SOA' ? reply({ answers: [soa('example.net')] }) : undefined),
  })
  t.match(await checkDelegation(ask, [resolver], delegated), { message: /none was found$/ })
})

t.test('reports a domain that is not registered, and resolvers that do not answer', async (t) => {
  const { ask } = fakeServers({
    [resolver.address]: () => reply({ rcode: 3, authority: [soa('')] }),
    '203.0.113.2': () => reply({ answers: [soa('unrelated.org')] }),
  })
  t.match(await checkDelegation(ask, [resolver], delegated), {
    severity: 'ok',
    message: 'example.net is not registered, so nothing delegates it',
  })
  const unverified = { severity: 'warning', message: 'the resolvers do not answer for its parent zone' }
  t.match(await checkDelegation(ask, [{ address: '203.0.113.1', port: 53 }], delegated), unverified)
  t.match(
    await checkDelegation(ask, [{ address: '203.0.113.2', port: 53 }], delegated),
    unverified,
    'a foreign SOA',
  )
})
