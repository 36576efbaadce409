import t from 'tap'
import { compileBmcs } from '../../src/plan/bmc.ts'
import { clusterFindings } from '../../src/plan/compile.ts'
import { buildModel } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import { siteText } from '../support/site-folder.ts'

const none = { images: new Map(), ignition: new Map(), loaders: new Map() }

function findingsOf(change: (text: string) => string): string[] {
  const loaded = loadSite(change(siteText()), '/site.yaml')
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
  const model = buildModel(loaded.site, none)
  return clusterFindings(model, compileBmcs(model)).map(
    ({ code, severity, about, message }) => `${code} ${severity} ${about}: ${message}`,
  )
}

t.test('two control-plane nodes and a domain that repeats the name are warnings', (t) => {
  t.same(
    findingsOf((text) => text),
    [],
  )
  t.same(
    findingsOf((text) => text.replace('role: worker', 'role: master')),
    [
      'cluster.control-plane-size warning cluster c1: it has 2 control-plane nodes, and OpenShift needs 1 or 3, or 2 with an arbiter or fencing: add a node with the role master or arbiter, set bmc for both masters if they use fencing, or remove one',
    ],
  )
  t.same(
    findingsOf((text) => text.replace('domain: example.net', 'domain: c1.example.net')),
    [
      'cluster.domain-repeats-name warning cluster c1: domain repeats the name of the cluster, so the API is api.c1.c1.example.net: remove c1. from domain if the API should be api.c1.example.net',
    ],
  )
  t.end()
})

t.test('two masters need an arbiter, or the Redfish BMC of both and no worker', (t) => {
  const node = (name: string, role: string, octet: number, more = '') =>
    `      - { name: ${name}, role: ${role}, mac: "00:00:5e:00:53:${octet}", address: 192.0.2.${octet}${more} }\n`
  const bmc = (octet: number) => `, bmc: { address: 192.0.2.${octet} }`
  const findings = (nodes: string) =>
    findingsOf((text) => text.replace(/ {4}nodes:\n[^]*$/, `    nodes:\n${nodes}`)).map((each) =>
      each.replace(' warning cluster c1', ''),
    )
  const fenced = node('m1', 'master', 11, bmc(61)) + node('m2', 'master', 12, bmc(62))
  t.same(findings(fenced), [])
  t.same(findings(node('m1', 'master', 11) + node('m2', 'master', 12) + node('a1', 'arbiter', 13)), [])
  t.same(findings(node('m1', 'master', 11, bmc(61)) + node('m2', 'master', 12, ', bmc: ipmi://192.0.2.62')), [
    'cluster.fencing-incomplete: fencing needs the BMC of both masters, by Redfish: set bmc for m2',
  ])
  t.same(findings(fenced + node('w1', 'worker', 21) + node('i1', 'infra', 22)), [
    'cluster.fencing-incomplete: a cluster of two masters with fencing has no workers: remove w1, i1',
  ])
  t.end()
})
