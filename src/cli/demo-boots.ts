/**
 * Records the simulated boots of the demo, so that its status and its page show them. A real slipway records no simulated
 * request; in the demo, all machines are simulated.
 */
import type { Installs } from '../install/installs.ts'
import type { Asker, Seen } from '../install/observation.ts'
import type { ImageFileKind } from '../plan/facts.ts'
import { formatIp } from '../proto/address/ip.ts'
import type { Firmware } from '../simulate/dhcp-profiles.ts'
import type { BootEvent, SimulatedBoot } from '../simulate/timeline.ts'

/** Option 93 by firmware. */
const architectures: Readonly<Record<Firmware, number>> = {
  uefi: 7,
  'uefi-http': 16,
  bios: 0,
  arm64: 11,
  'arm64-http': 19,
  ppc64le: 12,
}

const files: readonly ImageFileKind[] = ['kernel', 'initramfs', 'rootfs', 'metal']

type DemoInstalls = Pick<Installs, 'boot' | 'observe' | 'mayRead' | 'callback' | 'startedToken'>

/** @param pause waits for a number of milliseconds, so that the steps have the durations of the simulation */
export async function recordBoot(
  installs: DemoInstalls,
  { node, firmware, events, isBooted }: SimulatedBoot,
  pause: (ms: number) => Promise<unknown>,
): Promise<void> {
  const { key, ignition: role } = node
  const address = formatIp(node.address)
  const client = `${address}:40000`
  let token: string | undefined
  const observe = (seen: Seen): void => installs.observe(seen)

  async function dhcp(asker: Asker, durationMs: number): Promise<void> {
    const shared = { node: key, kind: 'dhcp', asker, isFresh: true, vendorClass: 'slipway demo' } as const
    const option = asker === 'system' ? {} : { architecture: architectures[firmware] }
    observe({ ...shared, ...option, message: 'discover', answer: 'offered' })
    await pause(durationMs)
    observe({ ...shared, ...option, message: 'request', answer: 'acknowledged' })
  }

  async function record({ step, durationMs, octets, text }: BootEvent): Promise<void> {
    const [protocol = '', what = ''] = step.split(' ')
    const file = files.find((kind) => kind === what)
    if (protocol === 'DHCP') {
      const isHttp = firmware.endsWith('-http')
      await dhcp(what === 'firmware' ? (isHttp ? 'http-firmware' : 'firmware') : asker(what), durationMs)
      return
    }
    if (file !== undefined) {
      const shared = { node: key, kind: 'file', what: file, file: text, total: octets } as const
      observe({ ...shared, outcome: 'begun', octets: 0, durationMs: 0 })
      await pause(durationMs)
      observe({ ...shared, outcome: 'sent', octets, durationMs })
      return
    }
    await pause(durationMs)
    if (what === 'loader') {
      const by = protocol === 'TFTP' ? 'tftp' : 'http'
      observe({ node: key, kind: 'loader', file: text, by, outcome: 'sent', octets, durationMs })
    } else if (what === 'script') {
      const answer = await installs.boot(key, { isSkipping: true })
      if (answer.kind === 'install') ({ token } = answer)
      observe({ node: key, kind: 'script', script: answer.kind, role })
    } else if (what === 'Ignition' && token !== undefined) {
      await installs.mayRead(key, { token, address, what: role, isHead: false })
      observe({ node: key, kind: 'ignition', role, outcome: 'sent', client, octets })
    }
  }

  for (const event of events) await record(event)
  if (!isBooted || token === undefined) return
  await installs.callback(key, 'written', token, { address, client })
  await installs.callback(key, 'started', installs.startedToken(token), { address, client })
}

function asker(what: string): Asker {
  return what === 'iPXE' ? 'ipxe' : 'system'
}
