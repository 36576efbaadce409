import { readFileSync } from 'node:fs'
import t from 'tap'
import { findingPosition, summaryLines } from '../../../src/cli/text/site-summary.ts'
import { compile, type Plan } from '../../../src/plan/compile.ts'
import type { ImageFacts } from '../../../src/plan/facts.ts'
import { buildModel } from '../../../src/plan/model.ts'
import { scanSite } from '../../../src/scan/scan.ts'
import { loadSite } from '../../../src/site/load.ts'
import { readYaml, type Tree } from '../../../src/site/yaml.ts'
import { exampleModel, found } from '../../support/model.ts'
import { systemModel } from '../../support/systems.ts'

const example = readFileSync(new URL('../../../config/site.example.yaml', import.meta.url), 'utf8')

t.test('what a finding is about has a position in the site file', (t) => {
  const text = example.replace(
    '  # secondaries',
    '  records: [{ name: a.example.localdomain, txt: x }]\n  # secondaries',
  )
  const loaded = loadSite(text, '/site.yaml')
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
  const tree = readYaml(text).tree as Tree
  const cases = [
    { about: 'image rhcos-4.17', line: 36 },
    { about: 'cluster ocp45', line: 39 },
    { about: 'haproxy', line: 70 },
    { about: 'haproxy, ocp45', line: 39 },
    { about: 'ocp45/m2', line: 51 },
    { about: 'host bastion.example.localdomain', line: 63 },
    { about: 'record a.example.localdomain', line: 31 },
    { about: 'subnet 172.16.0.0/24', line: 12 },
    { about: 'dns.forward', line: 20 },
    { about: 'tftp.root', line: undefined },
    { about: 'loader efi/ipxe.efi', line: undefined },
    { about: 'ocp45/none', line: undefined },
    { about: 'none/m1', line: undefined },
    { about: '', line: undefined },
  ]
  for (const { about, line } of cases) {
    t.equal(findingPosition({ about }, loaded.site, tree)?.line, line, about)
  }
  t.end()
})

t.test('the summary counts the reservations of each version of IP', async (t) => {
  const summary = async (name: string) => {
    const text = readFileSync(new URL(`../../../config/examples/${name}.yaml`, import.meta.url), 'utf8')
    const loaded = loadSite(text, '/site.yaml')
    if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
    const plan = compile(buildModel(loaded.site, await scanSite(loaded.site)))
    return summaryLines(plan).filter((line) => line.startsWith('  dhcp'))
  }
  t.same(await summary('two-machines'), ['  dhcp     6 reservations in 172.16.0.0/24'])
  t.same(await summary('ipv6'), ['  dhcp     no IPv4 networks', '  dhcpv6   4 reservations in fd00:16::/64'])
  t.same(await summary('dual-stack'), [
    '  dhcp     6 reservations in 172.16.0.0/24',
    '  dhcpv6   6 reservations in fd00:16::/64',
  ])
})

t.test('the loaders of an image are shown with the authority that the firmware must know', (t) => {
  const given = exampleModel()
  const shim = { ...found('/srv/rhcos/shimx64.efi'), signature: { authorities: ['CA 2023'], sbat: 'shim 4' } }
  const image = { ...given.facts.images.get('rhcos'), signed: new Map([['shimx64.efi', shim]]) } as ImageFacts
  const loaders = new Map([
    ...given.facts.loaders,
    ['bios/lpxelinux.0', found('/usr/lib/lpxelinux.0')],
  ] as const)
  const facts = { ...given.facts, loaders, images: new Map([['rhcos', image]]) }
  const text = summaryLines(compile({ ...given, facts })).join('\n')
  t.match(text, /image-rhcos\/shimx64\.efi +signed by CA 2023; SBAT shim 4$/m)
  t.match(text, /BIOS, loader: pxelinux +bios\/lpxelinux\.0 +\/usr\/lib\/lpxelinux\.0$/m)
  t.notMatch(summaryLines(compile(given)).join('\n'), /pxelinux|shim/)
  t.end()
})

t.test('clusters and groups are counted', (t) => {
  const first = (plan: Plan): string | undefined => summaryLines(plan)[0]
  t.match(first(compile(exampleModel())), /: 4 nodes in 1 cluster, served from /)
  const model = systemModel({ os: 'debian' })
  t.match(first(compile(model)), /: 5 nodes in 1 cluster and 1 group, served from /)
  const members = model.members.filter(({ cluster }) => cluster === 'web')
  t.match(first({ ...compile(model), members }), /: 1 node in 1 group, served from /)
  t.end()
})
