/** A fault for every check, found before power-on by `slipway preflight`, with what to do. */
import t from 'tap'
import { compile } from '../../src/plan/compile.ts'
import { runChecks, type CheckContext } from '../../src/preflight/check.ts'
import { checks } from '../../src/preflight/checks.ts'
import { readInstallConfig } from '../../src/preflight/install-config.ts'
import type { Probes } from '../../src/preflight/probes.ts'
import { madeAt, usableUntil } from '../support/ignition.ts'
import {
  exampleModel,
  type exampleSite,
  ignitionFile,
  ignitionFiles,
  liveImage,
  missing,
} from '../support/model.ts'
import { checkContext } from '../support/probes.ts'

type Site = ReturnType<typeof exampleSite>

type Fault = {
  readonly name: string
  readonly check: string
  readonly code: string
  readonly probes?: Partial<Probes>
  readonly site?: (site: Site) => void
  readonly context?: () => Partial<CheckContext>
}

const reading = (files: Readonly<Record<string, string>>): Partial<Probes> => ({
  read: (path) => Promise.resolve(files[path]),
})
const replying = (kind: 'done' | 'failed', output: string): Partial<Probes> => ({
  run: () => Promise.resolve({ kind, ending: 'exit code 1', output }),
})
const withHaproxy = (site: Site) =>
  void Object.assign(site, { haproxy: { file: '/etc/haproxy/haproxy.cfg' } })
const withResolver = (site: Site) => void Object.assign(site, { dns: { forward: ['192.0.2.53'] } })
const withIpv6 = (site: Site) =>
  void Object.assign(site, {
    server: { ...site.server, address6: 'fd00:16::2' },
    subnets6: [{ cidr: 'fd00:16::/64' }],
  })
const onWire = (files: Readonly<Record<string, string>>) =>
  reading({ '/sys/class/net/eth0/carrier': '1', ...files })
/** Another plan of the example site. @param facts what the scan found */
const scanned = (facts: Parameters<typeof exampleModel>[1]): Partial<CheckContext> => {
  const model = exampleModel(undefined, facts)
  return { model, plan: compile(model) }
}
const installConfig = `imageDigestSources:
  - { source: quay.io/openshift-release-dev/ocp-release, mirrors: ["mirror.example.net:5000/ocp"] }
`

const faults: readonly Fault[] = [
  {
    name: 'a file of an image is missing',
    check: 'site',
    code: 'image.file-missing',
    context: () =>
      scanned({
        images: new Map([
          ['rhcos', { ...liveImage('/srv/rhcos'), kernel: missing('/srv/rhcos', 'it has no kernel') }],
        ]),
      }),
  },
  {
    name: 'the Ignition files have expired',
    check: 'site',
    code: 'ignition.expired',
    context: () => ({
      ...scanned({
        ignition: new Map([
          [
            'ocp45',
            {
              ...ignitionFiles('/srv'),
              bootstrap: ignitionFile('/srv/bootstrap.ign', { madeAt, usableUntil }),
            },
          ],
        ]),
      }),
      now: madeAt + 25 * 3_600_000,
    }),
  },
  {
    name: 'a file of an image has a wrong signature',
    check: 'images',
    code: 'preflight.image-signature-wrong',
    probes: {
      verifyImage: () =>
        Promise.resolve({
          kind: 'whole',
          files: 3,
          signing: { kind: 'wrong', problems: ['kernel is not signed'] },
        }),
    },
  },
  {
    name: 'an interface has no carrier',
    check: 'network',
    code: 'preflight.no-carrier',
    probes: onWire({ '/sys/class/net/eth0/carrier': '0' }),
  },
  {
    name: 'the MTU of an interface is smaller than that of nodes',
    check: 'network',
    code: 'preflight.mtu-too-small',
    probes: onWire({ '/sys/class/net/eth0/mtu': '1400' }),
  },
  {
    name: 'another process has a port',
    check: 'ports',
    code: 'preflight.port-in-use',
    probes: { bind: () => Promise.resolve('EADDRINUSE') },
  },
  {
    name: 'the firewall drops packets',
    check: 'firewall',
    code: 'preflight.firewall-blocks',
    probes: replying(
      'done',
      '{"nftables":[{"chain":{"family":"inet","table":"filter","name":"input","hook":"input","policy":"drop"}}]}',
    ),
  },
  {
    name: 'SELinux does not let HAProxy connect',
    check: 'selinux',
    code: 'preflight.selinux-denies',
    probes: {
      ...reading({ '/sys/fs/selinux/enforce': '1' }),
      ...replying('done', 'haproxy_connect_any --> off'),
    },
    site: withHaproxy,
  },
  {
    name: 'another DHCP server answers the probe',
    check: 'dhcp',
    code: 'preflight.other-dhcp-server',
    probes: { offers: () => Promise.resolve({ servers: ['192.0.2.66'] }) },
  },
  {
    name: 'no router sends advertisements to the IPv6 network',
    check: 'routers',
    code: 'preflight.no-router-advertisement',
    probes: {
      interfaces: () => ({ eth0: [{ address: 'fd00:16::2', netmask: '', cidr: null, internal: false }] }),
    },
    site: withIpv6,
  },
  {
    name: 'another machine has the address of a node',
    check: 'addresses',
    code: 'preflight.address-in-use',
    probes: { neighbors: () => Promise.resolve(new Map([['192.0.2.21', '00:00:5e:00:53:99']])) },
  },
  {
    name: 'a resolver does not answer',
    check: 'resolvers',
    code: 'preflight.resolver-unreachable',
    probes: { resolverProblem: () => Promise.resolve('no answer') },
    site: withResolver,
  },
  {
    name: "the company's DNS does not delegate the zone of the cluster",
    check: 'dns',
    code: 'preflight.names-differ',
    probes: {
      compareNames: (_model, _plan, servers) =>
        Promise.resolve({
          servers,
          records: [],
          zones: [
            {
              kind: 'delegation',
              zone: 'ocp45.example.net',
              message: 'is not delegated',
              severity: 'failure',
            },
          ],
        }),
    },
    site: (site) => void Object.assign(site.subnets[0] as object, { dns: ['192.0.2.53'] }),
  },
  {
    name: 'a registry cannot be reached',
    check: 'registry',
    code: 'preflight.registry-unreachable',
    probes: { httpStatus: () => Promise.resolve({ problem: 'quay.io: connection refused' }) },
  },
  {
    name: 'a mirror cannot be reached',
    check: 'mirrors',
    code: 'preflight.mirror-unreachable',
    probes: { registry: () => Promise.resolve({ problem: 'connection refused' }) },
    context: () => ({ mirrors: readInstallConfig(installConfig) }),
  },
  {
    name: 'the API of a cluster that runs elsewhere does not answer',
    check: 'endpoints',
    code: 'preflight.api-unreachable',
    probes: { connectProblem: () => Promise.resolve('no answer within 3 s') },
    site: (site) => {
      for (const cluster of site.clusters) cluster.nodes = cluster.nodes.slice(2, 3)
    },
  },
  {
    name: 'a BMC refuses the password',
    check: 'bmcs',
    code: 'preflight.bmc-unusable',
    probes: {
      bmcInventories: (plans) =>
        Promise.resolve(
          new Map(
            [...plans.keys()].map((key) => [
              key,
              { code: 'bmc.credentials-refused', reason: 'it is refused' },
            ]),
          ),
        ),
    },
    site: (site) => {
      for (const node of site.clusters[0]?.nodes ?? [])
        node['bmc'] = { address: '192.0.2.110', credentials: '/etc/slipway/bmc' }
    },
  },
  {
    name: 'the clock is not synchronized',
    check: 'clock',
    code: 'preflight.clock-not-synchronized',
    probes: replying('done', 'no'),
  },
  {
    name: 'a disk is full',
    check: 'disk',
    code: 'preflight.disk-full',
    probes: { freeBytes: () => Promise.resolve(1000) },
  },
  {
    name: 'the state directory cannot be written',
    check: 'state',
    code: 'preflight.state-not-writable',
    probes: { writeProblem: () => Promise.resolve('is on a read-only file system') },
  },
  {
    name: 'HAProxy rejects its file',
    check: 'haproxy',
    code: 'haproxy.config-rejected',
    probes: { validateHaproxy: () => Promise.resolve({ kind: 'failed', reason: 'unknown keyword' }) },
    site: withHaproxy,
  },
]

for (const { name, check, code, probes, site, context } of faults) {
  t.test(`${check}: ${name}`, async (t) => {
    const results = await runChecks(checks, { ...checkContext(probes, site), ...context?.() })
    const found = results.filter((result) => result.check === check && result.code === code)
    t.ok(found.length > 0, JSON.stringify(results.filter(({ status }) => status !== 'ok')))
    // What to do follows, either as the remedy or, for a finding of the site, in its text.
    for (const { text, remedy } of found) t.match(remedy ?? text, check === 'site' ? /: / : /^\w/)
  })
}

t.test('every check has a fault', (t) => {
  const tested = new Set(faults.map(({ check }) => check))
  t.same(
    checks.map(({ name }) => name).filter((name) => !tested.has(name)),
    [],
  )
  t.end()
})
