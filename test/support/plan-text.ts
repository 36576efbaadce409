/** Formats a complete plan as text for golden files: maps as objects, bytes in hexadecimal. */
import { renderHaproxy } from '../../src/plan/haproxy/render.ts'
import { isBootedMember } from '../../src/plan/model.ts'
import type { Plan } from '../../src/plan/compile.ts'
import { NodeMap } from '../../src/plan/http/node-map.ts'
import { formatIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'

/** Omits the prepared DNS answers, which are derived from the zones and tested elsewhere. */
export function planText(plan: Plan): string {
  const { dns, http, haproxy, members, ...rest } = plan
  const others = members.filter((member) => !isBootedMember(member))
  const readable = {
    ...rest,
    ...(others.length > 0 && { notBooted: others }),
    http: { ...http, scripts: new Map([...http.scripts].map(([path, script]) => [path, lines(script)])) },
    dns: dns && { ...dns, names: undefined },
    haproxy: haproxy && { ...haproxy, text: renderHaproxy(haproxy).split('\n') },
  }
  return `${JSON.stringify(readable, replace, 2)}\n`
}

function lines(script: { readonly body: string }): object {
  return { ...script, body: script.body.split('\n') }
}

const addressKeys = new Set([
  'address',
  'addresses',
  'server',
  'network',
  'mask',
  'broadcast',
  'gateway',
  'ntp',
  'api',
  'ingress',
])

function replace(key: string, value: unknown): unknown {
  if (value instanceof Map || value instanceof NodeMap) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (key !== '' && isInstance(value)) return withGetters(value)
  if (!addressKeys.has(key)) return value
  if (typeof value === 'number') return formatIpv4(value as Ipv4)
  return Array.isArray(value) ? value.map((each) => replace(key, each)) : value
}

function isInstance(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.getPrototypeOf(value) !== Object.prototype
}

/** JSON leaves out the getters of a class, such as the options of a reservation. */
function withGetters(value: object): object {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(value) as object))
    .filter(([, property]) => property.set === undefined && property.value === undefined)
    .map(([name]) => [name, (value as Record<string, unknown>)[name]])
  return { ...value, ...(Object.fromEntries(getters) as object) }
}
