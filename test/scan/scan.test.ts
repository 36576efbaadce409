import { chmodSync, truncateSync } from 'node:fs'
import t from 'tap'
import { loaderNames, type FileFact, type IgnitionFact } from '../../src/plan/facts.ts'
import { loadSite } from '../../src/site/load.ts'
import type { Site } from '../../src/site/schema.ts'
import { packagedLoaders, scanLoaders, scanSite } from '../../src/scan/scan.ts'

const nowhere = Object.fromEntries(loaderNames.map((name) => [name, []])) as unknown as typeof packagedLoaders
const ignition = (version: string) => JSON.stringify({ ignition: { version } })

/** A cluster of one master for each image, installing from `ignition` beside the site file. */
function siteAt(dir: string, images: readonly string[]): Site {
  const nodes = images.map(
    (image, index) => `
      - { name: m${index}, role: master, mac: "00:00:5e:00:53:0${index}", address: 192.0.2.1${index}${image === 'live' ? '' : `, image: ${image}`} }`,
  )
  const loaded = loadSite(
    `
site: lab
server: { address: 192.0.2.1 }
subnets: [{ cidr: 192.0.2.0/24 }]
images: { live: { dir: live }, old: { dir: old }, empty: { dir: empty } }
clusters:
  - name: ocp
    domain: example.net
    image: live
    ignition: ignition
    disk: /dev/sda
    loadBalancer: { api: 192.0.2.20, ingress: 192.0.2.20 }
    nodes:${nodes.join('')}
`,
    `${dir}/site.yaml`,
  )
  if (loaded.kind === 'site') return loaded.site
  throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
}

const files = {
  live: { 'live-kernel': 'k', 'live-initramfs': 'i', 'live-rootfs': 'r' },
  old: { 'installer-kernel': 'k', 'installer-initramfs': 'i', 'metal.raw.gz': 'm' },
  empty: {},
}
const kinds = (facts: Readonly<Record<string, FileFact | IgnitionFact>> | undefined) =>
  Object.entries(facts ?? {}).map(([kind, fact]) => {
    if (fact.kind === 'asked') return `${kind} asked: ${fact.path}`
    return `${kind} ${fact.kind === 'found' ? fact.octets : fact.problem}`
  })

t.test('a scan covers every image, every Ignition file, and every loader of a site', async (t) => {
  const dir = t.testdir({ ...files, ignition: { 'bootstrap.ign': ignition('3.2.0'), 'master.ign': '{}' } })
  const facts = await scanSite(siteAt(dir, ['live']), nowhere)
  t.same(
    [...facts.images].map(([name, { style }]) => `${name} ${style}`),
    ['live live', 'old installer', 'empty live'],
  )
  t.same(kinds(facts.ignition.get('ocp')), [
    'bootstrap 32',
    `master ${dir}/ignition/master.ign is not an Ignition file, because ignition.version is missing; create it with \`openshift-install create ignition-configs\``,
    `arbiter ${dir}/ignition/arbiter.ign does not exist; create it with \`openshift-install create ignition-configs\``,
    `single ${dir}/ignition/bootstrap-in-place-for-live-iso.ign does not exist; create it with \`openshift-install create single-node-ignition-config\``,
    `worker ${dir}/ignition/worker.ign does not exist; create it with \`openshift-install create ignition-configs\``,
  ])
  t.same([...facts.loaders.keys()], [...loaderNames])
})

t.test('Ignition 2.x is rejected for a cluster that boots only live images', async (t) => {
  const dir = t.testdir({ ...files, ignition: { 'master.ign': ignition('2.2.0') } })
  const master = async (images: readonly string[]) =>
    (await scanSite(siteAt(dir, images), nowhere)).ignition.get('ocp')?.master.kind
  t.equal(await master(['live']), 'missing')
  t.equal(await master(['old']), 'found')
  t.equal(await master(['live', 'old']), 'found')
  t.equal(await master(['empty']), 'found', 'an image that is not there has no style')
})

t.test(
  'a running, reachable cluster provides the Ignition files of masters and workers that are not on disk',
  async (t) => {
    const installed = { 'master.ign': ignition('3.4.0'), auth: { kubeconfig: '{}' } }
    const dir = t.testdir({
      given: { ...structuredClone(files), ignition: installed },
      without: { ...structuredClone(files), ignition: {} },
      bare: structuredClone(files),
    })
    const scan = async (folder: string, change: (cluster: Site['clusters'][number]) => void = () => {}) => {
      const site = siteAt(`${dir}/${folder}`, ['live'])
      change(site.clusters[0]!)
      return kinds((await scanSite(site, nowhere)).ignition.get('ocp')).map((line) =>
        line.replace(/(?<=^\w+) (?!asked).*/, ' …'),
      )
    }
    const asked = 'worker asked: worker-user-data-managed of ocp'
    t.same(
      (await scan('given')).slice(1),
      ['master …', 'arbiter …', 'single …', asked],
      'a file that is there stays',
    )
    t.same((await scan('without')).at(-1), 'worker …', 'nobody can ask it')
    t.same(
      await scan('bare', (cluster) => Object.assign(cluster, { ignition: undefined, kubeconfig: '/k' })),
      ['bootstrap …', 'master asked: master-user-data-managed of ocp', 'arbiter …', 'single …', asked],
    )
    const withBootstrap = (boot: 'local' | 'install') => (cluster: Site['clusters'][number]) =>
      cluster.nodes.push({ ...cluster.nodes[0]!, name: 'bs', role: 'bootstrap', boot })
    t.same((await scan('given', withBootstrap('install'))).at(-1), 'worker …', 'it is still to be installed')
    t.same((await scan('given', withBootstrap('local'))).at(-1), asked, 'its bootstrap has done its part')
  },
)

t.test('a huge file is not read as Ignition', async (t) => {
  const dir = t.testdir({ ...files, ignition: { 'worker.ign': '{}' } })
  truncateSync(`${dir}/ignition/worker.ign`, 2 ** 31)
  const facts = await scanSite(siteAt(dir, ['live']), nowhere)
  t.match(
    kinds(facts.ignition.get('ocp')).at(-1),
    /worker\.ign is too large: 2147483648 bytes, the maximum is 16777216; /,
  )
})

t.test('loaders come from the site, or else from the first directory that has them', async (t) => {
  const dir = t.testdir({
    debian: { 'undionly.kpxe': 'bios' },
    fedora: { 'undionly.kpxe': 'bi', 'ipxe-x86_64.efi': 'x64' },
    'shim.efi': 'arm64',
  })
  const places = {
    'bios/undionly.kpxe': [`${dir}/debian/undionly.kpxe`, `${dir}/fedora/undionly.kpxe`],
    'efi/ipxe.efi': [`${dir}/debian/ipxe.efi`, `${dir}/fedora/ipxe-x86_64.efi`],
    'efi/snponly.efi': [`${dir}/debian/snponly.efi`, `${dir}/fedora/snponly.efi`],
    'arm64/ipxe.efi': [],
    'arm64/snponly.efi': [],
  }
  const facts = await scanLoaders({ arm64: `${dir}/shim.efi` }, places)
  t.same(facts.get('bios/undionly.kpxe'), { kind: 'found', path: `${dir}/debian/undionly.kpxe`, octets: 4 })
  t.same(facts.get('efi/ipxe.efi'), { kind: 'found', path: `${dir}/fedora/ipxe-x86_64.efi`, octets: 3 })
  t.same(facts.get('efi/snponly.efi'), {
    kind: 'missing',
    code: 'tftp.loader-missing',
    path: `${dir}/debian/snponly.efi`,
    problem: `no efi/snponly.efi at ${dir}/debian/snponly.efi or ${dir}/fedora/snponly.efi: install it (apt install ipxe, or dnf install ipxe-bootimgs-x86), or set tftp.loaders.x64`,
  })
  for (const name of ['arm64/ipxe.efi', 'arm64/snponly.efi'] as const) {
    t.same(facts.get(name), { kind: 'found', path: `${dir}/shim.efi`, octets: 5 })
  }
})

t.test('a loader that the site names has no substitute', async (t) => {
  const dir = t.testdir({ packaged: 'x' })
  const facts = await scanLoaders(
    { bios: `${dir}/none.kpxe` },
    { ...packagedLoaders, 'bios/undionly.kpxe': [`${dir}/packaged`] },
  )
  t.match(facts.get('bios/undionly.kpxe'), { kind: 'missing', problem: `${dir}/none.kpxe does not exist` })
})

t.test('a missing TFTP directory is among the facts', async (t) => {
  const dir = t.testdir({ ...files, ignition: {}, own: {} })
  const site = siteAt(dir, ['live'])
  const problemOf = async (root: string) =>
    (await scanSite({ ...site, tftp: { ...site.tftp, root } }, nowhere)).tftpRootProblem
  t.equal(await problemOf(`${dir}/own`), undefined)
  t.equal(await problemOf(`${dir}/none`), `${dir}/none does not exist`)
})

t.test('the file with the users of the statistics page is read, or recorded as missing', async (t) => {
  const dir = t.testdir({ ...files, ignition: {}, users: 'ops:x' })
  const site = siteAt(dir, ['live'])
  const scan = async (name: string) => {
    const stats = { bind: [], uri: '/stats', users: `${dir}/${name}` }
    const haproxy = { file: '/f', with: [], socket: '/s', stats }
    return (await scanSite({ ...site, haproxy }, nowhere)).statsUsers
  }
  t.match(await scan('users'), { kind: 'found', octets: 5 })
  t.match(await scan('none'), { kind: 'missing', code: 'haproxy.stats-users-invalid' })
})

t.test('the files that a site copies to nodes are read, or recorded as missing', async (t) => {
  const dir = t.testdir({ ...files, ignition: {}, 'x.crt': 'PEM', huge: 'h', 'bond0.nmconnection': '[bond]' })
  truncateSync(`${dir}/huge`, 2 ** 20 + 1)
  const site = siteAt(dir, ['live'])
  const [cluster] = site.clusters as [Site['clusters'][number]]
  const [node] = cluster.nodes as [Site['clusters'][number]['nodes'][number]]
  const copy = (name: string) => ({ path: `/etc/${name}`, mode: 0o644, from: `${dir}/${name}` })
  const declared = {
    ...node,
    files: [copy('x.crt'), copy('none'), copy('huge'), { path: '/etc/t', mode: 0o644, contents: 't' }],
  }
  const clusters = [
    { ...cluster, networkKeyfiles: [`${dir}/bond0.nmconnection`], files: [copy('x.crt')], nodes: [declared] },
  ]
  const { addedFiles } = await scanSite({ ...site, clusters }, nowhere)
  t.same(
    [...(addedFiles ?? [])].map(([path, fact]) =>
      [
        path.slice(dir.length),
        fact.kind === 'found' ? Buffer.from(fact.content).toString() : fact.problem,
      ].join(' '),
    ),
    [
      '/x.crt PEM',
      '/bond0.nmconnection [bond]',
      `/none ${dir}/none does not exist`,
      `/huge ${dir}/huge is too large: 1048577 bytes, the maximum is 1048576`,
    ],
  )
})

t.test('a single live ISO beside the other files is used, and one of several is not', async (t) => {
  const iso = async (names: readonly string[]) => {
    const dir = t.testdir({
      ...files,
      live: { ...files.live, ...Object.fromEntries(names.map((name) => [name, 'x'])) },
    })
    const image = (await scanSite(siteAt(dir, ['live']), nowhere)).images.get('live')
    return image?.style === 'live' ? image.iso?.path.slice(dir.length) : 'another style'
  }
  t.equal(await iso(['rhcos-live.x86_64.iso', 'rhcos-live.aarch64.iso']), '/live/rhcos-live.x86_64.iso')
  t.equal(await iso(['rhcos-live-iso.x86_64.iso', 'rhcos-live.x86_64.iso']), undefined)
  t.equal(await iso([]), undefined)
})

t.test('an Ignition file that every user can read is marked', async (t) => {
  const dir = t.testdir({ ...files, ignition: { 'bootstrap.ign': ignition('3.2.0') } })
  const path = `${dir}/ignition/bootstrap.ign`
  const fact = async (fileMode: number, folderMode: number) => {
    chmodSync(path, fileMode)
    chmodSync(`${dir}/ignition`, folderMode)
    return (await scanSite(siteAt(dir, ['live']), nowhere)).ignition.get('ocp')?.bootstrap
  }
  t.match(await fact(0o644, 0o755), { kind: 'found', isPublic: true })
  t.same('isPublic' in (await fact(0o640, 0o755))!, false)
  t.same('isPublic' in (await fact(0o644, 0o750))!, false, 'other users cannot enter the folder')
})
