import t from 'tap'
import { requestOf, servingCsr, decisionOn, type CsrObject } from '../../support/csr.ts'

t.test('leaves any other serving request pending, with the reason', (t) => {
  const of = (request: string) => servingCsr(request)
  const serving = (more: Record<string, unknown>) => servingCsr('serving', more)
  const rows: readonly (readonly [name: string, object: CsrObject, reason: string])[] = [
    [
      'another node as requester',
      serving({ username: 'system:node:m1.ocp45.example.net' }),
      'its requester is "system:node:m1.ocp45.example.net", expected the node "w1.ocp45.example.net" itself',
    ],
    [
      'the bootstrapper as requester',
      serving({ username: 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper' }),
      'its requester is "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper", expected the node "w1.ocp45.example.net" itself',
    ],
    [
      'a requester that is not a node',
      serving({ groups: ['system:authenticated'] }),
      'its requester is not in the group system:nodes',
    ],
    [
      'a requester that is not authenticated',
      serving({ groups: ['system:nodes'] }),
      'its requester is not in the group system:authenticated',
    ],
    [
      'usages of clients',
      serving({ usages: ['digital signature', 'client auth'] }),
      'its usages are "digital signature, client auth", expected digital signature, server auth and optionally key encipherment',
    ],
    [
      'another organization',
      of('organization'),
      'its organization is "system:masters", expected system:nodes',
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
    ['no names', of('client'), 'it asks for neither a DNS name nor an address'],
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
    [
      'an email address',
      of('email'),
      'its request has "email root@example.net", which kubelets do not ask for',
    ],
    ['a URI', of('uri'), 'its request has "URI https://example.net", which kubelets do not ask for'],
    [
      'two lists of names',
      serving({ request: requestOf('two-lists') }),
      'its request has several lists of names, expected one',
    ],
  ]
  for (const [name, object, reason] of rows) t.equal(decisionOn(object), `pending: ${reason}`, name)
  t.end()
})
