/** Builds the observations of a node that the services would record, on a clock that the test advances. */
import type { IgnitionKind, ImageFileKind } from '../../src/plan/facts.ts'
import type {
  Asker,
  CallbackStage,
  ClusterEvent,
  NodeCommand,
  Observation,
  ScriptKind,
  Seen,
} from '../../src/install/observation.ts'

const mebi = 1024 ** 2

/** `Omit` for each member of a union. */
type Without<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never

type LoaderDetails = { file?: string; octets?: number; durationMs?: number; by?: 'tftp' | 'http' }

export type ObservedNode = ReturnType<typeof observedNode>

export const imageFiles: Readonly<Record<ImageFileKind, { readonly file: string; readonly octets: number }>> =
  {
    kernel: { file: 'rhcos-live-kernel-x86_64', octets: 14 * mebi },
    initramfs: { file: 'rhcos-live-initramfs.x86_64.img', octets: 96 * mebi },
    rootfs: { file: 'rhcos-live-rootfs.x86_64.img', octets: 1024 * mebi },
    metal: { file: 'rhcos-metal.x86_64.raw.gz', octets: 900 * mebi },
  }

export function observedNode(node = 'ocp45/w1', startMs = Date.UTC(2026, 10, 21, 10)) {
  const observations: Observation[] = []
  let now = startMs

  const life = {
    node,
    observations,
    now: () => now,
    /** Advances the clock; a negative time moves it back. */
    pass(ms: number) {
      now += ms
      return life
    },
    see(seen: Without<Seen, 'node'>) {
      observations.push({ ...seen, node, sequence: observations.length + 1, at: now })
      return life
    },
    discover(asker: Asker, architecture = asker === 'system' ? undefined : 7) {
      return life.dhcp(asker, 'discover', 'offered', architecture)
    },
    dhcp(
      asker: Asker,
      message: 'discover' | 'request',
      answer: (Observation & { kind: 'dhcp' })['answer'],
      architecture?: number,
    ) {
      const option = architecture === undefined ? {} : { architecture }
      return life.see({ kind: 'dhcp', asker, message, isFresh: true, vendorClass: '', answer, ...option })
    },
    /** A REQUEST that accepts the offer of another DHCP server. */
    acceptsOther(asker: Asker, server = '172.16.0.7') {
      const message = {
        kind: 'dhcp',
        message: 'request',
        isFresh: true,
        vendorClass: '',
        architecture: 7,
      } as const
      return life.see({ ...message, asker, answer: 'offered', server })
    },
    /** A DISCOVER and a REQUEST with replies. */
    asks(asker: Asker, ms = 2000, architecture = asker === 'system' ? undefined : 7) {
      life.discover(asker, architecture).pass(ms)
      return life.dhcp(asker, 'request', 'acknowledged', architecture)
    },
    loader(
      outcome: 'sent' | 'probed' | 'aborted' | 'missing',
      {
        file = 'efi/ipxe.efi',
        octets = outcome === 'sent' ? 850_528 : 0,
        durationMs = 700,
        by = 'tftp',
      }: LoaderDetails = {},
    ) {
      return life.pass(durationMs).see({ kind: 'loader', file, by, outcome, octets, durationMs })
    },
    script(script: ScriptKind, more: { role?: IgnitionKind; reason?: string } = {}) {
      return life.pass(200).see({ kind: 'script', script, ...more })
    },
    file(
      what: ImageFileKind,
      outcome: 'begun' | 'under-way' | 'sent' | 'aborted',
      octets: number,
      durationMs: number,
    ) {
      const { file, octets: total } = imageFiles[what]
      return life.see({ kind: 'file', what, file, outcome, octets, total, durationMs })
    },
    /** A complete download. */
    fetches(what: ImageFileKind, octetsPerSecond = 100 * mebi) {
      const { octets } = imageFiles[what]
      const ms = (1000 * octets) / octetsPerSecond
      life.file(what, 'begun', 0, 0).pass(ms)
      return life.file(what, 'sent', octets, ms)
    },
    ignition(
      outcome: 'sent' | 'aborted' | 'refused' | 'missing' = 'sent',
      { role = 'worker', reason }: { role?: IgnitionKind | 'live'; reason?: string } = {},
    ) {
      const more = reason === undefined ? {} : { reason }
      return life.see({ kind: 'ignition', role, outcome, client: '192.0.2.21:40000', octets: 1731, ...more })
    },
    callback(stage: CallbackStage) {
      return life.see({ kind: 'callback', stage, client: '192.0.2.21:40001' })
    },
    /** An event that its cluster reports. */
    says(word: ClusterEvent, more: { since?: number; reason?: string } = {}) {
      return life.see({ kind: 'cluster', word, ...more })
    },
    command(command: NodeCommand) {
      return life.see({ kind: 'command', command })
    },

    /** A UEFI boot up to the address of iPXE. */
    pxe() {
      life.asks('firmware', 4000).pass(1000).loader('probed', { durationMs: 5 }).loader('sent')
      return life.pass(3000).asks('ipxe', 1500)
    },
    /** From the boot script to the last request of the live system before the disk is written. */
    installer(role: IgnitionKind = 'worker') {
      life.script('install', { role }).pass(100).fetches('kernel').pass(50).fetches('initramfs')
      life.pass(14_000).asks('system', 3000).pass(500).fetches('rootfs')
      return life.pass(20_000).asks('system', 10).pass(4000).ignition('sent', { role })
    },
    /** A complete installation, up to the first start from the disk. */
    installs(role: IgnitionKind = 'worker') {
      life.pxe().installer(role).pass(95_000).callback('written')
      return life.pass(70_000).asks('system', 2000).pass(40_000).callback('started')
    },
  }
  return life
}
