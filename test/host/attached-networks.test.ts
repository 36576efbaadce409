/** The addresses of this machine's interfaces. */
import t from 'tap'
import { createOwnAddresses } from '../../src/host/attached-networks.ts'
import { fakeClock } from '../support/fake-clock.ts'

const one = (address: string, internal = false) => ({
  address,
  internal,
  netmask: '255.255.255.0',
  cidr: null,
})

t.test('reports the addresses of all interfaces, and reads them again after 10 s', (t) => {
  const clock = fakeClock()
  let interfaces = {
    lo: [one('127.0.0.1', true)],
    eth0: [one('192.0.2.2'), one('2001:db8::2')],
    eth1: undefined as ReturnType<typeof one>[] | undefined,
  }
  const isPresent = createOwnAddresses(clock, () => interfaces)
  const of = (addresses: readonly string[], own = '192.0.2.2') =>
    addresses.map((each) => isPresent(each, own))
  const all = ['192.0.2.2', '127.0.0.1', '2001:db8::2', '192.0.2.3']
  t.same(of(all), [true, true, true, false])
  interfaces = { ...interfaces, eth1: [one('192.0.2.3')] }
  clock.advance(9999)
  t.same(of(['192.0.2.3']), [false])
  clock.advance(1)
  t.same(of(['192.0.2.3']), [true])
  t.end()
})

t.test('without the address of the server, or with it on the loopback interface, nothing is missing', (t) => {
  const isPresent = createOwnAddresses(fakeClock(), () => ({ lo: [one('127.0.0.1', true)] }))
  t.equal(isPresent('192.0.2.3', '192.0.2.2'), true)
  t.equal(isPresent('192.0.2.3', '127.0.0.1'), true)
  t.end()
})
