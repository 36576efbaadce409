/** What the plans of all services contain for nodes that boot over IPv6. */
import t from 'tap'
import { compareSites } from '../../src/plan/changes/compare.ts'
import { compile } from '../../src/plan/compile.ts'
import { isIpv4Node, networkText, type Model } from '../../src/plan/model.ts'
import { explanationOf } from '../../src/explain/explanation.ts'
import { linesOf } from '../support/compiled-site.ts'
import { ipv6Model, ipv6Site } from '../support/ipv6-site.ts'
import { exampleModel } from '../support/model.ts'

const model = ipv6Model()
const plan = compile(model)
const node = (key: string) => model.nodes.find((each) => each.key === key)!
const compiled = (each: Model) => ({ model: each, plan: compile(each) })

t.test('scripts of a node have URLs and kernel arguments of the IP version that it boots over', (t) => {
  const script = (name: string) => plan.http.scripts.get(`/boot/ocp45/${name}/boot.ipxe`)?.body ?? ''
  t.match(script('m1'), 'http://[fd00:16::101]/images/rhcos/')
  t.match(script('m1'), /ip=dhcp6 /)
  t.notMatch(script('m1'), '192.0.2.2')
  t.match(script('w1'), 'http://192.0.2.2/images/rhcos/')
  t.notMatch(script('w1'), 'fd00:16::101')
  t.match(script('i1'), 'http://[fd00:16::101]/')
  t.match(script('bs'), /ip=dhcp /)
  t.end()
})

t.test('a dual-stack node requests the addresses of both versions of IP, whichever is first', (t) => {
  for (const name of ['w1', 'i1']) {
    const { body = '' } = plan.http.scripts.get(`/boot/ocp45/${name}/boot.ipxe`) ?? {}
    t.match(body, /ip=dhcp,dhcp6 /, name)
  }
  t.end()
})

t.test('the networks of a node', (t) => {
  t.equal(networkText(node('ocp45/m1')), 'fd00:16::/64')
  t.equal(networkText(node('ocp45/w1')), '192.0.2.0/24, fd00:16::/64')
  t.equal(networkText(node('ocp45/bs')), '192.0.2.0/24')
  t.same(['ocp45/m1', 'ocp45/w1'].map(node).map(isIpv4Node), [false, true])
  t.equal(node('ocp45/m1').address, 'fd00:16::11')
  t.end()
})

t.test('TFTP and DNS listen on the IPv6 address, and HTTP knows the addresses of nodes', (t) => {
  t.equal(plan.tftp.ipv6?.address, 'fd00:16::101')
  t.equal(plan.tftp.ipv6?.networks.length, 2)
  t.equal(plan.tftp.nodeByAddress.get('fd00:16::11'), 'ocp45/m1')
  t.equal(plan.dns?.ipv6?.address, 'fd00:16::101')
  t.equal(plan.http.nodeByAddress.get('fd00:16::11'), 'ocp45/m1')
  t.equal(compile(exampleModel()).tftp.ipv6, undefined)
  t.end()
})

t.test('explain shows a node without an IPv4 address', (t) => {
  const explanation = explanationOf(model, plan, node('ocp45/m1'))
  t.match(explanation, {
    address: 'fd00:16::11',
    network: 'fd00:16::/64',
    script: { url: 'http://[fd00:16::101]/boot/ocp45/m1/boot.ipxe' },
  })
  t.end()
})

t.test('changes of IPv6 nodes', (t) => {
  const changed = ipv6Site()
  Object.assign(changed.clusters[0]!.nodes[1]!, { address: 'fd00:16::12', duid: '00:04:00:01' })
  changed.clusters[0]!.nodes.splice(4, 1)
  const changes = compareSites(compiled(model), compiled(ipv6Model(changed)))
  const lines = linesOf(changes, 'node').join('\n')
  t.match(lines, /address: fd00:16::11 -> fd00:16::12/)
  t.match(lines, /DUID: {2}-> 00:04:00:01/)
  t.match(lines, /its lease of fd00:16::11 is not renewed/)
  t.match(lines, /its lease of fd00:17::22 is not renewed/)
  t.same(changes.restart, [])
  t.match(
    compareSites(compiled(exampleModel()), compiled(model))
      .restart.map(({ text }) => text)
      .join('\n'),
    /subnets6 was added or removed/,
  )
  t.end()
})

t.test('a node of a site that was not checked has no reservation', (t) => {
  const site = ipv6Site()
  Object.assign(site.clusters[0]!.nodes[1]!, { address: '2001:db8::1' })
  t.throws(() => ipv6Model(site), /an address of m1 in a subnet is missing/)
  t.end()
})
