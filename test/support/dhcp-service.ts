/** The DHCP service for tests: the site of the captures, an in-memory network, a client on port 68, and the log. */
import { createLog } from '../../src/host/log.ts'
import { Counters } from '../../src/host/counters.ts'
import type { InterfaceAddresses } from '../../src/host/attached-networks.ts'
import type { Sockets } from '../../src/host/udp.ts'
import type { Seen } from '../../src/install/observation.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import type { DhcpPlan } from '../../src/plan/dhcp/plan.ts'
import { startDhcp } from '../../src/serve/dhcp/service.ts'
import { captureModel } from './dhcp-captures.ts'
import { fakeClock } from './fake-clock.ts'
import { inbox, memorySockets, type MemorySockets } from './memory-sockets.ts'

export const { plan } = compileDhcp(captureModel())
export const start = Date.UTC(2026, 0, 1)

/** Starts a service and a client on port 68, and collects the log. */
export async function running(
  options: {
    plan?: () => DhcpPlan
    sockets?: Sockets
    network?: MemorySockets
    interfaces?: () => InterfaceAddresses
    observe?: (seen: Seen) => void
    stateDirectory?: string
    inventory?: Inventory
    /** Whether the service probes for other servers before it leases. */
    probes?: boolean
  } = {},
) {
  const { network = memorySockets() } = options
  const counters = new Counters()
  const clock = fakeClock(start)
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
  const lost: Error[] = []
  const seen: Seen[] = []
  const service = await startDhcp({
    plan: options.plan ?? (() => plan),
    sockets: options.sockets ?? network,
    log: createLog('debug', { write }),
    counters,
    clock,
    observe: options.observe ?? ((each) => void seen.push(each)),
    onLost: (error) => void lost.push(error),
    ...(options.interfaces && { interfaces: options.interfaces }),
    environment: options.probes === true ? {} : { SLIPWAY_DHCP_PROBE: 'off' },
    stateDirectory: options.stateDirectory,
    ...(options.inventory && {
      bindings: options.inventory.bindings,
      reportOf: (mac) => options.inventory?.reportOf(mac),
    }),
  })
  const client = await network.bindUdp({ address: '0.0.0.0', port: 68, reuseAddress: true, broadcast: true })
  const heard = inbox(client)
  const send = async (packet: Uint8Array, to = '255.255.255.255') => {
    client.send(packet, to, 67)
    await network.settled()
  }
  /** The last line, without its time. */
  const line = () => Object.fromEntries(Object.entries(lines.at(-1) ?? {}).filter(([key]) => key !== 'time'))
  return { network, clock, counters, lines, line, lost, seen, service, heard, send, client }
}
