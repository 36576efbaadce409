import t from 'tap'
import { withRecord } from '../../bench/record.ts'

t.test('a record replaces the part of its kind of machine only', (t) => {
  const busy = withRecord('# Results of an older version\n', 'busy', '- 2 cores\n\n## Goals\n\nfirst')
  t.match(busy, /^# Results of `npm run bench`\n/)
  t.match(busy, /<!-- busy -->\n\n## On a busy machine\n\n- 2 cores\n\n### Goals\n\nfirst\n$/)
  t.notMatch(busy, /older version|quiet machine/)
  const both = withRecord(busy, 'quiet', 'second')
  t.match(
    both,
    /quiet machine\n\nsecond\n\n<!-- busy -->\n\n## On a busy machine\n\n- 2 cores\n\n### Goals\n\nfirst\n$/,
  )
  t.equal(withRecord(both, 'quiet', 'second'), both, 'the same record changes nothing')
  t.equal(withRecord(both, 'busy', 'third'), both.replace('- 2 cores\n\n### Goals\n\nfirst', 'third'))
  t.end()
})
