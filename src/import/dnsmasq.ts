/** Reads the configuration of dnsmasq (dnsmasq(8)): reservations, options, and names. */
import { parseIp, parseIpv4 } from '../proto/address/ip.ts'
import { parseMac } from '../proto/address/mac.ts'
import { defined } from '../text/defined.ts'
import { noFacts, plainName, type At, type Facts, type SubnetFact } from './facts.ts'
import { rangeText } from './helpernode.ts'

type Line = At & { readonly value: string; readonly parts: readonly string[] }

/** What the options of dnsmasq declare about the networks, by the tag that they need ('' for all). */
type State = {
  readonly facts: Facts
  readonly networks: (SubnetFact & { readonly tag?: string })[]
  readonly options: { readonly tag: string; readonly settings: Partial<SubnetFact> }[]
}

export function readDnsmasq(text: string, file: string): Facts {
  const state: State = { facts: noFacts(), networks: [], options: [] }
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [, key, value = ''] = /^\s*([\w-]+)\s*(?:=\s*(.*?))?\s*$/.exec(withoutComment(line)) ?? []
    if (key === undefined) continue
    const parts = value.split(',').map((part) => part.trim())
    readOption(key, { file, line: index + 1, value, parts }, state)
  }
  const { facts, networks, options } = state
  for (const { tag, ...network } of networks) {
    const settings = options.filter((option) => option.tag === '' || option.tag === tag)
    facts.subnets.push({
      ...Object.assign({}, ...settings.map((option) => option.settings)),
      ...network,
    } as SubnetFact)
  }
  return facts
}

/** A number sign starts a comment at the start of a line or after a blank; one in `10.0.0.53#5353` is a port. */
function withoutComment(line: string): string {
  return line.replace(/(?:^|\s)#.*$/, '')
}

function readOption(key: string, line: Line, state: State): void {
  const read = optionReaders.get(key)
  if (read !== undefined) read(line, state)
  else if (!unrelated.has(key)) note(state, line, `${key} has no counterpart in a site file`)
}

function note({ facts }: State, { file, line }: At, text: string): void {
  facts.notes.push({ file, line, text })
}

const optionReaders: ReadonlyMap<string, (line: Line, state: State) => void> = new Map([
  ['interface', ({ value }, { facts }) => (facts.server.interface ??= value)],
  ['listen-address', ({ parts }, { facts }) => setAddress(parts, facts)],
  ['domain', ({ parts: [name = ''] }, { facts }) => (facts.domain = plainName(name))],
  ['dhcp-range', readRange],
  ['dhcp-host', readHost],
  ['dhcp-option', readDhcpOption],
  ['dhcp-option-force', readDhcpOption],
  ['dhcp-boot', readBoot],
  ['address', readAddress],
  ['host-record', readHostRecord],
  ['cname', readCname],
  ['srv-host', readService],
  ['txt-record', readText],
  ['mx-host', readExchange],
  ['server', readServer],
  ['local', readServer],
  ['ptr-record', (line, state) => note(state, line, 'ptr-record: reverse names follow from nodes and hosts')],
  ['conf-dir', (line, state) => note(state, line, `conf-dir: import the files in ${line.value} as well`)],
  ['conf-file', (line, state) => note(state, line, `conf-file: import ${line.value} as well`)],
  ['addn-hosts', (line, state) => note(state, line, `addn-hosts: add the names in ${line.value} to hosts`)],
])

/** Settings of the program itself, and of network boot, which slipway provides automatically. */
const unrelated: ReadonlySet<string> = new Set(
  (
    'bind-interfaces bind-dynamic except-interface no-resolv no-poll no-hosts expand-hosts domain-needed bogus-priv ' +
    'strict-order all-servers cache-size neg-ttl log-queries log-dhcp log-facility log-async keep-in-foreground user group ' +
    'pid-file dhcp-authoritative dhcp-leasefile dhcp-lease-max dhcp-no-override dhcp-sequential-ip enable-tftp tftp-root ' +
    'tftp-no-blocksize tftp-secure tftp-single-port pxe-service pxe-prompt dhcp-match dhcp-userclass dhcp-vendorclass ' +
    'port resolv-file stop-dns-rebind rebind-localhost-ok localise-queries quiet-dhcp read-ethers'
  ).split(' '),
)

function setAddress(addresses: readonly string[], facts: Facts): void {
  const address = addresses.find((each) => parseIpv4(each) !== undefined && !each.startsWith('127.'))
  if (address !== undefined) facts.server.address ??= address
}

/** `[tag:…,][set:TAG,]START,END|static[,NETMASK[,BROADCAST]][,LEASE]` */
function readRange(line: Line, state: State): void {
  const tag = line.parts.find((part) => part.startsWith('set:'))?.slice('set:'.length)
  const [start = '', end = '', ...rest] = line.parts.filter((part) => !/^(?:set|tag|interface):/.test(part))
  if (parseIpv4(start) === undefined) {
    note(state, line, `dhcp-range ${line.value}: slipway serves DHCP for IPv4 only`)
    return
  }
  const mask = rest.find((part) => /^255\./.test(part)) ?? '255.255.255.0'
  const leaseSeconds = rest.map(secondsOf).find((seconds) => seconds !== undefined)
  const { file, line: number } = line
  state.networks.push({ file, line: number, cidr: `${start}/${mask}`, ...defined({ tag, leaseSeconds }) })
  if (end !== 'static') note(state, line, rangeText(`${start} to ${end}`))
}

const units: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800 }

/** `45`, `30m`, `12h`, `7d`; an infinite lease has no number. */
function secondsOf(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+)([mhdw]?)$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (units[unit] ?? 1)
}

/** `MAC[,MAC…][,set:TAG][,ADDRESS][,NAME][,LEASE]` */
function readHost(line: Line, state: State): void {
  const macs = line.parts.filter((part) => parseMac(part) !== undefined)
  const addresses = line.parts
    .map((part) => part.replace(/^\[(.*)\]$/, '$1'))
    .filter((part) => parseIp(part) !== undefined)
  const names = line.parts.filter(
    (part) =>
      /^[A-Za-z][\w.-]*$/.test(part) &&
      !macs.includes(part) &&
      !/^(?:infinite|ignore)$/.test(part) &&
      secondsOf(part) === undefined,
  )
  if (line.parts.includes('ignore')) {
    note(state, line, `dhcp-host ${line.value}: slipway ignores undeclared machines`)
    return
  }
  const [mac, ...otherMacs] = macs
  const { file, line: number } = line
  state.facts.machines.push({ file, line: number, addresses, otherMacs, ...defined({ mac, name: names[0] }) })
}

const optionKeys: Readonly<Record<string, 'gateway' | 'dns' | 'ntp' | 'search' | 'domain' | 'mtu' | 'skip'>> =
  {
    '3': 'gateway',
    'option:router': 'gateway',
    '6': 'dns',
    'option:dns-server': 'dns',
    '42': 'ntp',
    'option:ntp-server': 'ntp',
    '119': 'search',
    'option:domain-search': 'search',
    '15': 'domain',
    'option:domain-name': 'domain',
    '26': 'mtu',
    'option:mtu': 'mtu',
    // Broadcast address, netmask, and network boot.
    '1': 'skip',
    '28': 'skip',
    '60': 'skip',
    '66': 'skip',
    '67': 'skip',
    'option:netmask': 'skip',
    'option:tftp-server': 'skip',
    'option:bootfile-name': 'skip',
  }

function readDhcpOption(line: Line, state: State): void {
  const tag = line.parts.find((part) => part.startsWith('tag:'))?.slice('tag:'.length) ?? ''
  const [code = '', ...values] = line.parts.filter((part) => !/^(?:tag|set|encap|vendor):/.test(part))
  const key = optionKeys[code]
  const [first] = values
  if (key === undefined) note(state, line, `dhcp-option ${code}: set dhcpOptions of the subnet`)
  // 0.0.0.0 is dnsmasq itself, which is slipway's default as well.
  if (key === undefined || key === 'skip' || first === undefined || first === '0.0.0.0') return
  const value = key === 'mtu' ? Number(first) : key === 'gateway' || key === 'domain' ? first : values
  state.options.push({ tag, settings: { [key]: value } })
}

/** `[tag:…,]FILE[,SERVER NAME[,SERVER ADDRESS]]` */
function readBoot({ parts }: Line, { facts }: State): void {
  setAddress(parts.slice(1), facts)
}

/** `/NAME/ADDRESS` answers the name and all names below it. */
function readAddress(line: Line, state: State): void {
  const { file, line: number } = line
  const [, ...rest] = line.value.split('/')
  const address = rest.at(-1) ?? ''
  for (const name of rest.slice(0, -1).map((each) => plainName(each.replace(/^\*?\./, '')))) {
    if (parseIp(address) === undefined) note(state, line, `address=/${name}/: not an address`)
    else {
      const isApps = name.startsWith('apps.')
      state.facts.names.push({ file, line: number, name: isApps ? `*.${name}` : name, address })
    }
  }
}

/** `NAME[,NAME…],ADDRESS[,ADDRESS][,TTL]` */
function readHostRecord({ file, line, parts }: Line, { facts }: State): void {
  const addresses = parts.filter((part) => parseIp(part) !== undefined)
  for (const name of parts.filter((part) => /[A-Za-z]/.test(part) && !addresses.includes(part))) {
    for (const address of addresses) facts.names.push({ file, line, name, address })
  }
}

function readCname({ file, line, parts }: Line, { facts }: State): void {
  const names = parts.filter((part) => !/^\d+$/.test(part))
  const cname = plainName(names.at(-1) ?? '')
  for (const name of names.slice(0, -1)) facts.records.push({ file, line, name: plainName(name), cname })
}

/** `_service._protocol.domain[,target[,port[,priority[,weight]]]]` */
function readService({ file, line, parts }: Line, { facts }: State): void {
  const [name = '', target = '', ...numbers] = parts
  const [port = 1, priority = 0, weight = 0] = numbers.map(Number)
  facts.records.push({
    file,
    line,
    name: plainName(name),
    srv: [{ target: plainName(target), port, priority, weight }],
  })
}

function readText({ file, line, parts: [name = '', ...texts] }: Line, { facts }: State): void {
  const txt = texts.map((text) => text.replace(/^"(.*)"$/, '$1'))
  facts.records.push({ file, line, name: plainName(name), txt })
}

function readExchange(
  { file, line, parts: [name = '', target = '', preference = '1'] }: Line,
  { facts }: State,
): void {
  const mx = [{ target: plainName(target), preference: Number(preference) }]
  facts.records.push({ file, line, name: plainName(name), mx })
}

/** `ADDRESS`, `/ZONE/ADDRESS[#PORT]`, or `/ZONE/`, which is a zone of dnsmasq's own. */
function readServer(line: Line, { facts, ...state }: State): void {
  const [, zones, given = line.value] = /^\/(.*)\/([^/]*)$/.exec(line.value) ?? []
  const [address = '', port] = given.split(/[#@]/)
  const names = zones?.split('/').map((zone) => plainName(zone)) ?? []
  if (given === '') facts.zones.push(...names)
  else if (parseIp(address) === undefined) {
    note({ facts, ...state }, line, `server ${line.value}: slipway queries resolvers by address`)
  } else if (zones === undefined) facts.forward.push(withPort(address, port))
  else for (const zone of names) facts.forwardZones.push({ zone, servers: [withPort(address, port)] })
}

/** @param port the name of an interface after `@` is not a port */
function withPort(address: string, port = ''): string {
  if (port === '53' || !/^\d+$/.test(port)) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
