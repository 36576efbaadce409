/** Reads haproxy.cfg: the addresses of the API and the ingress, and the nodes behind them. */
import { parseIp } from '../proto/address/ip.ts'
import type { Role } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { balancerDomain, noFacts, plainName, type At, type Facts } from './facts.ts'

/** What an OpenShift load balancer has on each port, and the role of the servers behind it. */
const services: Readonly<Record<string, { readonly label: string; readonly role?: Role }>> = {
  '6443': { label: 'api', role: 'master' },
  '22623': { label: 'api-int', role: 'master' },
  '443': { label: '*.apps' },
  '80': { label: '*.apps' },
}

/** Settings of the program, of checks, and of balancing, which slipway writes automatically. */
const serviceWords = new Set([
  'bind',
  'server',
  'mode',
  'balance',
  'option',
  'default_backend',
  'timeout',
  'log',
  'maxconn',
])

type Proxy = {
  readonly name: string
  readonly at: At
  readonly binds: string[]
  readonly servers: (At & { name: string; target: string })[]
}

export function readHaproxy(text: string, file: string): Facts {
  const facts = noFacts()
  facts.hasHaproxy = true
  let proxy: Proxy | undefined
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const at = { file, line: index + 1 }
    const words = line.replace(/#.*$/, '').trim().split(/\s+/)
    const [word = '', name = '', ...rest] = words
    if (/^(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|cache|program)$/.test(word)) {
      readProxy(proxy, facts)
      const bound = /^(?:frontend|listen)$/.test(word) ? rest.filter((each) => each.includes(':')) : []
      proxy = /^(?:frontend|backend|listen)$/.test(word)
        ? { name, at, binds: [...bound], servers: [] }
        : undefined
    } else if (word === 'bind') proxy?.binds.push(...name.split(','))
    else if (word === 'server') proxy?.servers.push({ ...at, name, target: rest[0] ?? '' })
    else if (
      proxy !== undefined &&
      word !== '' &&
      !serviceWords.has(word) &&
      !/^(?:http-check|tcp-|stick|retries)/.test(word)
    ) {
      facts.notes.push({ ...at, text: `${word}: keep it in a separate file and list it in haproxy.with` })
    }
  }
  readProxy(proxy, facts)
  return facts
}

function readProxy(proxy: Proxy | undefined, facts: Facts): void {
  for (const bind of proxy?.binds ?? []) {
    const { host, port } = split(bind)
    const service = services[port]
    if (proxy === undefined) continue
    if (service === undefined) {
      const text = `${proxy.name} on port ${port}: keep it in a separate file and list it in haproxy.with`
      facts.notes.push({ ...proxy.at, text })
    } else if (parseIp(host) !== undefined && host !== '0.0.0.0' && host !== '::') {
      facts.names.push({ ...proxy.at, name: `${service.label}.${balancerDomain}`, address: host })
    }
  }
  for (const { target, name, ...at } of proxy?.servers ?? []) {
    const { host, port } = split(target)
    const role = services[port]?.role
    if (services[port] === undefined) continue
    const isAddress = parseIp(host) !== undefined
    // The bootstrap node is behind the same ports as the masters.
    const isBootstrap = /bootstrap/.test(`${name} ${host}`)
    facts.machines.push({
      ...at,
      addresses: isAddress ? [host] : [],
      name: plainName(isAddress ? name : host),
      ...defined({ role: isBootstrap ? 'bootstrap' : role }),
    })
  }
}

function split(target: string): { readonly host: string; readonly port: string } {
  const colon = target.lastIndexOf(':')
  return {
    host: target.slice(0, Math.max(0, colon)).replace(/^\[|\]$|^\*$/g, ''),
    port: target.slice(colon + 1),
  }
}
