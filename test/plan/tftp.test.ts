import t from 'tap'
import { loaderNames, type LoaderName } from '../../src/plan/facts.ts'
import { compileTftp } from '../../src/plan/tftp.ts'
import { formatCidr } from '../../src/proto/address/ip.ts'
import { completeFacts, exampleModel, exampleSite, missing } from '../support/model.ts'

const absent = 'efi/ipxe.efi was not found in /usr/lib/ipxe: apt-get install ipxe'

/** All loaders there but these. */
function without(...names: LoaderName[]) {
  const { loaders } = completeFacts(exampleSite())
  const lost = names.map((name) => [name, missing('/usr/lib/ipxe', absent)] as const)
  return { loaders: new Map([...loaders, ...lost]) }
}

t.test('loaders are served by name, those for x86_64 also without the directory', (t) => {
  const { plan, findings } = compileTftp(exampleModel())
  t.same(
    [...plan.files],
    [
      ['bios/undionly.kpxe', '/usr/lib/ipxe/bios/undionly.kpxe'],
      ['undionly.kpxe', '/usr/lib/ipxe/bios/undionly.kpxe'],
      ['efi/snponly.efi', '/usr/lib/ipxe/efi/snponly.efi'],
      ['snponly.efi', '/usr/lib/ipxe/efi/snponly.efi'],
      ['efi/ipxe.efi', '/usr/lib/ipxe/efi/ipxe.efi'],
      ['ipxe.efi', '/usr/lib/ipxe/efi/ipxe.efi'],
      ['arm64/ipxe.efi', '/usr/lib/ipxe/arm64/ipxe.efi'],
      ['arm64/snponly.efi', '/usr/lib/ipxe/arm64/snponly.efi'],
    ],
  )
  t.same([...plan.missing], [])
  t.same(findings, [])
  t.end()
})

t.test('the plan has the address, the port, the root, and the node of each address', (t) => {
  const site = { ...exampleSite(), tftp: { root: '/srv/tftp' } }
  site.server.ports = { tftp: 6969 }
  const { address, port, root, nodeByAddress } = compileTftp(exampleModel(site)).plan
  t.same({ address, port, root }, { address: '192.0.2.2', port: 6969, root: '/srv/tftp' })
  t.same(
    [...nodeByAddress],
    [
      ['192.0.2.10', 'ocp45/bs'],
      ['192.0.2.11', 'ocp45/m1'],
      ['2001:db8::11', 'ocp45/m1'],
      ['192.0.2.21', 'ocp45/w1'],
      ['192.0.2.31', 'ocp45/i1'],
    ],
  )
  t.equal(compileTftp(exampleModel()).plan.root, undefined)
  t.end()
})

t.test('a missing loader is listed under both its names', (t) => {
  const { plan } = compileTftp(exampleModel(exampleSite(), without('efi/ipxe.efi')))
  t.same(
    [...plan.missing],
    [
      ['efi/ipxe.efi', absent],
      ['ipxe.efi', absent],
    ],
  )
  t.equal(plan.files.has('efi/ipxe.efi'), false)
  t.equal(plan.files.has('ipxe.efi'), false)
  t.end()
})

/** The example's four nodes, changed. */
function siteWith({ architecture = 'x86_64', loader }: { architecture?: string; loader?: string }) {
  const site = exampleSite()
  site.images = { rhcos: { dir: '/srv/rhcos', architecture } as { dir: string } }
  if (loader !== undefined) site.clusters[0]!.nodes[2] = { ...site.clusters[0]!.nodes[2], loader }
  return site
}

const needs: {
  name: string
  site: ReturnType<typeof siteWith>
  lost: LoaderName
  who: string | undefined
}[] = [
  {
    name: 'x86_64 needs the BIOS loader',
    site: siteWith({}),
    lost: 'bios/undionly.kpxe',
    who: 'ocp45/bs and 3 more',
  },
  {
    name: 'x86_64 needs snponly for UEFI',
    site: siteWith({}),
    lost: 'efi/snponly.efi',
    who: 'ocp45/bs and 3 more',
  },
  { name: 'no node needs ipxe', site: siteWith({}), lost: 'efi/ipxe.efi', who: undefined },
  {
    name: 'a node with loader: ipxe needs that one',
    site: siteWith({ loader: 'ipxe' }),
    lost: 'efi/ipxe.efi',
    who: 'ocp45/w1',
  },
  {
    name: 'the other nodes still need snponly',
    site: siteWith({ loader: 'ipxe' }),
    lost: 'efi/snponly.efi',
    who: 'ocp45/bs and 2 more',
  },
  { name: 'x86_64 does not need arm64', site: siteWith({}), lost: 'arm64/ipxe.efi', who: undefined },
  {
    name: 'aarch64 needs arm64',
    site: siteWith({ architecture: 'aarch64' }),
    lost: 'arm64/ipxe.efi',
    who: 'ocp45/bs and 3 more',
  },
  {
    name: 'aarch64 with loader: snponly',
    site: siteWith({ architecture: 'aarch64', loader: 'snponly' }),
    lost: 'arm64/snponly.efi',
    who: 'ocp45/w1',
  },
  {
    name: 'aarch64 has no BIOS',
    site: siteWith({ architecture: 'aarch64' }),
    lost: 'bios/undionly.kpxe',
    who: undefined,
  },
]

for (const { name, site, lost, who } of needs) {
  t.test(`missing ${lost}: ${name}`, (t) => {
    const { findings } = compileTftp(exampleModel(site, without(lost)))
    const finding = {
      code: 'tftp.loader-missing',
      severity: 'error',
      about: `loader ${lost}`,
      message: `${who ?? ''} cannot boot: ${absent}`,
    }
    t.same(findings, who === undefined ? [] : [finding])
    t.end()
  })
}

t.test('a site without clusters needs no loaders', (t) => {
  const { plan, findings } = compileTftp(
    exampleModel({ ...exampleSite(), clusters: [] }, without(...loaderNames)),
  )
  t.same(findings, [])
  t.equal(plan.files.size, 0)
  t.end()
})

t.test('facts without an entry for a loader are an error of the caller', (t) => {
  t.throws(() => compileTftp(exampleModel(exampleSite(), { loaders: new Map() })), {
    name: 'TypeError',
    message: 'site was not scanned: bios/undionly.kpxe not among the facts',
  })
  t.end()
})

t.test('transfers use any port, a range, or the request port', (t) => {
  const transfersOf = (tftp: object) =>
    compileTftp(exampleModel({ ...exampleSite(), tftp } as never)).plan.transfers
  t.same(transfersOf({}), { kind: 'any' })
  t.same(transfersOf({ ports: { from: 30_000, to: 30_099 } }), { kind: 'range', from: 30_000, to: 30_099 })
  t.same(transfersOf({ singlePort: true }), { kind: 'single' })
  t.end()
})

t.test('the MTU of a subnet is known only where the site sets it', (t) => {
  const subnets = [{ cidr: '192.0.2.0/24', gateway: '192.0.2.1', mtu: 1400 }, { cidr: '198.51.100.0/24' }]
  const { mtus, networks } = compileTftp(exampleModel({ ...exampleSite(), subnets } as never)).plan
  t.same(networks.map(formatCidr), ['192.0.2.0/24', '198.51.100.0/24'])
  t.same(
    mtus.map(({ network, mtu }) => [formatCidr(network), mtu]),
    [['192.0.2.0/24', 1400]],
  )
  t.end()
})

t.test('a TFTP directory that cannot be served is an error with its path', (t) => {
  const tftpRootProblem = '/srv/tftp does not exist'
  t.same(compileTftp(exampleModel(exampleSite(), { tftpRootProblem })).findings, [
    { code: 'tftp.root-unreadable', severity: 'error', about: 'tftp.root', message: tftpRootProblem },
  ])
  t.end()
})
