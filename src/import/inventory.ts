/**
 * Reads machines from the JSON of inventories: `maas admin machines read`, and interfaces, IP addresses, and prefixes of the
 * API of NetBox (`/api/dcim/interfaces/`, `/api/ipam/ip-addresses/`, `/api/ipam/prefixes/`).
 */
import { defined } from '../text/defined.ts'
import { noFacts, type Facts } from './facts.ts'
import { readSections, type Section } from './section.ts'

export function readMaas(text: string, file: string): Facts {
  const facts = noFacts()
  for (const document of readSections(text, file)) {
    for (const machine of document.sections('items')) readMaasMachine(machine, facts)
  }
  return facts
}

function readMaasMachine(machine: Section, facts: Facts): void {
  const boot = machine.section('boot_interface')
  const interfaces = [boot, ...machine.sections('interface_set')]
  const [mac] = interfaces.flatMap((each) => each.text('mac_address') ?? [])
  const links = interfaces
    .filter((each) => each.text('mac_address') === mac)
    .flatMap((each) => each.sections('links'))
  const addresses = [...new Set(links.flatMap((link) => link.text('ip_address') ?? []))]
  for (const subnet of links.map((link) => link.section('subnet'))) {
    const cidr = subnet.text('cidr')
    if (cidr?.includes('.') !== true) continue
    const dns = subnet.texts('dns_servers')
    facts.subnets.push({
      ...subnet.at,
      cidr,
      ...defined({ gateway: subnet.text('gateway_ip'), dns: dns.length === 0 ? undefined : dns }),
    })
  }
  const name = machine.text('fqdn') ?? machine.text('hostname')
  const disk = machine.section('boot_disk').text('id_path')
  facts.machines.push({ ...machine.at, addresses, ...defined({ name, mac, disk }) })
}

export function readNetbox(text: string, file: string): Facts {
  const facts = noFacts()
  for (const document of readSections(text, file)) {
    for (const entry of [...document.sections('results'), ...document.sections('items')])
      readNetboxEntry(entry, facts)
  }
  return facts
}

function readNetboxEntry(entry: Section, facts: Facts): void {
  const prefix = entry.text('prefix')
  if (prefix !== undefined) {
    if (prefix.includes('.')) facts.subnets.push({ ...entry.at, cidr: prefix })
    return
  }
  const assigned = entry.section('assigned_object')
  const owner = [entry, assigned].flatMap((each) => [each.section('device'), each.section('virtual_machine')])
  const [name] = owner.flatMap((each) => each.text('name') ?? [])
  const address = entry.text('address')?.replace(/\/\d+$/, '')
  const mac = entry.text('mac_address') ?? assigned.text('mac_address')
  const dnsName = entry.text('dns_name')
  if (address !== undefined && dnsName !== undefined) {
    facts.names.push({ ...entry.at, name: dnsName, address })
  }
  if (name === undefined || (address === undefined && mac === undefined)) return
  facts.machines.push({
    ...entry.at,
    addresses: address === undefined ? [] : [address],
    ...defined({ name: dnsName ?? name, mac }),
  })
}
