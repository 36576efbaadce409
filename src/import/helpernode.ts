/** Reads vars.yaml of the OCP4 helper node (https://github.com/redhat-cop/ocp4-helpernode), with one or several clusters. */
import type { Role } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { noFacts, type Facts } from './facts.ts'
import { readSections, type Section } from './section.ts'

const machineLists: readonly (readonly [key: string, role: Role | undefined])[] = [
  ['bootstrap', 'bootstrap'],
  ['masters', 'master'],
  ['controlplane_nodes', 'master'],
  ['workers', 'worker'],
  ['other', undefined],
]

export function readHelpernode(text: string, file: string): Facts {
  const facts = noFacts()
  for (const vars of readSections(text, file)) readVars(vars, facts)
  return facts
}

function readVars(vars: Section, facts: Facts): void {
  const helper = vars.section('helper')
  const dns = vars.section('dns')
  const address = helper.text('ipaddr')
  const domain = dns.text('domain')
  facts.server = defined({ interface: helper.text('networkifacename'), address })
  facts.hasHaproxy = true
  const balancer = dns.text('lb_ipaddr') ?? address
  const helperName = helper.text('name')
  const names = dns.texts('clusterid')
  // The zone of the helper node.
  if (domain !== undefined && names.length === 1) facts.domain = `${names[0]}.${domain}`
  for (const name of domain === undefined ? [] : names) {
    const architecture = vars.text('ppc64le') === 'true' ? 'ppc64le' : undefined
    facts.clusters.push({
      ...dns.at,
      name,
      domain: domain as string,
      ...defined({ disk: diskPath(vars.text('disk')), architecture }),
    })
    for (const label of balancer === undefined ? [] : ['api', 'api-int', '*.apps']) {
      facts.names.push({ ...dns.at, name: `${label}.${name}.${domain}`, address: balancer as string })
    }
    if (helperName !== undefined && address !== undefined) {
      facts.names.push({ ...helper.at, name: `${helperName}.${name}.${domain}`, address })
    }
  }
  facts.forward.push(...['forwarder1', 'forwarder2'].flatMap((key) => dns.text(key) ?? []))
  for (const dhcp of vars.sections('dhcp')) readDhcp(dhcp, facts)
  for (const [key, role] of machineLists) {
    for (const machine of vars.sections(key)) readMachine(machine, role, domain, facts)
  }
  const chrony = vars.section('chronyconfig')
  chrony.skip('enabled')
  for (const server of chrony.sections('content')) {
    server.skip('options')
    facts.notes.push({
      ...server.at,
      text: `time server ${server.text('server') ?? ''}: set ntp of the subnet to its address`,
    })
  }
  vars.skip('staticips', 'ssh_gen_key')
  facts.notes.push(...vars.leftOver())
}

function readDhcp(dhcp: Section, facts: Facts): void {
  const network = dhcp.text('ipid')
  const mask = dhcp.text('netmaskid') ?? dhcp.text('netmask')
  const resolver = dhcp.text('dns')
  dhcp.skip('bcast', 'netmask', 'clusterid', 'ipaddr')
  const [start, end] = [dhcp.text('poolstart'), dhcp.text('poolend')]
  if (start !== undefined) facts.notes.push(poolNote(dhcp, 'poolstart', `${start} to ${end ?? ''}`))
  const gateway = dhcp.text('router')
  if (network === undefined || mask === undefined) return
  facts.subnets.push({
    ...dhcp.at,
    cidr: `${network}/${mask}`,
    ...defined({ gateway, dns: resolver === undefined ? undefined : [resolver] }),
  })
}

function poolNote(section: Section, key: string, range: string): Facts['notes'][number] {
  return { ...section.at, line: section.lineOf(key), text: rangeText(range) }
}

/** All kinds of files with dynamic ranges get the same note. */
export function rangeText(range: string): string {
  return `range ${range}: slipway leases only the addresses of declared machines`
}

function readMachine(
  machine: Section,
  role: Role | undefined,
  domain: string | undefined,
  facts: Facts,
): void {
  const label = machine.text('name')
  const address = machine.text('ipaddr')
  const cluster = machine.text('clusterid')
  const disk = diskPath(machine.text('disk'))
  const mac = machine.text('macaddr')
  if (label === undefined || address === undefined) return
  const name = cluster === undefined || domain === undefined ? label : `${label}.${cluster}.${domain}`
  facts.machines.push({ ...machine.at, name, addresses: [address], ...defined({ mac, role, disk }) })
}

/** The helper node accepts `vda`, `nvme0n1`, or a whole path. */
export function diskPath(disk: string | undefined): string | undefined {
  return disk === undefined || disk.startsWith('/') ? disk : `/dev/${disk}`
}
