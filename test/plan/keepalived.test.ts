/** Whole configurations (test/fixtures/keepalived; UPDATE=1 rewrites them), each judged by a real keepalived. */
import t from 'tap'
import { renderKeepalived } from '../../src/plan/keepalived.ts'
import { golden } from '../support/golden.ts'
import { expectValidKeepalived, noKeepalived } from '../support/validators.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

type Changes = { server?: object; keepalived?: object; loadBalancer?: object }

function render({ server = {}, keepalived = {}, loadBalancer = {} }: Changes): string | undefined {
  const site = exampleSite()
  Object.assign(site.server, { interface: 'ens4', peers: ['192.0.2.4', '192.0.2.2'] }, server)
  Object.assign(site.clusters[0]!.loadBalancer, loadBalancer)
  return renderKeepalived(exampleModel({ ...site, keepalived } as typeof site))
}

const cases: readonly (Changes & { file: string; name: string })[] = [
  { file: 'first', name: 'the machine with the lowest address begins with the shared addresses' },
  {
    file: 'second',
    name: 'its peer has the next priority; both name each other',
    server: { address: '192.0.2.4', peers: ['192.0.2.2'] },
  },
  {
    file: 'dual-stack',
    name: 'IPv6 addresses and those of other networks move with the others',
    keepalived: { interface: 'bond0', routerId: 7, healthPort: 9000 },
    loadBalancer: {
      api: ['198.51.100.3', '2001:db8::3'],
      apiInternal: '192.0.2.3',
      ingress: ['198.51.100.3', '2001:db8::3'],
    },
  },
  {
    file: 'ipv6',
    name: 'addresses of IPv6 only are shared over IPv6, which needs no peers (multicast)',
    loadBalancer: { api: '2001:db8::3', ingress: '2001:db8::3' },
  },
]

for (const { file, name, ...changes } of cases) {
  t.test(name, (t) => {
    const text = render(changes) ?? ''
    golden(t, `keepalived/${file}.conf`, text)
    t.test('keepalived -t reports no problem', { skip: noKeepalived }, (t) => {
      expectValidKeepalived(t, text)
      t.end()
    })
    t.end()
  })
}

t.test('a site without shared addresses has no configuration', (t) => {
  t.equal(renderKeepalived(exampleModel()), undefined)
  // The API and the ingress are at the nodes themselves, or at the machines' own addresses.
  t.equal(render({ loadBalancer: { api: '192.0.2.4', ingress: '192.0.2.4' } }), undefined)
  t.end()
})
