import fc from 'fast-check'
import t from 'tap'
import { readCsr } from '../../../src/cluster/csr/object.ts'
import {
  csrNodes,
  isFlood,
  judgeCsr,
  type Circumstances,
  type Sighting,
} from '../../../src/cluster/csr/policy.ts'
import { askedAt, clientCsr, csrTestNodes, requestOf, servingCsr, type CsrObject } from '../../support/csr.ts'
import { exampleModel } from '../../support/model.ts'
import { makeRequest, pemRequest } from '../../support/pkcs10.ts'

const minute = 60_000
const hour = 60 * minute

/** All nodes were seen booting five to four minutes before the requests. */
const usual: Circumstances = {
  nodes: csrTestNodes,
  seen: () => ({ from: askedAt - 5 * minute, to: askedAt - 4 * minute }),
  now: askedAt + 1000,
  existingNodes: new Map(),
}

/** What becomes of it: the reason, after `approve` or `leave`. */
function verdict(object: unknown, more: Partial<Circumstances> = {}): string {
  const csr = readCsr(object)
  if (csr === undefined) return 'no request'
  const judged = judgeCsr(csr, { ...usual, ...more })
  return judged.kind === 'approve' ? `approve: ${judged.why}` : `leave: ${judged.reason}`
}

const seenBefore = 'approve: w1.ocp45.example.net is declared, and was seen booting 4 min before it asked'
const itself = 'approve: w1.ocp45.example.net itself asks, for names and addresses that are declared for it'
const encipherment = ['key encipherment', 'digital signature']

t.test('what kubelets of declared nodes ask for is approved', (t) => {
  const rows: readonly (readonly [name: string, object: CsrObject, is: string])[] = [
    ['its first request', clientCsr(), seenBefore],
    ['with an RSA key', clientCsr('client-rsa', { usages: [...encipherment, 'client auth'] }), seenBefore],
    [
      'by its short name',
      clientCsr('client-short-name'),
      'approve: w1 is declared, and was seen booting 4 min before it asked',
    ],
    ['for a month', clientCsr('client', { expirationSeconds: 2_592_000 }), seenBefore],
    ['its second request', servingCsr(), itself],
    ['in upper case', servingCsr('serving-upper-case'), itself],
    ['with key encipherment', servingCsr('serving', { usages: [...encipherment, 'server auth'] }), itself],
    [
      'in another group too',
      servingCsr('serving', { groups: ['system:authenticated', 'x', 'system:nodes'] }),
      itself,
    ],
    [
      'addresses of both families',
      servingCsr('serving-dual-stack', { username: 'system:node:m1.ocp45.example.net' }),
      itself.replace('w1', 'm1'),
    ],
  ]
  for (const [name, object, is] of rows) t.equal(verdict(object), is, name)
  t.end()
})

t.test('a first request that is otherwise is left, with the reason', (t) => {
  const extra = (request: string) => clientCsr(request)
  const client = (more: Record<string, unknown>) => clientCsr('client', more)
  const groups = [
    'system:serviceaccounts',
    'system:serviceaccounts:openshift-machine-config-operator',
    'system:authenticated',
  ]
  const prefix = 'expected one system:node:NAME'
  const rows: readonly (readonly [name: string, object: CsrObject, reason: string])[] = [
    [
      'another signer',
      client({ signerName: 'kubernetes.io/kube-apiserver-client' }),
      'its signer is "kubernetes.io/kube-apiserver-client", which is not for kubelets',
    ],
    ['no signer', client({ signerName: undefined }), 'its signer is "", which is not for kubelets'],
    [
      'another requestor',
      client({ username: 'system:admin' }),
      `"system:admin" asks for it, expected the machine config operator's node-bootstrapper`,
    ],
    [
      'a group more',
      client({ groups: [...groups, 'system:masters'] }),
      `who asks is in the groups "${[...groups, 'system:masters'].join(', ')}", expected the node-bootstrapper's`,
    ],
    [
      'a group less',
      client({ groups: groups.slice(1) }),
      `who asks is in the groups "${groups.slice(1).join(', ')}", expected the node-bootstrapper's`,
    ],
    [
      'a group twice instead of another',
      client({ groups: ['system:authenticated', 'system:authenticated', 'system:serviceaccounts'] }),
      `who asks is in the groups "system:authenticated, system:authenticated, system:serviceaccounts", expected the node-bootstrapper's`,
    ],
    [
      'no list of groups',
      client({ groups: 'system:masters' }),
      `who asks is in the groups "", expected the node-bootstrapper's`,
    ],
    [
      'a usage more',
      client({ usages: ['digital signature', 'client auth', 'server auth'] }),
      'it is for "digital signature, client auth, server auth", expected digital signature, client auth and perhaps key encipherment',
    ],
    [
      'usages that are no texts',
      client({ usages: [1, 2] }),
      'it is for ", ", expected digital signature, client auth and perhaps key encipherment',
    ],
    [
      'for longer',
      client({ expirationSeconds: 2_600_000_000 }),
      'it asks for 30093 d, expected 30 d at most',
    ],
    [
      'a DNS name',
      extra('serving'),
      'it asks for the name "w1.ocp45.example.net" in a client certificate, expected none',
    ],
    [
      'an address',
      client({
        request: makeRequest({
          commonNames: ['system:node:w1'],
          organisations: ['system:nodes'],
          addresses: ['192.0.2.21'],
        }),
      }),
      'it asks for the name "192.0.2.21" in a client certificate, expected none',
    ],
    [
      'an email address',
      extra('email'),
      'its request has "email root@example.net", which no kubelet asks for',
    ],
    ['a URI', extra('uri'), 'its request has "URI https://example.net", which no kubelet asks for'],
    [
      'to be an authority',
      extra('authority'),
      'its request has the extension 2.5.29.19, which no kubelet asks for',
    ],
    ['a unit', extra('unit'), 'its request has 2.5.4.11 in its subject, which no kubelet asks for'],
    [
      'another organisation',
      extra('organisation'),
      'its organisation is "system:masters", expected system:nodes',
    ],
    [
      'two organisations',
      extra('two-organisations'),
      'its organisation is "system:masters, system:nodes", expected system:nodes',
    ],
    ['no organisation', extra('no-organisation'), 'its organisation is "", expected system:nodes'],
    [
      'two common names',
      extra('two-names'),
      `its common name is "system:node:w1.ocp45.example.net, system:node:m1.ocp45.example.net", ${prefix}`,
    ],
    ['no common name', extra('no-name'), `its common name is "", ${prefix}`],
    [
      'a common name without the prefix',
      extra('no-prefix'),
      `its common name is "w1.ocp45.example.net", ${prefix}`,
    ],
    ['an empty name', extra('empty-name'), `its common name is "system:node:", ${prefix}`],
    [
      'a name in upper case, which no Node has',
      extra('upper-case'),
      '"W1.ocp45.example.net" is not a declared node of this cluster',
    ],
    [
      'a node that is not declared',
      extra('not-declared'),
      '"w9.ocp45.example.net" is not a declared node of this cluster',
    ],
    ['the bootstrap', extra('bootstrap'), '"bs.ocp45.example.net" is not a declared node of this cluster'],
    [
      'a name that a terminal would not show',
      extra('long-name'),
      '"w?-123456789-123456789-123456789-123456789-1234" is not a declared node of this cluster',
    ],
    ['garbage', client({ request: 'AAAA' }), 'its request is not one CERTIFICATE REQUEST in PEM'],
    ['no request', client({ request: 7 }), 'its request is not one CERTIFICATE REQUEST in PEM'],
  ]
  for (const [name, object, reason] of rows) t.equal(verdict(object), `leave: ${reason}`, name)
  t.end()
})

t.test('a second request that is otherwise is left, with the reason', (t) => {
  const of = (request: string) => servingCsr(request)
  const serving = (more: Record<string, unknown>) => servingCsr('serving', more)
  const rows: readonly (readonly [name: string, object: CsrObject, reason: string])[] = [
    [
      'another node asks',
      serving({ username: 'system:node:m1.ocp45.example.net' }),
      '"system:node:m1.ocp45.example.net" asks for a certificate of "w1.ocp45.example.net", expected that node itself',
    ],
    [
      'the bootstrapper asks',
      serving({ username: 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper' }),
      '"system:serviceaccount:openshift-machine-config-operator:node-bootstrapper" asks for a certificate of "w1.ocp45.example.net", expected that node itself',
    ],
    [
      'who is no node',
      serving({ groups: ['system:authenticated'] }),
      'who asks is not in the group system:nodes',
    ],
    [
      'who is nobody',
      serving({ groups: ['system:nodes'] }),
      'who asks is not in the group system:authenticated',
    ],
    [
      'for clients',
      serving({ usages: ['digital signature', 'client auth'] }),
      'it is for "digital signature, client auth", expected digital signature, server auth and perhaps key encipherment',
    ],
    [
      'another organisation',
      of('organisation'),
      'its organisation is "system:masters", expected system:nodes',
    ],
    [
      'two common names',
      of('two-names'),
      'its common name is "system:node:w1.ocp45.example.net, system:node:m1.ocp45.example.net", expected one system:node:NAME',
    ],
    [
      'not declared',
      servingCsr('not-declared', { username: 'system:node:w9.ocp45.example.net' }),
      '"w9.ocp45.example.net" is not a declared node of this cluster',
    ],
    ['no names', of('client'), 'it names neither a DNS name nor an address'],
    [
      'the address of another node',
      of('other-address'),
      'the address 192.0.2.11 is not declared for ocp45/w1',
    ],
    [
      'an IPv6 address of another node',
      of('other-address6'),
      'the address 2001:db8::11 is not declared for ocp45/w1',
    ],
    [
      'its IPv4 address as an IPv6 one',
      of('mapped-address'),
      'the address ::ffff:c000:215 is not declared for ocp45/w1',
    ],
    [
      'the name of the API',
      of('other-name'),
      'the name "api.ocp45.example.net" is not declared for ocp45/w1',
    ],
    ['a wildcard', of('wildcard'), 'the name "*.ocp45.example.net" is not declared for ocp45/w1'],
    ['an email address', of('email'), 'its request has "email root@example.net", which no kubelet asks for'],
    ['a URI', of('uri'), 'its request has "URI https://example.net", which no kubelet asks for'],
    [
      'two lists of names',
      serving({ request: requestOf('two-lists') }),
      'its request has several lists of names, expected one',
    ],
  ]
  for (const [name, object, reason] of rows) t.equal(verdict(object), `leave: ${reason}`, name)
  t.end()
})

t.test(
  'a first request is approved from 10 s before the node’s boot until 2 h after it was last seen booting',
  (t) => {
    const seenAt = (from: number, to = from): Partial<Circumstances> => ({
      seen: (node) => (node === 'ocp45/w1' ? { from: askedAt + from, to: askedAt + to } : undefined),
    })
    const booted = 'approve: w1.ocp45.example.net is declared, and was seen booting'
    const rows: readonly (readonly [name: string, more: Partial<Circumstances>, is: string])[] = [
      ['never', { seen: () => undefined }, 'leave: ocp45/w1 was not seen booting'],
      ['2 h', seenAt(-2 * hour), `${booted} 120 min before it asked`.replace('120 min', '2 h')],
      [
        'longer ago',
        seenAt(-2 * hour - 1),
        'leave: ocp45/w1 was last seen booting 2 h before it asked, expected 2 h at most',
      ],
      ['a slow installation', seenAt(-4 * hour, -hour), `${booted} 60 min before it asked`],
      [
        'a boot after it began to ask, in the same installation',
        seenAt(-hour, minute),
        `${booted} when it asked`,
      ],
      ['clocks that differ', seenAt(10_000), `${booted} when it asked`],
      ['later', seenAt(10_001), 'leave: ocp45/w1 was seen booting only 10 s after it asked'],
    ]
    for (const [name, more, is] of rows) t.equal(verdict(clientCsr(), more), is, name)
    t.end()
  },
)

t.test('a request of a time that cannot be is left', (t) => {
  const at = (ms: number, creationTimestamp?: string): string => {
    const object = clientCsr()
    const metadata = { ...object.metadata, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) }
    return verdict({ ...object, metadata }, { now: askedAt + ms })
  }
  t.equal(at(24 * hour), seenBefore)
  t.equal(at(24 * hour + 1), 'leave: it was made more than a day ago')
  t.equal(at(-10_000), seenBefore)
  t.equal(at(-10_001), 'leave: it is of a time that has not come yet; set the clocks right (NTP)')
  t.equal(at(0, 'yesterday'), 'leave: nothing says when it was made')
  t.end()
})

t.test(
  'a node that the cluster has already gets no second identity, unless it was installed anew since',
  (t) => {
    const existing = (madeAt: number, sighting: Partial<Sighting> = {}, name = 'w1.ocp45.example.net') =>
      verdict(clientCsr(), {
        existingNodes: new Map([[name, madeAt]]),
        seen: () => ({ from: askedAt - hour, to: askedAt - minute, ...sighting }),
      })
    const has = (name: string) =>
      `leave: the cluster has the node ${name} already, and it was not installed anew since; for another machine, delete the node`
    const installedAt = askedAt - hour
    t.equal(existing(askedAt - 24 * hour), has('w1.ocp45.example.net'))
    t.equal(existing(askedAt - 24 * hour, {}, 'w1'), has('w1'))
    t.equal(existing(installedAt, { installedAt }), has('w1.ocp45.example.net'))
    t.equal(existing(Infinity, { installedAt }), has('w1.ocp45.example.net'))
    t.equal(
      existing(installedAt - 1, { installedAt }),
      'approve: w1.ocp45.example.net is declared, and was seen booting 60 s before it asked, installed anew',
    )
    // Another node's name is no obstacle.
    t.match(existing(askedAt, {}, 'm1'), /^approve/)
    t.end()
  },
)

t.test('what is decided already is left alone', (t) => {
  const status = (more: Record<string, unknown>) => verdict({ ...clientCsr(), status: more })
  const decided = 'leave: it is decided already'
  for (const type of ['Approved', 'Denied', 'Failed'])
    t.equal(status({ conditions: [{ type }] }), decided, type)
  t.equal(status({ certificate: 'LS0t' }), decided)
  t.equal(status({ conditions: [{ type: 'Other' }, 7, null] }), seenBefore)
  t.equal(status({ conditions: 'none' }), seenBefore)
  t.end()
})

t.test('what has no name is no request', (t) => {
  for (const object of [undefined, null, 7, 'x', [], {}, { metadata: { name: '' } }]) {
    t.equal(readCsr(object), undefined)
  }
  t.equal(verdict({ metadata: { name: 'a' } }), 'leave: its signer is "", which is not for kubelets')
  t.end()
})

t.test('a stranger’s text is cut', (t) => {
  const long = clientCsr('client', { username: 'x'.repeat(5000) })
  t.equal(
    verdict(long),
    `leave: "${'x'.repeat(120)}…" asks for it, expected the machine config operator's node-bootstrapper`,
  )
  t.end()
})

t.test('more than one request for each node and a hundred are a flood', (t) => {
  t.equal(isFlood(107, 7), false)
  t.equal(isFlood(108, 7), true)
  t.end()
})

t.test('all nodes of a cluster may ask, but its bootstrap', (t) => {
  const { nodes } = exampleModel()
  t.same(
    csrNodes(nodes, 'ocp45').map(({ key, names }) => [key, ...names]),
    [
      ['ocp45/m1', 'm1.ocp45.example.net', 'm1'],
      ['ocp45/w1', 'w1.ocp45.example.net', 'w1'],
      ['ocp45/i1', 'i1.ocp45.example.net', 'i1'],
    ],
  )
  t.same(csrNodes(nodes, 'other'), [])
  t.end()
})

t.test('a request of which any octet is another is not approved', (t) => {
  for (const good of [clientCsr(), servingCsr()]) {
    const text = Buffer.from(String(good.spec['request']), 'base64').toString()
    const der = Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    fc.assert(
      fc.property(
        fc.nat(der.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('change', 'cut', 'insert', 'repeat'),
        (at, octet, kind) => {
          const before = der.subarray(0, at)
          const changed = Uint8Array.of((der[at] ?? 0) ^ octet)
          const middle =
            kind === 'insert'
              ? [Uint8Array.of(octet), der.subarray(at)]
              : kind === 'repeat'
                ? [der.subarray(at), der]
                : kind === 'cut'
                  ? []
                  : [changed, der.subarray(at + 1)]
          const request = pemRequest(Buffer.concat([before, ...middle]))
          const is = verdict({ ...good, spec: { ...good.spec, request } })
          if (!is.startsWith('leave: its request ')) throw new Error(`${kind} at ${at}: ${is}`)
        },
      ),
      { numRuns: 300 },
    )
  }
  t.end()
})

t.test('of all combinations of names, those are approved that mean the node and nothing else', (t) => {
  const some = <T>(...values: T[]) => fc.array(fc.constantFrom(...values), { maxLength: 2 })
  const name = 'system:node:w1.ocp45.example.net'
  fc.assert(
    fc.property(
      some(name, 'system:node:m1.ocp45.example.net', 'w1.ocp45.example.net'),
      some('system:nodes', 'system:masters'),
      some('w1.ocp45.example.net', 'W1', 'm1', '', ' w1', 'w1.'),
      some('192.0.2.21', '192.0.2.11', '2001:db8::11'),
      (commonNames, organisations, dnsNames, addresses) => {
        const request = makeRequest({ commonNames, organisations, dnsNames, addresses })
        const isOfNodes = organisations.length === 1 && organisations[0] === 'system:nodes'
        const isDeclared = isOfNodes && commonNames.length === 1 && commonNames[0] !== 'w1.ocp45.example.net'
        const isNode = isDeclared && commonNames[0] === name
        const isOwn =
          dnsNames.every((each) => ['w1.ocp45.example.net', 'W1'].includes(each)) &&
          addresses.every((each) => each === '192.0.2.21')
        const hasNames = dnsNames.length + addresses.length > 0
        const rows = [
          { is: verdict(clientCsr('client', { request })), isGood: isDeclared && !hasNames },
          { is: verdict(servingCsr('client', { request })), isGood: isNode && isOwn && hasNames },
        ]
        for (const { is, isGood } of rows) {
          if (is.startsWith('approve: ') !== isGood) throw new Error(is)
        }
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})
