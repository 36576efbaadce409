import t from 'tap'
import { addressProblems } from '../src/app-report.ts'

t.test('an address that disappeared is a problem: the sockets that use it do not report that', (t) => {
  t.same(addressProblems('127.0.0.1'), [])
  t.same(addressProblems('192.0.2.1'), [
    {
      code: 'server.address-missing',
      text: 'no interface has server.address 192.0.2.1, so clients cannot reach slipway',
    },
  ])
  t.end()
})
