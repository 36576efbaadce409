/** Each site in config/examples, as a person would use it: loaded, compiled, and its nodes booted from a server of its own. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startApp } from '../src/app.ts'
import { choosePorts } from '../src/demo/demo-site.ts'
import { systemClock } from '../src/host/clock.ts'
import { createLog } from '../src/host/log.ts'
import { createSockets } from '../src/host/sockets.ts'
import { compile } from '../src/plan/compile.ts'
import { diskText, installDevice } from '../src/plan/disks/target.ts'
import { ignitionFileNames, loaderNames, type FoundFile, type ImageFacts } from '../src/plan/facts.ts'
import { buildModel, clusterDomain } from '../src/plan/model.ts'
import type { TemplateFact } from '../src/plan/files/facts.ts'
import { parseTemplate, type Template } from '../src/plan/template/template.ts'
import { parseIpv4, parseIpv6, type Ipv4 } from '../src/proto/address/ip.ts'
import { scriptsOf } from '../src/site/boot-script.ts'
import { loadSite } from '../src/site/load.ts'
import { formatProblem } from '../src/site/problem.ts'
import type { Cluster, Site } from '../src/site/schema.ts'
import { simulate } from '../src/simulate/simulate.ts'
import { openMemoryStore } from '../src/install/open-store.ts'
import { scanIgnition, scanSite } from '../src/scan/scan.ts'
import { base64, kubeconfigText, startApiServer } from './support/api-server.ts'
import { makeAuthority } from './support/certificates.ts'
import { golden } from './support/golden.ts'
import { found, ignitionFiles } from './support/model.ts'
import { answerText, systemFacts } from './support/systems.ts'
import { planText } from './support/plan-text.ts'
import { startUninstrumentedWorkers } from './support/uninstrumented-workers.ts'
import { until } from './support/until.ts'

const root = new URL('../', import.meta.url)
const authority = makeAuthority()
const folder = new URL('config/examples/', root)
const examples = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ''))
const read = (name: string) => readFileSync(new URL(`${name}.yaml`, folder), 'utf8')

function load(name: string): Site {
  const loaded = loadSite(read(name), `/etc/slipway/${name}.yaml`)
  if (loaded.kind === 'site') return loaded.site
  throw new Error(loaded.problems.map(formatProblem).join('\n'))
}

function imageFiles(architecture: string) {
  return {
    kernel: `rhcos-live-kernel.${architecture}`,
    initramfs: `rhcos-live-initramfs.${architecture}.img`,
    rootfs: `rhcos-live-rootfs.${architecture}.img`,
  }
}

/** The names that the images of other operating systems have in common, and those of some. */
const systemFiles = [
  'vmlinuz',
  'initrd.img',
  'ubuntu-24.04-live-server-amd64.iso',
  'flatcar_production_pxe.vmlinuz',
  'flatcar_production_pxe_image.cpio.gz',
]

/** Names of nodes and what becomes of them; all others install to the disk that they name. */
const endings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  assisted: Object.fromEntries(
    ['m1', 'm2', 'm3', 'w1'].map((name) => [name, 'starts the installer that its script names']),
  ),
  // A single node has no disk check.
  'single-node': { n1: 'boots from its local disk, because it is not armed' },
  'single-node-with-workers': { n1: 'boots from its local disk' },
  'hosted-control-planes': { w1: 'boots from its local disk', w2: 'boots from its local disk' },
  'other-systems': Object.fromEntries(
    ['web1', 'web2', 'db1', 'build1', 'edge2', 't1', 'office1'].map((name) => [
      name,
      // Talos has no disk check.
      name === 't1' ? 'boots from its local disk, because it is not armed' : 'starts its installer',
    ]),
  ),
  'two-clusters': Object.fromEntries(
    ['prod/m1', 'prod/m2', 'prod/m3', 'prod/w1'].map((key) => [key, 'boots from its local disk']),
  ),
}

/** All templates of a site, each with one line. */
function templates(site: Site): ReadonlyMap<string, TemplateFact> {
  const owners = [site, ...site.clusters, ...site.clusters.flatMap(({ nodes }) => nodes)]
  const paths = owners
    .flatMap(({ http }): readonly { template?: string | undefined }[] => http?.files ?? [])
    .flatMap(({ template }) => template ?? [])
  return new Map(
    paths.map((path) => [path, { kind: 'found', path, template: parseTemplate('{{node.key}}') as Template }]),
  )
}

t.test('README lists every example', (t) => {
  const text = readFileSync(new URL('README.md', root), 'utf8')
  t.same(
    examples.filter((name) => !text.includes(`](config/examples/${name}.yaml)`)),
    [],
  )
  t.end()
})

for (const name of examples) {
  t.test(`${name}: the whole plan is the golden file, without findings`, async (t) => {
    t.equal(read(name).split('\n')[0], '# yaml-language-server: $schema=../site.schema.json')
    const site = load(name)
    const others = systemFacts(site)
    const images = Object.entries(site.images).map(([image, { dir, architecture, os = 'rhcos' }]) => {
      if (os !== 'rhcos') return [image, others.images?.get(image) as ImageFacts] as const
      const { kernel, initramfs, rootfs } = imageFiles(architecture)
      const at = (file: string) => found(`${dir}/${file}`)
      const facts: ImageFacts = {
        style: 'live',
        kernel: at(kernel),
        initramfs: at(initramfs),
        rootfs: at(rootfs),
        ...(architecture === 'ppc64le' && { signed: new Map([['core.elf', at('core.elf') as FoundFile]]) }),
      }
      return [image, facts] as const
    })
    const scripts = scriptsOf(site).map((script) => {
      return [script, { style: 'script', script: found(script, 0) } satisfies ImageFacts] as const
    })
    const plan = compile(
      buildModel(site, {
        ...others,
        images: new Map<string, ImageFacts>([...images, ...scripts]),
        ignition: new Map(
          await Promise.all(
            site.clusters.map(async (cluster) => {
              const { name, ignition } = cluster
              const facts =
                ignition === undefined ? await scanIgnition(cluster, true) : ignitionFiles(ignition)
              return [name, facts] as const
            }),
          ),
        ),
        loaders: new Map(loaderNames.map((loader) => [loader, found(`/usr/lib/ipxe/${loader}`)])),
        served: { templates: templates(site), problems: new Map(), protectedPaths: [] },
      }),
    )
    t.same(
      plan.findings.filter(({ severity }) => severity === 'error'),
      [],
    )
    golden(t, `plans/example-${name}.json`, planText(plan))
  })
}

startUninstrumentedWorkers(t)

/** Below those of the demo, which may look for free ports at the same moment. */
const offsets = [11_000, 12_000, 13_000, 14_000, 15_000]

/** The machines of other-systems.yaml boot each of these systems. */
const ofOneSystem = ['custom-system', 'debian', 'fedora-coreos', 'flatcar', 'rhel', 'talos', 'ubuntu']

for (const name of examples.filter((example) => !ofOneSystem.includes(example))) {
  t.test(`${name}: its nodes boot`, async (t) => {
    const sockets = createSockets({})
    const chosen = await choosePorts(sockets, offsets)
    if (chosen === undefined) throw new Error('no free ports')
    const dir = t.testdir({ loaders: { bios: 'undionly', x64: 'MZ x64', arm64: 'MZ arm64' } })
    const site = onLoopback(load(name), dir, chosen.ports)
    writeStandIns(site)
    for (const cluster of site.clusters) await startCluster(t, cluster)
    const model = buildModel(site, await scanSite(site))
    const app = await startApp({
      sitePath: join(dir, 'site.yaml'),
      sockets,
      store: openMemoryStore(),
      prepared: { kind: 'ready', model, plan: compile(model), file: { text: '', changedSeconds: 1 } },
      follow: { site, directory: dir },
      log: createLog('error', { write: () => undefined }),
      onLost: (error) => {
        throw error
      },
    })
    t.teardown(() => app.close(0))
    // A machine that a running cluster may have as a node waits until the cluster was read.
    const followed = app.services.find(({ clusters }) => clusters !== undefined)?.clusters
    await until(() => model.nodes.every(({ key }) => followed?.isRead(key) !== false))
    const { boots } = await simulate(model, {
      sockets,
      clock: systemClock,
      source: '127.0.0.1',
      nodes: model.nodes,
      firmware: 'uefi',
      parallel: 4,
      onBooted: () => undefined,
    })
    t.same(
      boots.map(({ node, isBooted, ending, events }) => [node.key, isBooted ? ending : events.at(-1)?.text]),
      model.nodes.map((node) => [
        node.key,
        endings[name]?.[node.key] ??
          endings[name]?.[node.name] ??
          `installs to ${node.disk?.kind === 'hints' ? diskText(node.disk) : installDevice(node.disk!)}`,
      ]),
    )
  })
}

/** The same site, served from this machine without root, and its files below `dir`. */
function onLoopback(site: Site, dir: string, ports: Site['server']['ports']): Site {
  const { site: name, subnets, subnets6, hosts, dhcpOptions } = site
  return {
    site: name,
    subnets,
    subnets6,
    hosts,
    groups: site.groups.map((group) => ({
      ...group,
      ...(group.answers && {
        answers: group.answers.map((path) => `${dir}/${path.split('/').at(-1) ?? ''}`),
      }),
    })),
    dhcpOptions,
    http: { files: [] },
    wipe: site.wipe,
    hooks: {},
    server: {
      address: parseIpv4('127.0.0.1') as Ipv4,
      // The ports beside those of DHCPv4 are free, too.
      ...(site.server.address6 !== undefined && { address6: parseIpv6('::1') }),
      peers: [],
      ...(site.server.tls !== undefined && { tls: site.server.tls }),
      ports: { ...ports, dhcp6: ports.dhcp + 480, dhcp6Client: ports.dhcp + 479, https: ports.http + 364 },
    },
    dns: { ...site.dns, forward: [] },
    tftp: {
      ...site.tftp,
      loaders: { bios: `${dir}/loaders/bios`, x64: `${dir}/loaders/x64`, arm64: `${dir}/loaders/arm64` },
    },
    images: Object.fromEntries(
      Object.entries(site.images).map(([image, more]) => [image, { ...more, dir: `${dir}/${image}` }]),
    ),
    // There is no assisted service here.
    clusters: site.clusters.map((cluster) => ({
      ...cluster,
      assisted: undefined,
      ...(cluster.script && { script: `${dir}/script.ipxe` }),
      ...(cluster.ignition && { ignition: `${dir}/ignition/${cluster.name}` }),
      ...(cluster.kubeconfig && { kubeconfig: `${dir}/${cluster.name}.kubeconfig` }),
    })),
  }
}

/** A running cluster, where the site has a kubeconfig of one: it has a file for new workers. */
async function startCluster(t: Test, cluster: Cluster): Promise<void> {
  if (cluster.kubeconfig === undefined) return
  const name = `api.${clusterDomain(cluster)}`
  const server = await startApiServer(authority, `DNS:${name},IP:127.0.0.1`)
  t.teardown(() => server.close())
  const source = `https://api-int.${clusterDomain(cluster)}:22623/config/worker`
  const userData = JSON.stringify({ ignition: { version: '3.4.0', config: { merge: [{ source }] } } })
  server.put('/api/v1/namespaces/openshift-machine-api/secrets', {
    metadata: { name: 'worker-user-data-managed' },
    data: { userData: base64(userData) },
  })
  const user = { token: 'sha256~token' }
  const at = `https://127.0.0.1:${server.port}`
  writeFileSync(cluster.kubeconfig, kubeconfigText(at, authority, user, { 'tls-server-name': name }))
}

function writeStandIns(site: Site): void {
  const write = (dir: string, name: string, text: string) => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  for (const { dir, architecture, os = 'rhcos' } of Object.values(site.images)) {
    const live = os === 'rhcos' || os === 'fcos' ? Object.values(imageFiles(architecture)) : undefined
    const loaders = architecture === 'ppc64le' ? ['core.elf'] : []
    for (const file of [...(live ?? systemFiles), ...loaders]) write(dir, file, `a stand-in for ${file}`)
  }
  for (const { answers = [] } of site.groups) {
    for (const path of answers) {
      const [name = '', ...folders] = path.split('/').reverse()
      const text = name.endsWith('.ign') ? '{"ignition":{"version":"3.4.0"}}' : answerText(name)
      write(folders.reverse().join('/'), name, text)
    }
  }
  for (const { script } of site.clusters) {
    if (script === undefined) continue
    const at = 'http://images.example.net'
    writeFileSync(script, `#!ipxe\ninitrd --name i ${at}/i\nkernel ${at}/k initrd=i rw\nboot\n`)
  }
  for (const { ignition } of site.clusters) {
    if (ignition === undefined) continue
    for (const file of Object.values(ignitionFileNames)) {
      write(ignition, file, JSON.stringify({ ignition: { version: '3.4.0' }, file }))
    }
  }
}
