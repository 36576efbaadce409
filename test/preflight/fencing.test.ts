import t from 'tap'
import { fencingFindings, readFencing } from '../../src/preflight/fencing.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const credential = (hostname: string, address: string) => ({ hostname, address })

/** Two masters; the second BMC has several systems. */
function model() {
  const site = exampleSite()
  const nodes = site.clusters[0]!.nodes
  const m1 = nodes.find(({ name }) => name === 'm1')!
  const m2 = { ...m1, name: 'm2', mac: '00:00:5e:00:53:72', address: '192.0.2.72' }
  Object.assign(m1, { bmc: { address: '172.16.1.21' } })
  nodes.push({ ...m2, bmc: { address: 'redfish+https://172.16.1.22/redfish/v1/Systems/2' } })
  return exampleModel(site)
}

const messages = (...credentials: readonly ReturnType<typeof credential>[]) =>
  fencingFindings({ cluster: 'ocp45', credentials }, model()).map(
    ({ about, message }) => `${about}: ${message}`,
  )

t.test('equal BMCs have no findings, however they are written', (t) => {
  const m1 = model().nodes.find(({ key }) => key === 'ocp45/m1')!
  t.same(
    messages(
      credential(m1.fqdn, 'redfish+https://172.16.1.21/redfish/v1/Systems/1'),
      credential('m2', 'https://172.16.1.22:443/redfish/v1/Systems/2/'),
    ),
    [],
  )
  t.same(messages(), [], 'a cluster without fencing')
  t.end()
})

t.test('another address or system, an unknown name, and a missing master are errors', (t) => {
  t.same(
    messages(
      credential('m1', 'redfish+https://172.16.1.99/x'),
      credential('m2', 'https://172.16.1.22/redfish/v1/Systems/1'),
    ),
    [
      'ocp45/m1: controlPlane.fencing has the BMC 172.16.1.99 (system x) for m1, but the site has 172.16.1.21: correct the wrong one',
      'ocp45/m2: controlPlane.fencing has the BMC 172.16.1.22 (system 1) for m2, but the site has 172.16.1.22 (system 2): correct the wrong one',
    ],
  )
  t.same(messages(credential('m1', '172.16.1.21'), credential('m9', '172.16.1.22')), [
    'ocp45: controlPlane.fencing names m9, which is not a master of the site',
    'ocp45/m2: controlPlane.fencing has no credentials of m2: add them to install-config.yaml',
  ])
  t.match(fencingFindings({ cluster: 'edge', credentials: [] }, model()), [
    { severity: 'error', message: 'install-config.yaml is for the cluster edge; the site has ocp45' },
  ])
  t.end()
})

t.test('a master without a BMC in the site is not compared', (t) => {
  const found = fencingFindings(
    { cluster: 'ocp45', credentials: [credential('m1', '172.16.1.21')] },
    exampleModel(),
  )
  t.same(found, [])
  t.end()
})

t.test('install-config.yaml is read without its passwords', (t) => {
  const text = `metadata: { name: edge }
controlPlane:
  fencing:
    credentials:
      - { hostname: m1, address: "https://172.16.1.21/x", username: root, password: hunter2 }
`
  t.same(readFencing(text), { cluster: 'edge', credentials: [credential('m1', 'https://172.16.1.21/x')] })
  t.same(readFencing('metadata: { name: edge }\n'), { cluster: 'edge', credentials: [] })
  t.throws(() => readFencing('password: "hunter2'), { message: 'is not valid YAML' })
  t.throws(() => readFencing(text.replace('hostname: m1, ', '')), {
    message: 'is not an install-config.yaml: check metadata.name and controlPlane.fencing.credentials',
  })
  t.end()
})
