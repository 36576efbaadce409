import t from 'tap'
import { changeLines } from '../../../src/cli/text/changes.ts'
import { compareSites } from '../../../src/plan/changes/compare.ts'
import { planSummary } from '../../../src/plan/changes/summary.ts'
import { compiled } from '../../support/compiled-site.ts'
import { exampleSiteModel } from '../../support/example-site.ts'
import { golden } from '../../support/golden.ts'

/** Another gateway, w1 at another address, m3 removed, w4 added, secrets, and a port that needs a restart. */
function edited(text: string): string {
  const w4 =
    '      - { name: w4, role: worker, mac: "00:50:56:96:e3:f6", address: 172.16.0.34, wipe: always, ' +
    'bmc: "ipmi://admin:hunter2@172.16.0.134", files: [{ path: /etc/token, contents: hunter2 }] }\n'
  return text
    .replace('address: 172.16.0.101 }', 'address: 172.16.0.101, ports: { http: 8080 } }')
    .replace('gateway: 172.16.0.254', 'gateway: 172.16.0.253')
    .replace('address: 172.16.0.31 }', 'address: 172.16.0.36, kernelArguments: [rd.x.password=hunter2] }')
    .replace(/.*name: m3.*\n/, '')
    .replace(/(.*name: w3.*\n)/, `$1${w4}`)
}

t.test('formats a large change as text', (t) => {
  const changes = compareSites(compiled(exampleSiteModel()), compiled(exampleSiteModel(edited)))
  const lines = [...changeLines(changes, { columns: 100, usesColor: false }), '', planSummary(changes), '']
  golden(t, 'changes/large.txt', lines.join('\n'))
  t.notMatch(JSON.stringify(changes), 'hunter2', 'without the secrets')
  t.end()
})

t.test('the changes back are the same things', (t) => {
  const [one, other] = [compiled(exampleSiteModel()), compiled(exampleSiteModel(edited))]
  const opposite = { add: 'remove', change: 'change', remove: 'add' } as const
  const things = (
    from: typeof one,
    to: typeof one,
    direction: (action: 'add' | 'change' | 'remove') => string,
  ) =>
    compareSites(from, to)
      .items.map(({ action, kind, name }) => `${direction(action)} ${kind} ${name}`)
      .sort()
  t.same(
    things(one, other, (action) => action),
    things(other, one, (action) => opposite[action]),
  )
  t.same(compareSites(other, other), { items: [], restart: [] })
  t.end()
})
