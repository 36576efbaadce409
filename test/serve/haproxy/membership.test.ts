import t from 'tap'
import { membershipChanges } from '../../../src/serve/haproxy/draining.ts'

const text = `frontend kubeapi
  default_backend kubeapi
backend kubeapi
  server m1 192.0.2.21:6443
  server bs 192.0.2.11:6443 backup
backend machineconfig
  server bs 192.0.2.11:22623 backup disabled
`

const cases = [
  { name: 'nothing', next: text, changes: [] },
  {
    name: 'one is taken out of one back end and put back into another',
    next: text
      .replace('6443 backup', '6443 backup disabled')
      .replace('22623 backup disabled', '22623 backup'),
    changes: [
      { backend: 'kubeapi', server: 'bs', isOut: true },
      { backend: 'machineconfig', server: 'bs', isOut: false },
    ],
  },
  { name: 'an address as well', next: text.replace('.21:6443', '.22:6443 disabled'), changes: undefined },
  { name: 'another server', next: `${text}  server m2 192.0.2.22:22623\n`, changes: undefined },
  { name: 'a line that is no server', next: text.replace('default_backend', 'disabled'), changes: undefined },
  {
    name: 'a name that ends in the word',
    next: text.replace('server m1 192.0.2.21:6443', 'server disabled 192.0.2.21:6443'),
    changes: undefined,
  },
]

for (const { name, next, changes } of cases) {
  t.test(`two configurations differ in ${name}`, (t) => {
    t.same(membershipChanges(text, next), changes)
    t.end()
  })
}
