import t from 'tap'
import { hasAddress, requireInterface } from '../../src/host/interface.ts'

const interfaces = {
  lo: [{ address: '127.0.0.1' }, { address: '::1' }],
  ens4: [{ address: '172.16.0.101' }, { address: '172.16.0.110' }],
}

t.test('an interface that is up and has the address is accepted', (t) => {
  requireInterface('ens4', '172.16.0.101', interfaces)
  requireInterface('ens4', '172.16.0.110', interfaces)
  requireInterface('lo', '127.0.0.1', interfaces)
  requireInterface('lo', '127.0.0.53', interfaces)
  requireInterface('lo', '127.0.0.1')
  t.end()
})

t.test('any other interface is an error that says what to do', (t) => {
  const cases = [
    {
      name: 'absent',
      call: () => requireInterface('ens5', '172.16.0.101', interfaces),
      message:
        'cannot serve on ens5: no interface with this name is up and has an address (available: lo, ens4); correct server.interface in the site file, or bring the interface up',
    },
    {
      name: 'no interface at all',
      call: () => requireInterface('ens4', '172.16.0.101', {}),
      message:
        'cannot serve on ens4: no interface with this name is up and has an address (available: none); correct server.interface in the site file, or bring the interface up',
    },
    {
      name: 'without the address',
      call: () => requireInterface('ens4', '172.16.0.102', interfaces),
      message:
        'cannot serve on ens4: it has the addresses 172.16.0.101, 172.16.0.110, but not 172.16.0.102; correct server.address or server.interface in the site file, or add the address to the interface',
    },
  ]
  for (const { name, call, message } of cases) t.throws(call, { name: 'CannotListen', message }, name)
  t.end()
})

t.test('an address that disappears while slipway serves is noticed', (t) => {
  const interfaces = { lo: [{ address: '127.0.0.1' }], ens4: [{ address: '172.16.0.101' }] }
  t.equal(hasAddress('172.16.0.101', interfaces), true)
  t.equal(hasAddress('172.16.0.102', interfaces), false)
  t.equal(hasAddress('127.0.0.5', interfaces), true)
  t.end()
})
