import t from 'tap'
import { unreadable } from '../../../src/serve/http/error-response.ts'

const cases = [
  { code: 'ENOENT', status: 404, sentence: '/srv/x is not there' },
  { code: 'ENOTDIR', status: 404, sentence: '/srv/x is not there' },
  {
    code: 'EACCES',
    status: 403,
    sentence: '/srv/x may not be read: look at its owner, its mode and its SELinux type',
  },
  { code: 'EIO', status: 500, sentence: '/srv/x cannot be read: EIO' },
]

t.test('why a file cannot be sent, in words that say where to look', (t) => {
  for (const { code, status, sentence } of cases) {
    t.same(unreadable(Object.assign(new Error(), { code }), '/srv/x'), { status, sentence }, code)
  }
  t.same(unreadable(new Error('odd'), '/srv/x'), {
    status: 500,
    sentence: '/srv/x cannot be read: Error: odd',
  })
  t.end()
})
