import t from 'tap'
import { unreadableSite } from '../src/site-file.ts'

t.test('a site file that cannot be read has a reason and a next step', (t) => {
  const cases = [
    {
      code: 'ENOENT',
      sentence: 'there is no site file s.yaml: check the path, or run "slipway init" to write one',
    },
    { code: 'EISDIR', sentence: 's.yaml is a directory, not a site file: name the file in it' },
    {
      code: 'EACCES',
      sentence:
        'no permission to read the site file s.yaml: run the command with sudo, or change the owner or mode of the file',
    },
    { code: 'EIO', sentence: 'cannot read the site file s.yaml: EIO: failed' },
  ]
  for (const { code, sentence } of cases) {
    t.equal(unreadableSite('s.yaml', Object.assign(new Error(`${code}: failed`), { code })), sentence)
  }
  t.end()
})
