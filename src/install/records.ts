/**
 * The records of all machines, and what changes them: the active plan, observations, and the events of the state
 * machine. Records belong to machines (MAC addresses); the site gives them names.
 */
import { momentOf, type Clock, type Moment } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { InstallNode, InstallPlan } from '../plan/install.ts'
import type { StateProblem } from './codes.ts'
import type { NodeRecord, ProvenBoot } from './installs.ts'
import type { Journal } from './journal.ts'
import { advance, armedMs, type Event } from './machine.ts'
import { type AttemptState, type BootEntry, type State, initialState } from './machine-state.ts'
import type { Observe, Seen } from './observation.ts'
import type { Recorder } from './recorder.ts'
import { withRelatives } from './relatives.ts'
import { findSameMachine } from './same-machine.ts'
import type { Store } from './store.ts'

export type Records = {
  readonly now: () => Moment
  readonly stateOf: (node: InstallNode) => State
  /** Returns the record under another MAC address that has the SMBIOS UUID of a machine, and forbids its installation. */
  readonly sameMachine: (node: InstallNode) => State | undefined
  /** Returns the record of a machine whose history an administrator deleted. */
  readonly blank: (node: InstallNode) => State
  /** Applies an event to the record of a machine; the journal writes it. @returns the next record */
  readonly move: (node: InstallNode, event: Event) => State
  /** Writes and blocks until that is on the disk; what cannot be written now stays in memory and is written later. */
  readonly tryToWrite: () => void
  /** Reads the active plan. A machine that is no longer declared keeps its record. */
  declare(): void
  readonly observe: Observe
  /** Remembers that the machine itself was active. */
  seen(node: InstallNode): void
  /** Forgets which machine had the name of a node before, and when it was active. */
  settle(node: InstallNode, isForgotten: boolean): void
  published(node: InstallNode): NodeRecord
  /** Returns what `published` would return if the site declared the node like this. Has no effect. */
  preview(node: InstallNode): NodeRecord
  problems(): readonly StateProblem[]
  /** Lets new machines be installed automatically again after a loss of the state. */
  acceptLoss(): void
}

type RecordsOptions = {
  readonly plan: () => InstallPlan
  readonly store: Store
  readonly journal: Journal
  readonly recorder: Recorder
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Identifies the boot of this machine. */
  readonly epoch: string
}

export function createRecords(options: RecordsOptions): Records {
  const { plan, store, journal, recorder, log, counters, clock, epoch } = options
  const lastSeen = new Map(store.lastSeen)
  let { incomplete, problems: stateProblems } = store
  /** Machines that appeared under the name of another one. */
  const replaced = new Map<string, StateProblem>()
  /** Machines with the UUID of another record, by node. */
  const known = new Map<string, StateProblem>()
  /** The firmware that was seen since the last script, by machine; absent if it starts iPXE itself. */
  const firmware = new Map<string, BootEntry>()

  // Another appliance saw the machine.
  journal.subscribe(({ appliance, node: key, kind, at }) => {
    const node = appliance === undefined ? undefined : plan().get(key)
    if (node === undefined || kind === 'cluster' || kind === 'command' || kind === 'state') return
    lastSeen.set(node.mac, Math.max(at, lastSeen.get(node.mac) ?? 0))
  })

  for (const { code, text } of stateProblems) log.error({ code, reason: text }, 'state problem')

  function now(): Moment {
    return momentOf(clock, epoch)
  }

  function declare(): void {
    const declared = new Set([...plan().values()].flatMap(({ mac, otherMacs = [] }) => [mac, ...otherMacs]))
    const recorded = new Map([...journal.states().values()].reverse().map((each) => [each.node, each]))
    for (const node of plan().values()) {
      const relatives = journal.relativesOf(node)
      if (journal.state(node.mac) === undefined) {
        const earlier = recorded.get(node.key)
        const isOther =
          earlier !== undefined && !declared.has(earlier.mac) && !relatives.includes(earlier.mac)
        if (isOther) reportReplaced(node, earlier)
        journal.set(node.mac, initialState(node, incomplete))
        if (relatives.length === 0) continue
      }
      recorder.inTurn(node.mac, () => {
        move(node, { kind: 'declared', node })
        checkUuid(node)
      })
    }
  }

  function reportReplaced({ key, mac }: InstallNode, earlier: State): void {
    const text = `${key} is now another machine: its MAC address changed from ${earlier.mac} to ${mac}`
    replaced.set(key, { code: 'install.machine-replaced', text })
    log.warn({ node: key, mac, earlier: earlier.mac, code: 'install.machine-replaced' }, 'machine replaced')
  }

  function stateOf(node: InstallNode): State {
    const own = journal.state(node.mac) ?? initialState(node, incomplete)
    const relatives = journal.relativesOf(node)
    if (relatives.length === 0) return own
    const records = relatives.flatMap((mac) => journal.state(mac) ?? [])
    const state = withRelatives(own, node, records)
    return state === own ? own : advance(state, { kind: 'declared', node }, now())
  }

  function sameMachine(node: InstallNode): State | undefined {
    const own = stateOf(node)
    if (own.uuid === undefined) return undefined
    return findSameMachine(
      own,
      journal.withUuid(own.uuid),
      ({ mac, node: key }) => plan().get(key)?.mac === mac,
    )
  }

  /** Finds out whether the UUID of a machine that only the site file arms is that of another record. */
  function checkUuid(node: InstallNode): void {
    const { uuid, mode, armed } = journal.state(node.mac) ?? {}
    if (uuid === undefined) return
    const earlier = mode === 'install' && armed === undefined ? sameMachine(node) : undefined
    const problem = earlier && sameMachineProblem(node, earlier)
    if (problem === undefined) {
      known.delete(node.key)
      return
    }
    if (known.get(node.key)?.text === problem.text) return
    known.set(node.key, problem)
    const facts = { node: node.key, mac: node.mac, earlier: earlier?.mac, uuid, code: problem.code }
    log.warn(facts, 'machine known by its UUID')
  }

  function blank(node: InstallNode): State {
    const relatives = journal.relativesOf(node)
    if (relatives.length === 0) return initialState(node)
    const others = relatives.map((mac): [string, number] => [mac, journal.state(mac)?.since ?? 0])
    return { ...initialState(node), others: Object.fromEntries(others) }
  }

  function move(node: InstallNode, event: Event): State {
    const before = stateOf(node)
    const after = advance(before, event, now())
    if (after !== journal.state(node.mac)) journal.set(node.mac, after)
    if (after.mode !== before.mode) {
      counters.increment(`install.${after.mode}`)
      const { mode: to, reason, code } = after
      const facts = { node: node.key, from: before.mode, to, reason }
      log[to === 'failed' ? 'error' : 'info']({ ...facts, code }, 'node state changed')
      journal.note(node.mac, { ...facts, kind: 'state' })
    }
    return after
  }

  function tryToWrite(): void {
    try {
      journal.write()
    } catch {
      // The journal logged it and tries again.
    }
  }

  function observe(seen: Seen, repeated?: number): void {
    const node = plan().get(seen.node)
    if (node === undefined || !isOfNode(seen, node)) return
    // Reports of the cluster are not signs of the machine itself.
    if (seen.kind !== 'cluster') lastSeen.set(node.mac, clock.now())
    journal.note(node.mac, seen, repeated)
    const entry = entryOf(seen)
    if (entry !== undefined) firmware.set(node.mac, entry)
    if (seen.kind === 'script') firmware.delete(node.mac)
    const events = eventsOf(seen, node, firmware.get(node.mac))
    if (events.length > 0) recorder.inTurn(node.mac, () => applyEvents(node, seen, events))
  }

  function applyEvents(node: InstallNode, seen: Seen, events: readonly Event[]): void {
    const before = stateOf(node)
    for (const event of events) move(node, event)
    if (seen.kind === 'dhcp' && seen.uuid !== undefined) checkUuid(node)
    const { mode, attempt, evidence, readySince } = stateOf(node)
    // Evidence protects the disk from a second installation. Without the recorded time of the Ready condition, the next
    // installation could mistake the old condition for its own.
    const isDecision = mode !== before.mode || attempt !== before.attempt
    // Outside of an attempt, a DHCP message is only a hint, and its sender repeats it. If a thousand machines request
    // their addresses at once, one write for each machine would delay the replies.
    if (seen.kind === 'dhcp' && before.attempt === undefined) return
    if (isDecision || evidence !== before.evidence || readySince !== before.readySince) {
      if (seen.kind === 'cluster') tryToWrite()
      else void recorder.record()
    }
  }

  return {
    now,
    stateOf,
    sameMachine,
    blank,
    move,
    tryToWrite,
    declare,
    observe(seen, repeated) {
      try {
        observe(seen, repeated)
      } catch (error) {
        counters.increment('install.bugs')
        log.error({ node: seen.node, err: error }, 'observation not recorded')
      }
    },
    seen: ({ mac }) => void lastSeen.set(mac, clock.now()),
    settle({ key, mac }, isForgotten) {
      replaced.delete(key)
      if (isForgotten) lastSeen.delete(mac)
    },
    published: (node) =>
      recordOf(node, advance(stateOf(node), { kind: 'time' }, now()), lastSeen.get(node.mac)),
    preview(node) {
      const declared = advance(stateOf(node), { kind: 'declared', node }, now())
      return recordOf(node, advance(declared, { kind: 'time' }, now()), lastSeen.get(node.mac))
    },
    problems() {
      for (const key of known.keys()) {
        const node = plan().get(key)
        if (node === undefined) known.delete(key)
        else checkUuid(node)
      }
      const machines = [...replaced.values(), ...known.values()]
      return [...stateProblems, ...journal.problems(), ...recorder.problems(), ...machines]
    },
    acceptLoss() {
      incomplete = undefined
      stateProblems = []
      replaced.clear()
    },
  }
}

function sameMachineProblem({ key, mac }: InstallNode, earlier: State): StateProblem {
  const text =
    `${key} (${mac}) has the SMBIOS UUID of ${earlier.node} (${earlier.mac}), which must not be installed again, so it ` +
    `boots its disk: run "slipway node install ${key}" to install it`
  return { code: 'install.same-machine', text }
}

/** What the decision about a boot leads to, see `bootRules`. */
const notChecked: Pick<NodeRecord, 'mode' | 'reason' | 'code'> = {
  mode: 'local',
  reason: 'nothing looks at its disk before the installer overwrites it: run slipway node install',
  code: 'install.disk-not-checked',
}

/** Returns the published state of a node, from the record of its machine. */
function recordOf(
  { key: node, needsConsent }: InstallNode,
  state: State,
  lastSeen: number | undefined,
): NodeRecord {
  const { since, armed, attempt } = state
  const isUnarmed = needsConsent === true && state.mode === 'install' && armed === undefined
  const { mode, reason, code } = isUnarmed ? notChecked : state
  const provenBoot = attempt && provenBootOf(attempt)
  return {
    node,
    mode,
    since,
    reason,
    ...(code !== undefined && { code }),
    ...(armed && { armedUntil: armed.at + armedMs }),
    ...(attempt && {
      attempt: { role: attempt.role, startedAt: attempt.startedAt, earlier: attempt.earlier },
    }),
    ...(provenBoot && { provenBoot }),
    ...(lastSeen !== undefined && { lastSeen }),
  }
}

function provenBootOf({ startedAt, delivered, writtenAt, bootedAt }: AttemptState): ProvenBoot | undefined {
  if (delivered === undefined || writtenAt === undefined || bootedAt === undefined) return undefined
  return { startedAt, writtenAt, bootedAt }
}

/** Returns whether an observation may be about the machine: a refused client with another address is not. */
function isOfNode(seen: Seen, { addresses }: Pick<InstallNode, 'addresses'>): boolean {
  if (seen.kind !== 'ignition' || seen.outcome !== 'refused') return true
  return addresses.includes(addressOf(seen.client))
}

function entryOf(seen: Seen): BootEntry | undefined {
  if (seen.kind !== 'dhcp') return undefined
  return seen.asker === 'firmware' ? 'pxe' : seen.asker === 'http-firmware' ? 'http' : undefined
}

/** Translates an observation into the events of the state machine. */
function eventsOf(
  seen: Seen,
  { lastFile, countsFirmware }: Pick<InstallNode, 'lastFile' | 'countsFirmware'>,
  entry: BootEntry = 'ipxe',
): readonly Event[] {
  switch (seen.kind) {
    case 'dhcp':
      if (seen.answer === 'refused' || seen.isUnprivileged === true || seen.server !== undefined) return []
      if (seen.asker === 'system') return seen.answer === 'acknowledged' ? [{ kind: 'system' }] : []
      return seen.asker === 'ipxe' || countsFirmware === true
        ? [...uuidOf(seen), { kind: 'exchange', entry }]
        : uuidOf(seen)
    case 'cluster': {
      const { word, since } = seen
      return [{ kind: 'cluster', word, ...(since !== undefined && { since }) }]
    }
    case 'ignition':
      return seen.outcome === 'sent' && seen.role !== 'live' ? [{ kind: 'read' }] : []
    case 'file':
      // An agent has its Ignition file in the initramfs: it can write the disk once it has the rootfs.
      return seen.outcome === 'begun' && seen.what === lastFile ? [{ kind: 'request', isLast: true }] : []
    case 'loader':
    case 'script':
    case 'callback':
    case 'command':
    case 'state':
      return []
  }
}

function uuidOf({ uuid }: Extract<Seen, { kind: 'dhcp' }>): readonly Event[] {
  return uuid === undefined ? [] : [{ kind: 'uuid', uuid }]
}

/** `192.0.2.11:40000`, `[2001:db8::11]:40000` */
function addressOf(client: string): string {
  return client.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
