/**
 * Whether the firewall accepts the ports, by the ruleset of nftables, which firewalld, ufw, and iptables-nft also use
 * (libnftables-json(5)). Rules can be arbitrarily complex, so the result is a warning at most.
 */
import { z } from 'zod'
import { ok, warning, type Check } from './check.ts'
import { portText, wantedPorts, type WantedPort } from './wanted-ports.ts'

const table = { family: z.string(), table: z.string() }
const item = z.looseObject({
  chain: z.looseObject({ ...table, hook: z.string().optional(), policy: z.string().optional() }).optional(),
  set: z.looseObject({ ...table, name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
  rule: z.looseObject({ ...table, chain: z.string(), expr: z.array(z.unknown()) }).optional(),
})
const chainName = z.looseObject({ name: z.string() })
const ruleset = z.looseObject({ nftables: z.array(z.unknown()) })

type Item = z.output<typeof item>
type Expression = Readonly<Record<string, unknown>>

export const firewallCheck: Check = {
  name: 'firewall',
  async run({ plan, probes }) {
    const { kind, ending, output } = await probes.run('nft', ['-j', 'list', 'ruleset'])
    if (kind === 'missing') return [ok('nftables is not installed')]
    if (kind === 'failed') return [notChecked(output.split('\n')[0] || ending)]
    const items = parseRuleset(output)
    if (items === undefined) return [notChecked('the output of nft was not understood')]
    const blocked = wantedPorts(plan).filter((port) => isBlocked(items, port))
    if (blocked.length === 0) return [ok('no rule set drops the ports of slipway by default')]
    const ports = blocked.map(portText).join(', ')
    return [
      warning(
        'preflight.firewall-blocks',
        `no rule of the firewall accepts ${ports}`,
        remedyOf(items, blocked),
      ),
    ]
  },
}

function notChecked(reason: string) {
  return warning('preflight.not-checked', `the firewall was not checked: ${reason}`)
}

/** Returns undefined for text in another format; items that are not understood are omitted. */
export function parseRuleset(text: string): Item[] | undefined {
  try {
    const { nftables } = ruleset.parse(JSON.parse(text))
    return nftables.flatMap((each): Item[] => {
      const { data } = item.safeParse(each)
      return data === undefined ? [] : [data]
    })
  } catch {
    return undefined
  }
}

/** Returns whether a chain for incoming packets drops by default, and no rule of its table accepts the port. */
export function isBlocked(items: readonly Item[], wanted: WantedPort): boolean {
  const rules = items.flatMap(({ rule }) => rule ?? [])
  return items.some(({ chain }) => {
    if (chain?.hook !== 'input' || !['inet', 'ip'].includes(chain.family)) return false
    const name = chainName.safeParse(chain).data?.name
    const own = rules.filter((rule) => rule.family === chain.family && rule.table === chain.table)
    const isDropping =
      chain.policy === 'drop' || own.some((rule) => rule.chain === name && isDropOfRest(expressionsOf(rule)))
    const sets = items.flatMap(({ set }) => (set?.table === chain.table ? set : []))
    return isDropping && !own.some((rule) => accepts(expressionsOf(rule), wanted, sets))
  })
}

type Sets = readonly { readonly name: string; readonly elem?: readonly unknown[] | undefined }[]

function expressionsOf({ expr }: { readonly expr: readonly unknown[] }): Expression[] {
  return expr.filter((each): each is Expression => typeof each === 'object' && each !== null)
}

/** A rule without a condition that ends the processing of a packet. */
function isDropOfRest(expressions: readonly Expression[]): boolean {
  return (
    expressions.some((each) => 'drop' in each || 'reject' in each) &&
    !expressions.some((each) => 'match' in each || 'xt' in each)
  )
}

function accepts(expressions: readonly Expression[], wanted: WantedPort, sets: Sets): boolean {
  if (!expressions.some((each) => 'accept' in each)) return false
  // An extension of iptables is not visible in the ruleset.
  if (expressions.some((each) => 'xt' in each)) return true
  const matches = expressions.flatMap(({ match }) => (match === undefined ? [] : [match as Expression]))
  const ports = matches.filter(({ left }) => fieldOf(left) === 'dport')
  if (ports.length > 0) {
    return ports.some(
      ({ left, right }) => isProtocol(left, wanted.transport) && holds(right, wanted.port, sets),
    )
  }
  // A rule for an interface or a source accepts all ports, except for the loopback interface and known connections.
  return !matches.some(
    ({ left, right }) => 'ct' in objectOf(left) || right === 'lo' || fieldOf(left) !== undefined,
  )
}

function objectOf(value: unknown): Expression {
  return typeof value === 'object' && value !== null ? (value as Expression) : {}
}

/** Returns the name of a field of a payload, except addresses. */
function fieldOf(left: unknown): string | undefined {
  const { field } = objectOf(objectOf(left)['payload'])
  return typeof field === 'string' && field !== 'saddr' && field !== 'daddr' ? field : undefined
}

function isProtocol(left: unknown, transport: string): boolean {
  const { protocol } = objectOf(objectOf(left)['payload'])
  return protocol === transport || protocol === 'th'
}

/** Returns whether a port, a list, a range, or a set contains the port. */
function holds(right: unknown, port: number, sets: Sets): boolean {
  if (right === port) return true
  if (typeof right === 'string' && right.startsWith('@')) {
    const named = sets.find(({ name }) => name === right.slice(1))
    return named?.elem?.some((each) => holds(each, port, [])) ?? false
  }
  if (Array.isArray(right)) return right.some((each) => holds(each, port, sets))
  const { set, range, elem } = objectOf(right)
  if (Array.isArray(range)) return Number(range[0]) <= port && port <= Number(range[1])
  if (elem !== undefined) return holds(objectOf(elem)['val'], port, sets)
  return set !== undefined && holds(set, port, sets)
}

/** Returns the command of the program that wrote the rules. */
function remedyOf(items: readonly Item[], blocked: readonly WantedPort[]): string {
  const tables = items.flatMap(({ chain }) => chain?.table ?? [])
  const names = items.flatMap(({ chain }) => chainName.safeParse(chain).data?.name ?? [])
  const each = (form: (port: WantedPort) => string) => blocked.map(form).join(' ')
  if (tables.includes('firewalld')) {
    return `Run firewall-cmd --permanent ${each(({ transport, port }) => `--add-port=${port}/${transport}`)}, then firewall-cmd --reload`
  }
  if (names.some((name) => name.startsWith('ufw-'))) {
    return `Run ${blocked.map(({ transport, port }) => `ufw allow ${port}/${transport}`).join(', ')}`
  }
  return `Add rules such as: ${blocked.map(({ transport, port }) => `${transport} dport ${port} accept`).join('; ')}`
}
