/** Nodes whose full name is not `<name>.<cluster>.<domain>`: the same name in DNS, DHCP, files, and certificate requests. */
import t from 'tap'
import type { Test } from 'tap'
import { csrNodes } from '../../src/cluster/csr/boot-evidence.ts'
import { compile } from '../../src/plan/compile.ts'
import { compileDns } from '../../src/plan/dns/compile.ts'
import { forwardZoneNames } from '../../src/site/declared.ts'
import { loadSite } from '../../src/site/load.ts'
import { stringify } from 'yaml'
import { ask, line, planOf } from '../serve/dns/ask.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const ownName = 'rack7-w1.dc.example.org'

function siteWith(fqdn: string) {
  const site = exampleSite()
  const worker = site.clusters[0]?.nodes.find(({ name }) => name === 'w1')
  return { site, changed: Object.assign(worker as object, { fqdn }) }
}

/** Returns the text of an option of the reservation of a node. */
function optionOf(t: Test, node: string, code: number): string {
  const plan = compile(exampleModel(siteWith(ownName).site))
  const reservation = [...plan.dhcp.reservationByMac.values()].find(({ name }) => name === node)
  const value = reservation?.options.get(code)?.value
  t.ok(value, `${node} has option ${code}`)
  return Buffer.from(value as Uint8Array).toString()
}

t.test('DNS answers for the name and its address, in a zone that contains only this name', (t) => {
  const model = exampleModel(siteWith(ownName).site)
  const plan = planOf(model)
  const address = model.nodes.find(({ name }) => name === 'w1')?.addresses[0] as number
  const [, second, third, fourth] = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255)
  t.match(ask(plan, { name: ownName }).answers.map(line), [new RegExp(`^${ownName} A `)])
  const reverse = `${fourth}.${third}.${second}.${address >>> 24}.in-addr.arpa`
  t.same(ask(plan, { name: reverse, type: 'PTR' }).answers.map(line), [`${reverse} PTR ${ownName}`])
  t.ok(forwardZoneNames(model.site).includes(ownName))
  t.notOk(forwardZoneNames(model.site).includes('dc.example.org'), 'its domain belongs to others')
  t.end()
})

t.test('DHCP sends the name and its domain; other nodes keep theirs', (t) => {
  t.equal(optionOf(t, 'ocp45/w1', 12), ownName)
  t.equal(optionOf(t, 'ocp45/w1', 15), 'dc.example.org')
  t.match(optionOf(t, 'ocp45/m1', 12), /^m1\.ocp45\./)
  t.match(optionOf(t, 'ocp45/m1', 15), /^ocp45\./)
  t.end()
})

t.test('certificate requests for the name belong to the node', (t) => {
  const { nodes } = exampleModel(siteWith(ownName).site)
  const names = csrNodes(nodes, 'ocp45').find(({ key }) => key === 'ocp45/w1')?.names
  t.same(names, [ownName, 'w1'])
  t.end()
})

t.test('a node with the name of the base domain makes that domain a zone', (t) => {
  const { site } = siteWith('')
  const { domain } = site.clusters[0] as { domain: string }
  const model = exampleModel(siteWith(domain).site)
  t.ok(forwardZoneNames(model.site).includes(domain))
  t.end()
})

t.test('a name below apps narrows the wildcard of the cluster', (t) => {
  const { site } = siteWith('')
  const { name, domain } = site.clusters[0] as { name: string; domain: string }
  const below = `w1.apps.${name}.${domain}`
  const findings = compileDns(exampleModel(siteWith(below).site)).findings
  t.match(
    findings.filter(({ code }) => code === 'dns.wildcard-narrowed'),
    [{ about: 'node w1' }],
  )
  t.end()
})

t.test('a name that another machine has, or that is too long, is refused at the key', (t) => {
  const problemsOf = (fqdn: string): string[] => {
    const loaded = loadSite(stringify(siteWith(fqdn).site), '/etc/slipway/site.yaml')
    return loaded.kind === 'problems' ? loaded.problems.map(({ message }) => message) : []
  }
  t.same(problemsOf(ownName), [])
  t.match(problemsOf('m1.ocp45.example.net'), [/already in use/])
  t.match(problemsOf(`${'long.'.repeat(12)}example.net`), [/more than the 63 that a node name may have/])
  t.match(problemsOf('has spaces'), [/./])
  t.end()
})
