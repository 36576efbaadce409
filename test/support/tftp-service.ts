/** The TFTP service for tests: real files, an in-memory network, and a fake clock. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { parseCidr, type Cidr } from '../../src/proto/address/ip.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import type { Sockets, UdpPort } from '../../src/host/udp.ts'
import type { TftpPlan } from '../../src/plan/tftp.ts'
import { encodePacket } from '../../src/proto/tftp/packet.ts'
import type { TftpServiceOptions } from '../../src/serve/tftp/listen.ts'
import { startTftp } from '../../src/serve/tftp/service.ts'
import { fakeClock } from './fake-clock.ts'
import { memorySockets } from './memory-sockets.ts'

export const loader = Buffer.alloc(3000, 'loader')

/**
 * Starts a server at 192.0.2.2:69 that serves `ipxe.efi` ({@link loader}) and `own` from its root; `ocp45/m1`
 * has 192.0.2.11.
 *
 * @param machine changes how the service gets its sockets
 * @param mtu of the interface of the server
 * @param more options of the service
 */
export async function serve(
  t: Test,
  changes: Partial<TftpPlan> = {},
  machine: (network: Sockets) => Sockets = (network) => network,
  mtu = 1500,
  more: Partial<TftpServiceOptions> = {},
) {
  const folder = t.testdir({ loader, root: { own: 'own file' } })
  const plan: TftpPlan = {
    address: '192.0.2.2',
    port: 69,
    transfers: { kind: 'any' },
    files: new Map([['ipxe.efi', join(folder, 'loader')]]),
    missing: new Map(),
    root: join(folder, 'root'),
    networks: [parseCidr('192.0.2.0/24') as Cidr],
    clients: [parseCidr('198.51.100.0/24') as Cidr],
    mtus: [],
    nodeByAddress: new Map([['192.0.2.11', 'ocp45/m1']]),
    ...changes,
  }
  const state = { plan }
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) })
  const sockets = memorySockets()
  const clock = fakeClock()
  const counters = new Counters()
  const lost: Error[] = []
  const onLost = (error: Error) => lost.push(error)
  const service = await startTftp({
    plan: () => state.plan,
    sockets: machine(sockets),
    log,
    counters,
    clock,
    onLost,
    interfaceMtu: () => mtu,
    ...more,
  })
  const bind = (port = 2000, address = '192.0.2.11') => sockets.bindUdp({ address, port })
  /** Ends all transfers, so that no file stays open. */
  const stop = async () => {
    const closed = service.close(0)
    await sockets.settled()
    clock.advance(0)
    await closed
  }
  t.teardown(stop)
  return { service, state, lines, sockets, clock, counters, lost, bind, folder, stop }
}

/** Sends a request in mode octet. */
export function ask(
  port: UdpPort,
  file: string,
  options: Record<string, string> = {},
  kind: 'rrq' | 'wrq' = 'rrq',
  server = '192.0.2.2',
) {
  const packet = { kind, file, mode: 'octet', options: new Map(Object.entries(options)) }
  port.send(encodePacket(packet), server, 69)
}

/** Decodes a payload as text. */
export const read = (payload: Uint8Array) => Buffer.from(payload).toString('latin1')
