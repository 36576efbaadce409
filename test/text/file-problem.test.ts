import t from 'tap'
import { fileProblem, systemErrorText } from '../../src/text/file-problem.ts'

t.test('each error of the operating system has a reason and a next step', (t) => {
  const codes = [
    'EACCES',
    'EPERM',
    'EEXIST',
    'EISDIR',
    'ELOOP',
    'ENOENT',
    'ENOSPC',
    'EDQUOT',
    'ENOTDIR',
    'EROFS',
    'EIO',
  ]
  for (const code of codes) {
    const error = Object.assign(new Error(`${code}: it failed`), { code, path: '/x', syscall: 'open' })
    t.match(fileProblem('write', '/x', error), /^cannot write \/x: .+; [a-z]/, code)
    t.match(systemErrorText(error), /; (?:check|run|name|create|free)/, code)
  }
  t.match(
    systemErrorText(Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'spawn', path: 'y' })),
    /^cannot use y: /,
  )
  t.end()
})
