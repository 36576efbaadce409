/**
 * Reads install-config.yaml and agent-config.yaml of openshift-install, with the NMState configuration of their hosts, and
 * BareMetalHost manifests. Passwords, keys, and the pull secret are never copied.
 */
import type { Role } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { diskPath } from './helpernode.ts'
import { noFacts, type Facts, type MachineFact } from './facts.ts'
import { readNmstate } from './nmstate.ts'
import { readSections, type Section } from './section.ts'

/** Settings that the installer uses itself and that no other server needs. */
const installerKeys = [
  'apiVersion',
  'kind',
  'pullSecret',
  'sshKey',
  'publish',
  'fips',
  'cpuPartitioningMode',
  'capabilities',
  'additionalTrustBundle',
  'additionalTrustBundlePolicy',
  'imageContentSources',
  'imageDigestSources',
  'proxy',
  'credentialsMode',
  'featureSet',
  'bootArtifactsBaseURL',
  'minimalISO',
]

export function readInstaller(text: string, file: string): Facts {
  const facts = noFacts()
  for (const document of readSections(text, file)) {
    const kind = document.text('kind')
    if (kind === 'BareMetalHost') readBareMetalHost(document, facts)
    else if (kind === 'List') for (const item of document.sections('items')) readBareMetalHost(item, facts)
    else if (kind === 'AgentConfig') readAgentConfig(document, facts)
    else if (document.keys().includes('baseDomain')) readInstallConfig(document, facts)
    else if (kind !== 'Secret') {
      facts.notes.push({ ...document.at, text: `a document of the kind ${kind ?? 'unknown'}` })
    }
  }
  return facts
}

function readInstallConfig(config: Section, facts: Facts): void {
  const domain = config.text('baseDomain')
  const name = config.section('metadata').text('name')
  const controlPlane = config.section('controlPlane')
  const architecture = goArchitectures.get(controlPlane.text('architecture') ?? '')
  const masters = controlPlane.text('replicas')
  for (const credentials of controlPlane.section('fencing').sections('credentials')) {
    credentials.skip('username', 'password', 'certificateVerification')
    const [name, bmc] = [credentials.text('hostname'), credentials.text('address')]
    facts.machines.push({ ...credentials.at, addresses: [], role: 'master', ...defined({ name, bmc }) })
  }
  controlPlane.skip('hyperthreading', 'name', 'platform')
  for (const pool of [config.section('arbiter'), ...config.sections('compute')]) {
    pool.skip('architecture', 'hyperthreading', 'name', 'platform', 'replicas')
  }
  const networking = config.section('networking')
  networking.skip('clusterNetwork', 'serviceNetwork', 'networkType', 'machineCIDR')
  const networks = networking.sections('machineNetwork')
  for (const network of networks) {
    const cidr = network.text('cidr')
    if (cidr?.includes('.') === true) facts.subnets.push({ ...network.at, cidr })
  }
  if (name !== undefined && domain !== undefined) {
    const size = masters === undefined ? undefined : Number(masters)
    facts.clusters.push({ ...config.at, name, domain, ...defined({ architecture, masters: size }) })
  }
  const platform = config.section('platform')
  for (const provider of platform.keys()) {
    const settings = platform.section(provider)
    readVips(settings, `${name}.${domain}`, facts)
    for (const host of settings.sections('hosts')) readHost(host, facts)
    settings.skip(
      'ntpServers',
      'provisioningNetwork',
      'clusterOSImage',
      'bootstrapOSImage',
      'defaultMachinePlatform',
    )
  }
  config.skip(...installerKeys)
  facts.notes.push(...config.leftOver())
}

const goArchitectures = new Map([
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
  ['ppc64le', 'ppc64le'],
  ['s390x', 's390x'],
])

function readVips(settings: Section, cluster: string, facts: Facts): void {
  const api = [...settings.texts('apiVIPs'), ...settings.texts('apiVIP')]
  const ingress = [...settings.texts('ingressVIPs'), ...settings.texts('ingressVIP')]
  for (const address of new Set(api)) facts.names.push({ ...settings.at, name: `api.${cluster}`, address })
  for (const address of new Set(ingress)) {
    facts.names.push({ ...settings.at, name: `*.apps.${cluster}`, address })
  }
}

function readAgentConfig(config: Section, facts: Facts): void {
  const name = config.section('metadata').text('name')
  const rendezvous = config.text('rendezvousIP')
  for (const host of config.sections('hosts')) readHost(host, facts)
  facts.notes.push(
    ...config.texts('additionalNTPSources').map((server) => ({
      ...config.at,
      line: config.lineOf('additionalNTPSources'),
      text: `time server ${server}: set ntp of the subnet to its address`,
    })),
  )
  // The name alone identifies the cluster of install-config.yaml.
  facts.clusters.push({ ...config.at, name: name ?? '', domain: '', isAgent: true })
  if (facts.machines.length === 0 && rendezvous !== undefined) {
    facts.notes.push({
      ...config.at,
      text: `rendezvousIP ${rendezvous}: the file lists no hosts, so add the nodes`,
    })
  }
  config.skip(...installerKeys)
  facts.notes.push(...config.leftOver())
}

/** A host of agent-config.yaml, or of the bare metal platform in install-config.yaml. */
function readHost(host: Section, facts: Facts): void {
  const interfaces = host.sections('interfaces').map((each) => ({
    name: each.text('name') ?? '',
    mac: each.text('macAddress') ?? '',
  }))
  const config = host.section('networkConfig')
  const settings = readNetworkConfig(config, facts)
  const { network, omitted } = readNmstate(
    host.value('networkConfig'),
    new Map(interfaces.filter(({ mac }) => mac !== '').map(({ name, mac }) => [name, mac])),
  )
  facts.notes.push(...omitted.map((text) => ({ ...config.at, text })))
  const macs = [host.text('bootMACAddress') ?? '', ...interfaces.map((each) => each.mac), ...settings.macs]
  const [mac, ...others] = new Set(macs.filter((each) => each !== '').map((each) => each.toLowerCase()))
  const isBonded = settings.hasBond && network !== undefined
  const bmc = host.section('bmc')
  bmc.skip('username', 'password', 'disableCertificateVerification')
  host.skip('hardwareProfile', 'bootMode')
  facts.machines.push({
    ...host.at,
    addresses: settings.addresses,
    ...(isBonded && { otherMacs: others }),
    ...defined({
      name: host.text('hostname') ?? host.text('name'),
      mac,
      role: roleOf(host.text('role')),
      disk: readHints(host.section('rootDeviceHints'), facts),
      bmc: bmc.text('address'),
      network,
    }),
  })
  if (others.length > 0 && !isBonded) {
    const text = `the other MAC addresses ${others.join(', ')}: add them to mac if the node can boot from them`
    facts.notes.push({ ...host.at, text })
  }
}

function roleOf(role: string | undefined): Role | undefined {
  if (role === 'master' || role === 'control-plane') return 'master'
  return role === 'worker' || role === 'arbiter' ? role : undefined
}

/** Only hints that name a device have a counterpart. */
function readHints(hints: Section, facts: Facts): string | undefined {
  const device = diskPath(hints.text('deviceName'))
  const wwn = hints.text('wwn')
  for (const key of hints.keys().filter((each) => each !== 'deviceName' && each !== 'wwn')) {
    hints.skip(key)
    const text = `rootDeviceHints.${key}: write it as a hint in disk of the node`
    facts.notes.push({ ...hints.at, line: hints.lineOf(key), text })
  }
  return device ?? (wwn === undefined ? undefined : `/dev/disk/by-id/wwn-${wwn}`)
}

/** NMState (https://nmstate.io): the addresses, the resolvers, and the default route. */
function readNetworkConfig(
  config: Section,
  facts: Facts,
): { addresses: string[]; macs: string[]; hasBond: boolean } {
  const addresses: string[] = []
  const macs: string[] = []
  let hasBond = false
  for (const each of config.sections('interfaces')) {
    const mac = each.text('mac-address')
    if (mac !== undefined) macs.push(mac)
    if (each.text('type') === 'bond') hasBond = true
    for (const family of ['ipv4', 'ipv6']) {
      for (const entry of each.section(family).sections('address')) {
        const [ip, prefix] = [entry.text('ip'), entry.text('prefix-length')]
        if (ip === undefined) continue
        addresses.push(ip)
        if (family === 'ipv4' && prefix !== undefined) {
          facts.subnets.push({ ...entry.at, cidr: `${ip}/${prefix}`, ...defaultRoute(config) })
        }
      }
    }
  }
  const resolver = config.section('dns-resolver').section('config')
  facts.forward.push(...resolver.texts('server').filter((server) => !facts.forward.includes(server)))
  // readNmstate reports the other keys.
  config.ignoreRest()
  return { addresses, macs, hasBond }
}

function defaultRoute(config: Section): { gateway?: string } {
  const routes = config.section('routes').sections('config')
  const route = routes.find((each) => each.text('destination') === '0.0.0.0/0')
  return defined({ gateway: route?.text('next-hop-address') })
}

function readBareMetalHost(manifest: Section, facts: Facts): void {
  const metadata = manifest.section('metadata')
  const spec = manifest.section('spec')
  const labels = metadata.section('annotations')
  const name = labels.text('bmac.agent-install.openshift.io/hostname') ?? metadata.text('name')
  const role = roleOf(labels.text('bmac.agent-install.openshift.io/role'))
  const machine: MachineFact = {
    ...manifest.at,
    addresses: [],
    ...defined({
      name,
      mac: spec.text('bootMACAddress'),
      role,
      disk: readHints(spec.section('rootDeviceHints'), facts),
      bmc: spec.section('bmc').text('address'),
    }),
  }
  facts.machines.push(machine)
}
