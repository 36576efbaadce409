/** Reads the JSON configuration of Kea's DHCPv4 server, with its comments (Kea ARM, DHCPv4 server). */
import { defined } from '../text/defined.ts'
import { optionKeys, settingOf, type Settings } from './dhcp-options.ts'
import { noFacts, type Facts } from './facts.ts'
import { rangeText } from './helpernode.ts'
import { readSections, withoutComments, type Section } from './section.ts'

/** Settings of the program itself, and of network boot, which slipway provides automatically. */
const unrelated = [
  'interfaces-config',
  'lease-database',
  'hosts-database',
  'control-socket',
  'control-sockets',
  'hooks-libraries',
  'loggers',
  'renew-timer',
  'rebind-timer',
  'min-valid-lifetime',
  'max-valid-lifetime',
  'authoritative',
  'calculate-tee-times',
  'expired-leases-processing',
  'host-reservation-identifiers',
  'reservations-global',
  'reservations-in-subnet',
  'reservations-out-of-pool',
  'match-client-id',
  'multi-threading',
  'dhcp-ddns',
  'ddns-send-updates',
  'server-hostname',
  'boot-file-name',
  'id',
  'interface',
  'client-class',
  'require-client-classes',
  'user-context',
  'comment',
]

export function readKea(text: string, file: string): Facts {
  const facts = noFacts()
  for (const document of readSections(withoutComments(text), file)) {
    const dhcp = document.section('Dhcp4')
    document.skip('Dhcp6', 'DhcpDdns', 'Control-agent', 'Logging')
    const settings = readSettings(dhcp, {}, facts)
    readReservations(dhcp, facts)
    for (const subnet of dhcp.sections('subnet4')) readSubnet(subnet, settings, facts)
    for (const shared of dhcp.sections('shared-networks')) {
      const inner = readSettings(shared, settings, facts)
      shared.skip('name', ...unrelated)
      for (const subnet of shared.sections('subnet4')) readSubnet(subnet, inner, facts)
    }
    for (const each of dhcp.sections('client-classes')) readClass(each, facts)
    dhcp.skip('option-def', ...unrelated)
    facts.notes.push(...document.leftOver())
  }
  return facts
}

/** Classes that only choose the boot file are not needed: slipway chooses it automatically. */
function readClass(section: Section, facts: Facts): void {
  const hasOptions = section.sections('option-data').length > 0
  section.ignoreRest()
  if (!hasOptions) return
  facts.notes.push({
    ...section.at,
    text: `client class ${section.text('name') ?? ''}: classes have no counterpart`,
  })
}

function readSubnet(subnet: Section, outer: Settings, facts: Facts): void {
  const cidr = subnet.text('subnet')
  const settings = readSettings(subnet, outer, facts)
  if (cidr !== undefined) facts.subnets.push({ ...subnet.at, cidr, ...settings })
  for (const pool of subnet.sections('pools')) {
    facts.notes.push({ ...pool.at, text: rangeText((pool.text('pool') ?? '').replace(/\s*-\s*/, ' to ')) })
    pool.ignoreRest()
  }
  readReservations(subnet, facts)
  const relay = subnet.section('relay')
  for (const key of ['ip-addresses', 'ip-address']) {
    for (const address of relay.texts(key)) {
      facts.notes.push({
        ...relay.at,
        text: `relay agent ${address}: set relays of the subnet if it is not in the subnet`,
      })
    }
  }
  subnet.skip(...unrelated)
}

function readReservations(owner: Section, facts: Facts): void {
  for (const reservation of owner.sections('reservations')) {
    const address = reservation.text('ip-address')
    facts.machines.push({
      ...reservation.at,
      addresses: address === undefined ? [] : [address],
      ...defined({ mac: reservation.text('hw-address'), name: reservation.text('hostname') }),
    })
    for (const option of reservation.sections('option-data')) {
      facts.notes.push({
        ...option.at,
        text: `option ${optionName(option)} of a machine: set its dhcpOptions`,
      })
      option.ignoreRest()
    }
    reservation.skip('next-server', 'client-classes', ...unrelated)
  }
}

const bootOptions = [
  'boot-file-name',
  'tftp-server-name',
  'vendor-class-identifier',
  'broadcast-address',
  'subnet-mask',
]

function optionName(option: Section): string {
  return option.text('name') ?? option.text('code') ?? ''
}

function readSettings(owner: Section, outer: Settings, facts: Facts): Settings {
  let settings = outer
  const lifetime = owner.text('valid-lifetime')
  if (lifetime !== undefined) settings = { ...settings, leaseSeconds: Number(lifetime) }
  const next = owner.text('next-server')
  if (next !== undefined && next !== '0.0.0.0') facts.server.address ??= next
  for (const option of owner.sections('option-data')) {
    const name = optionName(option)
    const key = optionKeys.get(name)
    const values = (option.text('data') ?? '').split(/\s*,\s*/)
    option.ignoreRest()
    if (key !== undefined) settings = { ...settings, ...settingOf(key, values) }
    else if (!bootOptions.includes(name)) {
      facts.notes.push({ ...option.at, text: `option ${name}: set dhcpOptions of the subnet` })
    }
  }
  if (settings.domain !== undefined) facts.domain ??= settings.domain
  return settings
}
