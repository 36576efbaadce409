import t from 'tap'
import { notWritten } from '../src/site-change.ts'

t.test('a site file that the service cannot write is a reason with what to do', (t) => {
  const failed = (code: string, text = `${code}: failed`) =>
    Object.assign(new Error(text), { code, syscall: 'open' })
  const steps =
    'permit it as the section Actions of docs/page.md describes, or change the file on the server and reload'
  const prefix = 'the service cannot write /etc/slipway/site.yaml'
  const file = '/etc/slipway/site.yaml'
  t.equal(notWritten(file, failed('EROFS')), `${prefix}: its unit makes the file system read-only; ${steps}`)
  t.equal(notWritten(file, failed('EACCES')), `${prefix}: its user has no permission; ${steps}`)
  t.equal(notWritten(file, failed('ENOSPC')), `cannot write ${file}: the disk is full; free some space`)
  t.equal(notWritten(file, new Error('another command has held it')), 'another command has held it')
  t.end()
})
