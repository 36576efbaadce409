import t from 'tap'
import { createAccess } from '../../../src/serve/dns/admission.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { planOf } from './ask.ts'

t.test('who may have other names resolved', (t) => {
  const plan = planOf(guideModel())
  const access = createAccess()
  const cases = [
    { name: 'a node', address: '172.16.0.21', may: true },
    { name: 'the office', address: '192.168.124.77', may: true },
    { name: 'a stranger', address: '198.51.100.7', may: false },
    { name: 'a neighbour of the office', address: '192.168.125.1', may: false },
    { name: 'this machine, over loopback', address: '127.0.0.53', may: true },
    { name: 'this machine, over IPv6 loopback', address: '::1', may: true },
    { name: 'IPv6', address: '2001:db8::1', may: false },
  ]
  for (const { name, address, may } of [...cases, ...cases]) t.equal(access(plan, address), may, name)
  t.end()
})

t.test('this machine may, even where dns.clients leaves it out', (t) => {
  const plan = planOf(guideModel((site) => (site.dns = { clients: ['10.0.0.0/8'] })))
  t.equal(createAccess()(plan, '172.16.0.101'), true)
  t.equal(createAccess()(plan, '172.16.0.21'), false)
  t.end()
})

t.test('a new plan decides anew', (t) => {
  const access = createAccess()
  t.equal(access(planOf(guideModel()), '10.0.0.1'), false)
  t.equal(access(planOf(guideModel((site) => (site.dns = { clients: ['10.0.0.0/8'] }))), '10.0.0.1'), true)
  t.end()
})

t.test('more addresses than are remembered are still told apart', (t) => {
  const plan = planOf(guideModel())
  const access = createAccess()
  const wrong = Array.from({ length: 5000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).filter(
    (address) => access(plan, address),
  )
  t.same(wrong, [])
  t.equal(access(plan, '172.16.0.21'), true)
  t.end()
})
