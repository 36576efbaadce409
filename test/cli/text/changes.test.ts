import t from 'tap'
import { changeLines } from '../../../src/cli/text/changes.ts'
import type { Change, Changes } from '../../../src/plan/changes/change.ts'

const plain = { columns: 60, usesColor: false }
const colored = { columns: 60, usesColor: true }

const change: Change = {
  action: 'change',
  kind: 'node',
  name: 'ocp45/w1',
  details: [
    { label: 'address', before: '192.0.2.21', after: '192.0.2.29' },
    { label: 'disk', after: '/dev/sda' },
    { label: 'loader', before: 'ipxe' },
    { label: 'contents of /etc/a', isHidden: true },
  ],
  effects: [
    {
      code: 'plan.lease-not-renewed',
      text: 'its lease of 192.0.2.21 is not renewed: it gets another address',
    },
  ],
}
const of = (...items: Change[]): Changes => ({ items, restart: [] })

t.test('signs, values, and consequences', (t) => {
  t.same(changeLines(of(change), plain), [
    '  ~ node ocp45/w1',
    '      ~ address             192.0.2.21 -> 192.0.2.29',
    '      + disk                /dev/sda',
    '      - loader              ipxe',
    '      ~ contents of /etc/a  (not shown)',
    '      ! its lease of 192.0.2.21 is not renewed: it gets',
    '        another address',
  ])
  t.end()
})

t.test('a removed part shows only what identifies it', (t) => {
  const removed: Change = { ...change, action: 'remove', effects: [] }
  t.same(
    changeLines(
      of({
        ...removed,
        details: [
          { label: 'MAC', before: 'x' },
          { label: 'boot', before: 'y' },
        ],
      }),
      plain,
    ),
    ['  - node ocp45/w1', '      - MAC  x'],
  )
  t.end()
})

t.test('colors only on a terminal that uses them', (t) => {
  const lines = (action: Change['action']) =>
    changeLines(of({ ...change, action, details: [], effects: [] }), colored).join('')
  t.match(lines('add'), '\u001b[32m+\u001b[39m')
  t.match(lines('change'), '\u001b[33m~\u001b[39m')
  t.match(lines('remove'), '\u001b[31m-\u001b[39m')
  t.notMatch(changeLines(of(change), plain).join(''), '\u001b')
  t.end()
})

t.test('settings without a name of their own, and the reasons for a restart', (t) => {
  const dns: Change = { action: 'change', kind: 'dns', name: 'dns', details: [], effects: [] }
  const restart = [{ code: 'plan.restart-needed', text: 'dns.serve changed: restart the service' }] as const
  t.same(changeLines({ items: [dns], restart }, plain), [
    '  ~ DNS setting',
    '  ! dns.serve changed: restart the service',
  ])
  t.end()
})

t.test('a change of thousands of lines is cut, and control characters are replaced', (t) => {
  const many = Array.from({ length: 203 }, (): Change => ({ ...change, details: [], effects: [] }))
  t.equal(changeLines(of(...many), plain).at(-1), '  and 3 more changes: --json shows all')
  const details = Array.from({ length: 22 }, (_, index) => ({ label: `a${index}`, after: 'x' }))
  t.equal(changeLines(of({ ...change, details, effects: [] }), plain).at(-1), '      and 2 more')
  const long = [{ label: 'a', after: `\u001b[2J${'x'.repeat(400)}` }]
  const line = changeLines(of({ ...change, details: long, effects: [] }), plain)[1] ?? ''
  t.match(line, /^ {6}\+ a {2}\?\[2Jx+…$/)
  t.equal(line.length, 171)
  t.end()
})
