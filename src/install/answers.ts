/**
 * The results of decisions about a machine: the answers to a network boot and to the live system, the
 * line for the status, and their texts. Pure.
 */
import type { InstallRole } from '../plan/facts.ts'
import type { InstallNode, MachineConfigServer } from '../plan/install.ts'
import type { InstallCode, StateProblem } from './codes.ts'
import type { BootDecision } from './decide-boot.ts'
import type { BootAnswer, DiskAnswer, Permission } from './installs.ts'
import type { State } from './machine-state.ts'
import { decideDisk, type DiskPermission } from './decide-disk.ts'
import type { DiskReport } from './disk-report.ts'
import type { Event } from './machine.ts'

/** Returns whether this decision leads to an installing script. */
export function isInstalling({ kind }: BootDecision): boolean {
  return kind === 'start' || kind === 'resume'
}

/** Returns the answer. @param state after the decision @param token of the installation that it starts or resumes */
export function answerOf(
  node: InstallNode,
  decision: BootDecision,
  state: State,
  choice: { readonly role?: InstallRole },
  token: string,
): BootAnswer {
  switch (decision.kind) {
    case 'start':
    case 'resume':
      return { kind: 'install', role: choice.role ?? node.role, token }
    case 'menu':
    case 'menu-again':
      return { kind: 'menu' }
    case 'fail':
    case 'failed':
      return { kind: 'failed', reason: state.reason }
    case 'wait':
      return {
        kind: 'wait',
        reason: waitTexts[decision.code] ?? state.reason,
        code: decision.code,
        canSkip: false,
      }
    case 'try-disk':
    case 'keep-disk':
      return { kind: 'local' }
    case 'disk': {
      const { code } = decision
      if (choice.role === undefined || state.mode === 'installing') {
        return { kind: 'local', ...(code !== undefined && { code }) }
      }
      const advice = `arm it with slipway node install ${node.key}, or show its menu with slipway node menu ${node.key}`
      const reason = `it must not be installed, its state is ${state.mode}: ${advice}`
      return { kind: 'wait', reason, code: code ?? 'install.not-armed', canSkip: false }
    }
  }
}

/** Returns the answer to a machine that waits for a reason outside of its record. */
export function waitFor(code: InstallCode): BootAnswer {
  return { kind: 'wait', reason: waitTexts[code] ?? code, code, canSkip: false }
}

const waitTexts: Readonly<Record<string, string>> = {
  'install.cluster-not-read':
    'waits until its cluster answers, because the cluster may already have it as a node; slipway node install skips the wait',
  'install.other-appliance': 'another server of this site installs the nodes (server.installer)',
  'boot.no-dhcp-exchange':
    'this machine did not request its address from this server at its start; restart the machine, or set requireDhcp: false if another DHCP server answers it',
  'state.not-writable': 'this server cannot record its decision: its log has the reason',
  'store.unreachable': 'waits until the shared store (etcd) answers; after a minute, it boots its disk',
  'store.claimed': 'another server of this site has just started its installation',
}

/** Returns the sentence for a node that waits: `waits until ocp45/m1 or ocp45/m2 serves machine configuration …`. */
export function waitReason(servers: readonly MachineConfigServer[]): string {
  const names = servers.map(({ node, address }) => `${node} (${address})`)
  const text = names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : names.join()
  return `waits until ${text} serves machine configuration on port 22623`
}

export function notDeclared(key: string): BootAnswer {
  return { kind: 'failed', reason: `the site no longer has node ${key}` }
}

export function undeclared(key: string): Extract<Permission, { kind: 'refused' }> {
  return { kind: 'refused', code: 'install.not-declared', reason: `the site has no node ${key}` }
}

export function notWritable(reason: string): Extract<Permission, { kind: 'refused' }> {
  return { kind: 'refused', code: 'state.not-writable', reason: `the state cannot be written: ${reason}` }
}

// The decision about a disk: the answer to the live system, and the line for the status.

/** What a report about a disk leads to. */
type DiskOutcome = {
  readonly answer: Extract<DiskAnswer, { text: string }>
  /** The event of the state machine; none while the content of the disk is unknown. */
  readonly event?: Event
  /** Why slipway cannot decide. */
  readonly problem?: string
}

/** Decides about the disk of a machine, from its report and its record. */
export function answerDisk(node: InstallNode, state: State, report: DiskReport): DiskOutcome {
  const decision = decideDisk(report, diskPermission(node, state), node.disks)
  switch (decision.kind) {
    case 'proceed':
      return {
        answer: { kind: 'proceed', text: `the installer starts: ${decision.reason}` },
        event: { kind: 'disk', isLast: node.lastFile === 'permission', disk: decision.disk },
      }
    case 'keep': {
      const { holds } = decision
      return { answer: { kind: 'wait', text: keptText(node.key, holds) }, event: { kind: 'disk', holds } }
    }
    case 'use':
      return { answer: { kind: 'use', device: decision.device, text: decision.reason } }
    case 'unknown': {
      const { reason } = decision
      return { answer: { kind: 'wait', text: `the installer does not start: ${reason}` }, problem: reason }
    }
  }
}

/** Returns what the record of a machine allows, whatever its disk holds. */
function diskPermission({ wipe, isMenuAutomatic }: InstallNode, { attempt }: State): DiskPermission {
  const startedBy = attempt?.startedBy
  return {
    wipe,
    hasConsent: startedBy === 'administrator' || (startedBy === 'menu' && !isMenuAutomatic),
    isOurs: attempt?.isDiskClear === true,
    cleared: attempt?.clearedDisk,
  }
}

function keptText(key: string, holds: string): string {
  return `${holds}: run "slipway node install ${key}" to overwrite it`
}

/** Returns the line for the status of a machine whose disk is kept. */
export function keptDisk({ key }: InstallNode, { mode, code, reason }: State): StateProblem[] {
  if (mode !== 'local' || code !== 'install.disk-not-empty') return []
  return [{ code, text: `${key}: ${keptText(key, reason)}` }]
}
