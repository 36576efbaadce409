import t from 'tap'
import { csrNodes } from '../../../src/cluster/csr/boot-evidence.ts'
import { buildModel } from '../../../src/plan/model.ts'
import { parseIp } from '../../../src/proto/address/ip.ts'
import { siteSchema } from '../../../src/site/schema.ts'
import { clientCsr, csrTestNodes, servingCsr, decisionOn, type CsrObject } from '../../support/csr.ts'
import { makeRequest } from '../../support/pkcs10.ts'

const seenBefore = 'approve: w1.ocp45.example.net is declared, and was seen booting 4 min before the request'
const itself =
  'approve: w1.ocp45.example.net itself requests it, for names and addresses that are declared for it'
const encipherment = ['key encipherment', 'digital signature']

t.test('approves what kubelets of declared nodes request', (t) => {
  const rows: readonly (readonly [name: string, object: CsrObject, is: string])[] = [
    ['its first request', clientCsr(), seenBefore],
    ['with an RSA key', clientCsr('client-rsa', { usages: [...encipherment, 'client auth'] }), seenBefore],
    [
      'by its short name',
      clientCsr('client-short-name'),
      'approve: w1 is declared, and was seen booting 4 min before the request',
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
  for (const [name, object, is] of rows) t.equal(decisionOn(object), is, name)
  t.end()
})

const staticSite = siteSchema.parse({
  site: 'lab',
  server: { address: '192.0.2.2' },
  subnets: [{ cidr: '192.0.2.0/24' }],
  clusters: [
    {
      ...{ name: 'c1', domain: 'example.net', boot: 'none' },
      loadBalancer: { api: '192.0.2.5', ingress: '192.0.2.6' },
      nodes: [{ name: 'w1', role: 'worker', address: '192.0.2.11' }],
    },
  ],
})

t.test('leaves the first request of a node that slipway does not boot to an administrator', (t) => {
  const nodes = csrTestNodes.map((node) => ({ ...node, isBooted: false }))
  t.match(
    decisionOn(clientCsr(), { nodes }),
    'slipway does not boot ocp45/w1 (boot: none), so it cannot verify the machine; check the machine, then approve the request with oc adm certificate approve csr-a',
  )
  t.equal(decisionOn(servingCsr(), { nodes }), itself)
  t.same(
    csrNodes(
      buildModel(staticSite, { images: new Map(), ignition: new Map(), loaders: new Map() }).members,
      'c1',
    ),
    [
      {
        key: 'c1/w1',
        names: ['w1.c1.example.net', 'w1'],
        addresses: [parseIp('192.0.2.11')],
        isBooted: false,
      },
    ],
  )
  t.end()
})

t.test('leaves any other client request pending, with the reason', (t) => {
  const extra = (request: string) => clientCsr(request)
  const client = (more: Record<string, unknown>) => clientCsr('client', more)
  /** As no API server sends it. */
  const invalid = (more: Record<string, unknown>) => ({
    ...clientCsr(),
    spec: { ...clientCsr().spec, ...more },
  })
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
    ['no signer', invalid({ signerName: undefined }), 'its signer is "", which is not for kubelets'],
    [
      'another requester',
      client({ username: 'system:admin' }),
      `its requester is "system:admin", expected the machine config operator's node-bootstrapper`,
    ],
    [
      'an additional group',
      client({ groups: [...groups, 'system:masters'] }),
      `its requester is in the groups "${[...groups, 'system:masters'].join(', ')}", expected those of the node-bootstrapper`,
    ],
    [
      'a missing group',
      client({ groups: groups.slice(1) }),
      `its requester is in the groups "${groups.slice(1).join(', ')}", expected those of the node-bootstrapper`,
    ],
    [
      'a group twice instead of another',
      client({ groups: ['system:authenticated', 'system:authenticated', 'system:serviceaccounts'] }),
      `its requester is in the groups "system:authenticated, system:authenticated, system:serviceaccounts", expected those of the node-bootstrapper`,
    ],
    [
      'groups that are not a list',
      invalid({ groups: 'system:masters' }),
      `its requester is in the groups "", expected those of the node-bootstrapper`,
    ],
    [
      'an additional usage',
      client({ usages: ['digital signature', 'client auth', 'server auth'] }),
      'its usages are "digital signature, client auth, server auth", expected digital signature, client auth and optionally key encipherment',
    ],
    [
      'usages that are not text',
      invalid({ usages: [1, 2] }),
      'its usages are ", ", expected digital signature, client auth and optionally key encipherment',
    ],
    [
      'a longer lifetime',
      client({ expirationSeconds: 31_536_000 }),
      'it asks for 365 d, expected at most 30 d',
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
          organizations: ['system:nodes'],
          addresses: ['192.0.2.21'],
        }),
      }),
      'it asks for the name "192.0.2.21" in a client certificate, expected none',
    ],
    [
      'an email address',
      extra('email'),
      'its request has "email root@example.net", which kubelets do not ask for',
    ],
    ['a URI', extra('uri'), 'its request has "URI https://example.net", which kubelets do not ask for'],
    [
      'a certificate authority',
      extra('authority'),
      'its request has the extension 2.5.29.19, which kubelets do not ask for',
    ],
    [
      'an organizational unit',
      extra('unit'),
      'its request has 2.5.4.11 in its subject, which kubelets do not ask for',
    ],
    [
      'another organization',
      extra('organization'),
      'its organization is "system:masters", expected system:nodes',
    ],
    [
      'two organizations',
      extra('two-organizations'),
      'its organization is "system:masters, system:nodes", expected system:nodes',
    ],
    ['no organization', extra('no-organization'), 'its organization is "", expected system:nodes'],
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
      'a name in upper case, which Nodes cannot have',
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
      'a name with control characters',
      extra('long-name'),
      '"w?-123456789-123456789-123456789-123456789-1234" is not a declared node of this cluster',
    ],
    ['garbage', client({ request: 'AAAA' }), 'its request is not exactly one CERTIFICATE REQUEST in PEM'],
    ['no request', invalid({ request: 7 }), 'its request is not exactly one CERTIFICATE REQUEST in PEM'],
  ]
  for (const [name, object, reason] of rows) t.equal(decisionOn(object), `pending: ${reason}`, name)
  t.end()
})
