import t from 'tap'
import { requestOf, servingCsr, verdict, type CsrObject } from '../../support/csr.ts'

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
