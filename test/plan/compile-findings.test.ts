import t from 'tap'
import { clusterFindings } from '../../src/plan/compile.ts'
import { buildModel } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import { siteText } from '../support/site-folder.ts'

const none = { images: new Map(), ignition: new Map(), loaders: new Map() }

function findingsOf(change: (text: string) => string): string[] {
  const loaded = loadSite(change(siteText()), '/site.yaml')
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
  return clusterFindings(buildModel(loaded.site, none)).map(
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
      'cluster.control-plane-size warning cluster c1: it has 2 control-plane nodes, and OpenShift needs 1 or 3: add a node with the role master, or remove one',
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
