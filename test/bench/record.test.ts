import t from 'tap'
import { withRecord } from '../../bench/record.ts'

t.test('a record replaces the part of its kind of machine only', (t) => {
  const first = { kind: 'busy', works: [], text: '- 2 cores\n\n## Goals\n\nfirst' } as const
  const busy = withRecord('# Results of an older version\n', first)
  t.match(busy, /^# Results of `npm run bench`\n/)
  t.match(busy, /<!-- busy -->\n\n## On a busy machine\n\n- 2 cores\n\n### Goals\n\nfirst\n$/)
  t.notMatch(busy, /older version|quiet machine/)
  const second = { kind: 'quiet', works: [], text: 'second' } as const
  const both = withRecord(busy, second)
  t.match(
    both,
    /quiet machine\n\nsecond\n\n<!-- busy -->\n\n## On a busy machine\n\n- 2 cores\n\n### Goals\n\nfirst\n$/,
  )
  t.equal(withRecord(both, second), both, 'the same record changes nothing')
  t.equal(
    withRecord(both, { ...first, text: 'third' }),
    both.replace('- 2 cores\n\n### Goals\n\nfirst', 'third'),
  )
  t.end()
})

t.test('a part of the works keeps the results of the others, until all are measured', (t) => {
  const record = (document: string, works: readonly string[], text: string): string =>
    withRecord(document, { kind: 'quiet', works, text })
  const busy = withRecord('', { kind: 'busy', works: ['dns'], text: 'dns beside other programs' })
  const parts = record(record(busy, ['dns', 'dhcp'], 'rates'), ['idle'], 'memory')
  t.match(
    parts,
    /## On a quiet machine: dns, dhcp\n\nrates\n\n<!-- quiet idle -->\n\n## On a quiet machine: idle\n/,
  )
  t.match(parts, 'On a busy machine: dns\n\ndns beside other programs')
  t.equal(record(parts, ['idle'], 'less'), parts.replace('memory', 'less'))
  const more = record(parts, ['dns', 'dhcp', 'tftp'], 'more rates')
  t.notMatch(more, 'dns, dhcp\n\nrates', 'a part whose works were all measured again is replaced')
  t.match(record(more, ['dns', 'idle'], 'less'), 'more rates', 'a part of which some were is kept')
  const all = record(parts, [], 'everything')
  t.match(all, /## On a quiet machine\n\neverything\n/)
  t.notMatch(all, /rates|memory/)
  t.match(all, 'dns beside other programs')
  t.end()
})
