import t from 'tap'
import { createInventoryBindings } from '../../src/inventory/bindings.ts'
import type { Ipv4 } from '../../src/proto/address/ip.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { fakeClock } from '../support/fake-clock.ts'

const [from, to] = [1000, 1002] as Ipv4[] as [Ipv4, Ipv4]
const range = { from, to, leaseMs: 600_000 }
const mac = (index: number) => `52:54:00:00:00:0${index}` as Mac

function setUp(random = 0) {
  const clock = fakeClock()
  const bindings = createInventoryBindings(clock, () => random)
  const offered = (index: number) => bindings.offer(mac(index), range)?.address
  return { clock, bindings, offered }
}

t.test('each machine gets an address, and none when all are in use', (t) => {
  const { offered, bindings } = setUp()
  t.same([1, 2, 3].map(offered), [1000, 1001, 1002])
  t.equal(offered(4), undefined)
  t.equal(offered(2), 1001, 'the same address again')
  t.same(bindings.at(1001 as Ipv4), { mac: mac(2), address: 1001 })
  t.equal(bindings.at(999 as Ipv4), undefined)
  t.same(bindings.of(mac(3), range), { mac: mac(3), address: 1002 })
  t.end()
})

t.test('an offer is held for a minute, and a lease until it has ended', (t) => {
  const { clock, offered, bindings } = setUp()
  for (const index of [1, 2, 3]) offered(index)
  bindings.keep({ mac: mac(1), address: from }, range, true)
  clock.advance(60_000)
  t.equal(bindings.of(mac(2), range), undefined)
  t.equal(bindings.at(1001 as Ipv4), undefined)
  t.equal(offered(4), 1001, 'the address with the live lease is left out')
  t.equal(offered(1), 1000, 'an offer does not shorten the lease')
  clock.advance(60_001)
  t.match(bindings.of(mac(1), range), { address: 1000 })
  clock.advance(600_000)
  t.equal(bindings.of(mac(1), range), undefined)
  t.equal(offered(1), 1000, 'a machine that comes back gets its address again')
  t.end()
})

t.test('addresses are used in turn, from another start after each restart', (t) => {
  const { clock, offered } = setUp(0.5)
  t.same([1, 2].map(offered), [1001, 1002])
  clock.advance(61_000)
  t.same([3, 4, 5].map(offered), [1000, 1001, 1002])
  t.end()
})

t.test('a released address is free, and a declined one is not used for a while', (t) => {
  const { clock, offered, bindings } = setUp()
  for (const index of [1, 2, 3]) offered(index)
  bindings.release(mac(2))
  bindings.release(mac(9))
  t.equal(offered(4), 1001)
  bindings.decline(mac(4), range)
  bindings.decline(mac(9), range)
  t.equal(bindings.at(1001 as Ipv4), undefined)
  t.equal(offered(4), undefined)
  t.same(
    bindings.live().map(({ mac: owner }) => owner),
    [mac(1), mac(3), undefined],
    'a declined address is in use, too',
  )
  clock.advance(600_001)
  t.equal(offered(4), 1002)
  t.end()
})

t.test('a range that changes with the plan ends no lease, and gives no address of another range', (t) => {
  const { clock, bindings, offered } = setUp()
  offered(1)
  const other = { ...range, from: 2000 as Ipv4, to: 2000 as Ipv4 }
  t.equal(bindings.of(mac(1), other), undefined)
  t.equal(bindings.offer(mac(2), other)?.address, 2000)
  t.match(bindings.at(from), { mac: mac(1) }, 'its offer is still live')
  t.equal(bindings.offer(mac(1), other), undefined)
  clock.advance(61_000)
  t.equal(bindings.offer(mac(1), other)?.address, 2000)
  t.equal(bindings.at(from), undefined)
  t.equal(bindings.offer(mac(2), range)?.address, 1000)
  t.end()
})

t.test('another thread continues with the live bindings', (t) => {
  const first = setUp()
  const second = setUp()
  first.offered(1)
  first.bindings.keep({ mac: mac(1), address: from }, range, true)
  second.offered(2)
  second.bindings.restore(first.bindings.live())
  t.match(second.bindings.at(from), { mac: mac(2) }, 'a live binding is kept')
  second.clock.advance(61_000)
  second.bindings.restore(first.bindings.live())
  t.match(second.bindings.at(from), { mac: mac(1) })
  second.clock.advance(659_000)
  t.match(second.bindings.at(from), { mac: mac(1) })
  second.clock.advance(2000)
  t.equal(second.bindings.at(from), undefined)
  t.end()
})

t.test('a machine has one address at a time', (t) => {
  const { bindings, offered } = setUp()
  offered(1)
  bindings.keep({ mac: mac(1), address: to }, range, true)
  t.equal(bindings.at(from), undefined)
  t.same(bindings.of(mac(1), range), { mac: mac(1), address: 1002 })
  t.end()
})

t.test('an older lease that is restored does not free the address that its machine has now', (t) => {
  const { offered, bindings } = setUp()
  bindings.keep({ mac: mac(1), address: 1001 as Ipv4 }, range, true)
  bindings.restore([{ mac: mac(1), address: from, remainingMs: 60_000 }])
  t.match(bindings.of(mac(1), range), { address: 1001 })
  t.equal(bindings.at(from), undefined)
  t.same([2, 3].map(offered), [1002, undefined], 'neither address is given to another machine')
  t.end()
})
