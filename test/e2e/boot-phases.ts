/** Measures each phase of a boot, from the log of the server and the console of the machine, which share a clock. */
import type { LogLine } from './server.ts'
import type { Boot, Firmware } from './vm.ts'

export type Phase = { readonly name: string; readonly ms: number }

/** A line of the log or of the console. */
type Event = { readonly atMs: number; readonly log?: LogLine; readonly console?: string }

type Milestone = {
  /** The phase that ends here. */
  readonly phase: string
  readonly only?: readonly Firmware[]
  readonly isReached: (event: Event) => boolean
}

const fromDhcp = ({ log }: Event): boolean => log?.service === 'dhcp'
const acknowledged = ({ log }: Event): boolean => log?.service === 'dhcp' && /acknowledged/.test(log.msg)
const sent =
  (file: RegExp) =>
  ({ log }: Event) => {
    return (log?.service === 'http' || log?.service === 'tftp') && file.test(log.text)
  }
const printed = (text: RegExp) => (event: Event) => event.console !== undefined && text.test(event.console)

const ovmf: readonly Firmware[] = ['uefi', 'http']

/** In order of time. A milestone that was not reached is omitted. */
const milestones: readonly Milestone[] = [
  { phase: 'firmware until its first packet', only: ovmf, isReached: fromDhcp },
  { phase: 'firmware DHCP', only: ovmf, isReached: acknowledged },
  { phase: 'loader by TFTP', only: ['uefi'], isReached: sent(/ipxe\.efi/) },
  { phase: 'loader by HTTP', only: ['http'], isReached: sent(/ipxe\.efi/) },
  { phase: 'ROM, then loader by TFTP', only: ['undi'], isReached: sent(/undionly\.kpxe/) },
  { phase: 'iPXE start, wait for Ctrl-B', isReached: fromDhcp },
  { phase: 'iPXE DHCP', isReached: acknowledged },
  { phase: 'iPXE waits for an IPv6 router; script', isReached: sent(/boot\.ipxe/) },
  { phase: 'kernel by HTTP', isReached: sent(/live-kernel/) },
  { phase: 'initramfs by HTTP', isReached: sent(/live-initramfs/) },
  { phase: "iPXE's boot to the first kernel line", isReached: printed(/Linux version/) },
  { phase: 'kernel to /init', isReached: printed(/^E2E init/) },
  { phase: 'modules, DHCP, DNS', isReached: printed(/^E2E apps/) },
  { phase: 'rootfs by HTTP, hashed', isReached: printed(/^E2E rootfs/) },
  { phase: 'Ignition', isReached: printed(/^E2E ignition/) },
]

/** @param lines the lines of the server's log about this machine, in order */
export function phasesOf(boot: Boot, firmware: Firmware, lines: readonly LogLine[]): Phase[] {
  const events: Event[] = [
    ...lines.map((log) => ({ atMs: log.atMs, log })),
    ...boot.console.map(({ atMs, text }) => ({ atMs, console: text })),
  ].sort((a, b) => a.atMs - b.atMs)
  const phases: Phase[] = []
  let fromMs = boot.startedMs
  let next = 0
  for (const { phase, only, isReached } of milestones) {
    if (only?.includes(firmware) === false) continue
    const index = events.findIndex((each, at) => at >= next && isReached(each))
    const event = events[index]
    if (event === undefined) continue
    phases.push({ name: phase, ms: event.atMs - fromMs })
    fromMs = event.atMs
    next = index + 1
  }
  phases.push({ name: 'power off', ms: boot.endedMs - fromMs })
  return [...phases, { name: 'whole boot', ms: boot.endedMs - boot.startedMs }]
}

/** Formats a table in seconds: a row for each phase, a column for each boot. */
export function formatTimelines(boots: ReadonlyMap<string, readonly Phase[]>): string {
  const names = [...milestones.map(({ phase }) => phase), 'power off', 'whole boot'].filter((name) =>
    [...boots.values()].some((phases) => phases.some((phase) => phase.name === name)),
  )
  const width = Math.max(...names.map((name) => name.length))
  const columns = [...boots.keys()]
  const rows = names.map((name) => {
    const cells = [...boots].map(([title, phases]) => {
      const ms = phases.find((phase) => phase.name === name)?.ms
      return (ms === undefined ? '-' : (ms / 1000).toFixed(2)).padStart(title.length)
    })
    return `${name.padEnd(width)}   ${cells.join('   ')}`
  })
  return [`${'seconds'.padEnd(width)}   ${columns.join('   ')}`, ...rows].join('\n')
}
