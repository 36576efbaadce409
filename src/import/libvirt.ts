/** Reads networks and domains of libvirt, as `virsh net-dumpxml` and `virsh dumpxml` print them. */
import { defined } from '../text/defined.ts'
import { noFacts, plainName, type Facts } from './facts.ts'
import { rangeText } from './helpernode.ts'
import { readXml, type Element } from './xml.ts'

export function readLibvirt(text: string, file: string): Facts {
  const facts = noFacts()
  for (const element of readXml(text, file)) readElement(element, file, facts)
  return facts
}

function readElement(element: Element, file: string, facts: Facts): void {
  if (element.name === 'network') readNetwork(element, file, facts)
  else if (element.name === 'domain') readDomain(element, file, facts)
  else if (/^(?:domains|networks)$/.test(element.name)) {
    for (const child of element.children) readElement(child, file, facts)
  } else
    facts.notes.push({
      file,
      line: element.line,
      text: `<${element.name}> is neither a network nor a domain`,
    })
}

function childrenOf(element: Element | undefined, ...path: readonly string[]): Element[] {
  if (element === undefined) return []
  const [name, ...rest] = path
  const found = element.children.filter((child) => child.name === name)
  return rest.length === 0 ? found : found.flatMap((child) => childrenOf(child, ...rest))
}

function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.attributes.get(name)
}

function readNetwork(network: Element, file: string, facts: Facts): void {
  const [domain] = childrenOf(network, 'domain')
  const [bridge] = childrenOf(network, 'bridge')
  const [forward] = childrenOf(network, 'forward')
  const name = attribute(domain, 'name')
  if (name !== undefined) facts.domain ??= plainName(name)
  const isRouter = forward !== undefined && attribute(forward, 'mode') !== 'bridge'
  for (const ip of childrenOf(network, 'ip')) {
    const address = attribute(ip, 'address')
    if (address === undefined || attribute(ip, 'family') === 'ipv6' || address.includes(':')) continue
    const length = attribute(ip, 'netmask') ?? attribute(ip, 'prefix') ?? '24'
    facts.server = { ...defined({ interface: attribute(bridge, 'name') }), address, ...facts.server }
    facts.subnets.push({
      file,
      line: ip.line,
      cidr: `${address}/${length}`,
      ...defined({ gateway: isRouter ? address : undefined }),
    })
  }
  for (const range of childrenOf(network, 'ip', 'dhcp', 'range')) {
    const text = rangeText(`${attribute(range, 'start') ?? ''} to ${attribute(range, 'end') ?? ''}`)
    facts.notes.push({ file, line: range.line, text })
  }
  for (const host of childrenOf(network, 'ip', 'dhcp', 'host')) {
    const address = attribute(host, 'ip')
    facts.machines.push({
      file,
      line: host.line,
      addresses: address === undefined ? [] : [address],
      ...defined({ mac: attribute(host, 'mac'), name: attribute(host, 'name') }),
    })
  }
  readDns(childrenOf(network, 'dns'), file, facts)
}

function readDns(sections: readonly Element[], file: string, facts: Facts): void {
  for (const dns of sections) {
    for (const forwarder of childrenOf(dns, 'forwarder')) {
      const [address, zone] = [attribute(forwarder, 'addr'), attribute(forwarder, 'domain')]
      if (address === undefined) continue
      if (zone === undefined) facts.forward.push(address)
      else facts.forwardZones.push({ zone: plainName(zone), servers: [address] })
    }
    for (const host of childrenOf(dns, 'host')) {
      for (const { text, line } of childrenOf(host, 'hostname')) {
        facts.names.push({ file, line, name: plainName(text.trim()), address: attribute(host, 'ip') ?? '' })
      }
    }
    for (const record of [...childrenOf(dns, 'srv'), ...childrenOf(dns, 'txt')]) {
      facts.notes.push({ file, line: record.line, text: `<${record.name}>: add it to dns.records` })
    }
  }
}

function readDomain(domain: Element, file: string, facts: Facts): void {
  const [name] = childrenOf(domain, 'name')
  const macs = childrenOf(domain, 'devices', 'interface', 'mac').map((mac) => attribute(mac, 'address'))
  const disks = childrenOf(domain, 'devices', 'disk').filter(
    (disk) => (attribute(disk, 'device') ?? 'disk') === 'disk',
  )
  const [target] = disks.flatMap((disk) => childrenOf(disk, 'target'))
  const device = attribute(target, 'dev')
  const [mac, ...others] = macs
  facts.machines.push({
    file,
    line: domain.line,
    addresses: [],
    ...defined({ name: name?.text.trim(), mac, disk: device === undefined ? undefined : `/dev/${device}` }),
  })
  if (others.length > 0) {
    facts.notes.push({
      file,
      line: domain.line,
      text: `the other MAC addresses ${others.join(', ')}: add them to mac if the node can boot from them`,
    })
  }
}
