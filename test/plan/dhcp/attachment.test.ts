import t from 'tap'
import { compile } from '../../../src/plan/compile.ts'
import { detachedSubnets } from '../../../src/plan/dhcp/attachment.ts'
import { formatCidr } from '../../../src/proto/address/ip.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

/** The warnings of a site with these subnets beside that of the server, on a machine with these networks. */
function about(subnets: readonly object[], attached: readonly string[] = []) {
  const site = exampleSite()
  const { dhcp } = compile(exampleModel({ ...site, subnets: [...site.subnets, ...subnets] } as typeof site))
  return detachedSubnets(dhcp, (network) => attached.includes(formatCidr(network)))
}

const far = { cidr: '198.51.100.0/24' }

t.test('a subnet without an interface, relay agents, or a segment causes a warning', (t) => {
  t.match(about([far]), [
    {
      code: 'dhcp.subnet-not-attached',
      severity: 'warning',
      about: 'subnet 198.51.100.0/24',
      message: /only through a relay agent: list the agents in relays, or set the same segment/,
    },
  ])
  t.end()
})

t.test('no warning where the nodes can get answers', (t) => {
  t.same(about([]), [], 'the subnet of the server')
  t.same(about([far], ['198.51.100.0/24']), [], 'an interface')
  t.same(about([{ ...far, relays: ['198.51.100.1'] }]), [], 'relay agents')
  const other = { cidr: '203.0.113.0/24', segment: 'rack' }
  t.same(
    about([{ ...far, segment: 'rack' }, other], ['203.0.113.0/24']),
    [],
    'a segment with an attached subnet',
  )
  t.equal(about([{ ...far, segment: 'rack' }, other]).length, 2, 'a segment that is not attached')
  t.equal(about([{ ...far, segment: 'rack' }]).length, 1, 'a segment with only one subnet')
  t.end()
})
