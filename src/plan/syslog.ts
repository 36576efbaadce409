/** The syslog receiver: where it listens, and the nodes that it accepts messages from. Pure. */
import { formatIp } from '../proto/address/ip.ts'
import { defined } from '../text/defined.ts'
import type { Model } from './model.ts'

export type SyslogPlan = {
  readonly address: string
  /** Present if the server has an IPv6 address. */
  readonly address6?: string
  readonly port: number
  /** Keys of the nodes that slipway boots by each of their addresses. */
  readonly senders: ReadonlyMap<string, string>
}

/** @returns nothing without a section `syslog` */
export function compileSyslog({ site, nodes, endpoint }: Model): SyslogPlan | undefined {
  if (site.syslog === undefined) return undefined
  const { address, address6 } = endpoint
  return {
    address: formatIp(address),
    ...defined({ address6 }),
    port: site.syslog.port,
    senders: new Map(
      nodes.flatMap(({ key, addresses }) => addresses.map((each) => [formatIp(each), key] as const)),
    ),
  }
}
