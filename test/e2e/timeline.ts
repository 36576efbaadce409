/** How long each phase of a boot took, from the server's log and the machine's console, which share a clock. */
import type { LogLine } from './server.ts'
import type { Boot, Firmware } from './vm.ts'

export type Phase = { readonly name: string; readonly ms: number }

/** One thing that was seen, in the log or on the console. */
type Sight = { readonly atMs: number; readonly log?: LogLine; readonly console?: string }

type Milestone = {
  /** The phase that this ends. */
  readonly phase: string
  readonly only?: readonly Firmware[]
  readonly isReached: (sight: Sight) => boolean
}

const fromDhcp = ({ log }: Sight): boolean => log?.service === 'dhcp'
const acknowledged = ({ log }: Sight): boolean => log?.service === 'dhcp' && /acknowledged/.test(log.msg)
const sent = (file: RegExp) => (sight: Sight) => {
  const { log } = sight
  return (log?.service === 'http' || log?.service === 'tftp') && file.test(log.text)
}
const said = (text: RegExp) => (sight: Sight) => sight.console !== undefined && text.test(sight.console)

const ovmf: readonly Firmware[] = ['uefi', 'http']

/** In the order in which they come; one that never came is left out. */
const milestones: readonly Milestone[] = [
  { phase: 'firmware until its first packet', only: ovmf, isReached: fromDhcp },
  { phase: 'firmware DHCP', only: ovmf, isReached: acknowledged },
  { phase: 'loader by TFTP', only: ['uefi'], isReached: sent(/ipxe\.efi/) },
  { phase: 'loader by HTTP', only: ['http'], isReached: sent(/ipxe\.efi/) },
  { phase: 'ROM, then loader by TFTP', only: ['undi'], isReached: sent(/undionly\.kpxe/) },
  { phase: 'iPXE start, pause for Ctrl-B', isReached: fromDhcp },
  { phase: 'iPXE DHCP', isReached: acknowledged },
  { phase: 'iPXE waits for an IPv6 router; script', isReached: sent(/boot\.ipxe/) },
  { phase: 'kernel by HTTP', isReached: sent(/live-kernel/) },
  { phase: 'initramfs by HTTP', isReached: sent(/live-initramfs/) },
  { phase: "iPXE's boot to the first kernel line", isReached: said(/Linux version/) },
  { phase: 'kernel to /init', isReached: said(/^E2E init/) },
  { phase: 'modules, DHCP, DNS', isReached: said(/^E2E apps/) },
  { phase: 'rootfs by HTTP, hashed', isReached: said(/^E2E rootfs/) },
  { phase: 'Ignition', isReached: said(/^E2E ignition/) },
]

/** @param lines those of the server's log that concern this machine, in their order */
export function phasesOf(boot: Boot, firmware: Firmware, lines: readonly LogLine[]): Phase[] {
  const sights: Sight[] = [
    ...lines.map((log) => ({ atMs: log.atMs, log })),
    ...boot.console.map(({ atMs, text }) => ({ atMs, console: text })),
  ].sort((a, b) => a.atMs - b.atMs)
  const phases: Phase[] = []
  let fromMs = boot.startedMs
  let next = 0
  for (const { phase, only, isReached } of milestones) {
    if (only?.includes(firmware) === false) continue
    const index = sights.findIndex((sight, at) => at >= next && isReached(sight))
    const sight = sights[index]
    if (sight === undefined) continue
    phases.push({ name: phase, ms: sight.atMs - fromMs })
    fromMs = sight.atMs
    next = index + 1
  }
  phases.push({ name: 'power off', ms: boot.endedMs - fromMs })
  return [...phases, { name: 'whole boot', ms: boot.endedMs - boot.startedMs }]
}

/** A row for each phase, a column for each boot, in seconds. */
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
