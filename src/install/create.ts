/**
 * The installations of all nodes: what is seen and asked goes through the state machine, and what it decides is
 * kept before anybody is told.
 */
import type { Clock } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { IgnitionKind } from '../plan/facts.ts'
import type { InstallNode, InstallPlan, MachineConfigServer } from '../plan/install.ts'
import { tokenPlaceholder } from '../plan/urls.ts'
import { createRepeatFilter, createJournal } from './journal.ts'
import type { Gate } from './gate.ts'
import { hashToken, judgeRead, judgeWord, newToken } from './guard.ts'
import type { BootAnswer, BootChoice, Installs, NodeRecord, Permission } from './installs.ts'
import { advance, begin, type Event, type State } from './machine.ts'
import type { Seen } from './observation.ts'
import type { Store } from './store.ts'

export type InstallsOptions = {
  /** Read once for each question. */
  readonly plan: () => InstallPlan
  readonly store: Store
  readonly gate: Pick<Gate, 'isOpen'>
  /** Whether what the site has for a node lets it begin: files that are there, Ignition that is young enough. */
  readonly canStartInstall: (node: string, role: IgnitionKind) => Permission | Promise<Permission>
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
}

/** @throws when the store cannot keep what the site declares */
export function createInstalls(options: InstallsOptions): Installs {
  const { plan, store, gate, canStartInstall: mayStart, log, counters, clock } = options
  const journal = createJournal(options)
  const isRepeated = createRepeatFilter()
  const lastSeen = new Map(store.lastSeen)

  if (store.loss !== undefined) {
    log.error({ reason: store.loss }, 'what was known of installations is lost: nodes boot from their disks')
  }
  declare()
  journal.write()

  /** Takes note of what the site says now. A node that is not declared any more keeps its state: it may come back. */
  function declare(): void {
    for (const node of plan().values()) {
      const state = journal.state(node.key)
      if (state === undefined) {
        journal.set(node.key, store.loss === undefined ? begin(node) : withoutPast(node, clock.now()))
        continue
      }
      if (state.mac !== node.mac) {
        log.warn(
          { node: node.key, mac: node.mac },
          'node has another MAC address: another machine, begun anew',
        )
      }
      move(node, { kind: 'declared', node })
    }
  }

  function stateOf(node: InstallNode): State {
    return journal.state(node.key) ?? begin(node)
  }

  function move(node: InstallNode, event: Event): State {
    const before = stateOf(node)
    const after = advance(before, event, clock.now())
    if (after !== before) journal.set(node.key, after)
    if (after.mode !== before.mode) {
      counters.increment(`install.${after.mode}`)
      const facts = { node: node.key, from: before.mode, to: after.mode, reason: after.reason }
      log[after.mode === 'failed' ? 'error' : 'info'](facts, 'node changed its mode')
      journal.note({ ...facts, kind: 'state' })
    }
    return after
  }

  function observe(seen: Seen): void {
    const node = plan().get(seen.node)
    if (node === undefined) return
    // What others say of it is no sight of it.
    if (seen.kind !== 'cluster') lastSeen.set(node.key, clock.now())
    if (!isRepeated(seen, clock.now())) journal.note(seen)
    const before = stateOf(node)
    for (const event of eventsOf(seen, node)) move(node, event)
    // Written at once: forgotten, it would let the disk be written a second time.
    if (stateOf(node) !== before) journal.write()
  }

  /** Why an installation that would begin now has to wait; undefined when none would begin, or nothing is in its way. */
  async function hold(node: InstallNode, choice: BootChoice): Promise<BootAnswer | undefined> {
    if (!isBegun(advance(stateOf(node), bootEvent(node, choice, '?'), clock.now()), '?')) return undefined
    const role = choice.role ?? node.role
    const permission = await mayStart(node.key, role)
    if (permission.kind === 'refused') return { kind: 'wait', reason: permission.reason, canSkip: false }
    const servers = node.waitsFor[role] ?? []
    if (choice.isSkipping || (await gate.isOpen(servers))) return undefined
    return { kind: 'wait', reason: waitReason(servers), canSkip: true }
  }

  async function boot(key: string, choice: BootChoice): Promise<BootAnswer> {
    const node = plan().get(key)
    if (node === undefined) return gone(key)
    const held = await hold(node, choice)
    if (held !== undefined) return held
    // From here to the answer nothing else happens; what did while the gate was asked, the machine knows.
    const token = newToken()
    const hash = hashToken(token)
    try {
      const after = journal.keep(key, () => move(node, bootEvent(node, choice, hash)))
      if (!isBegun(after, hash)) return answerOf(node, after, choice)
      if (after.attempt.earlier > 0) store.forgetProgress(key)
      return { kind: 'install', role: after.attempt.role, token }
    } catch (error) {
      log.error({ node: key, err: error }, 'a boot cannot be answered: the state cannot be written')
      const reason = 'the server cannot write down what it decides: its log says why'
      return { kind: 'wait', reason, canSkip: false }
    }
  }

  async function preview(key: string, choice: BootChoice): Promise<BootAnswer> {
    const node = plan().get(key)
    if (node === undefined) return gone(key)
    const held = await hold(node, choice)
    if (held !== undefined) return held
    const after = advance(stateOf(node), bootEvent(node, choice, '?'), clock.now())
    return isBegun(after, '?')
      ? { kind: 'install', role: after.attempt.role, token: tokenPlaceholder }
      : answerOf(node, after, choice)
  }

  function recordOf(node: InstallNode): NodeRecord {
    const state = advance(stateOf(node), { kind: 'time' }, clock.now())
    const { mode, since, reason, armedUntil, attempt } = state
    const seen = lastSeen.get(node.key)
    return {
      node: node.key,
      mode,
      since,
      reason,
      ...(armedUntil !== undefined && { armedUntil }),
      ...(attempt && {
        attempt: { role: attempt.role, startedAt: attempt.startedAt, earlier: attempt.earlier },
      }),
      ...(seen !== undefined && { lastSeen: seen }),
    }
  }

  return {
    observe(seen) {
      try {
        observe(seen)
      } catch (error) {
        counters.increment('install.bugs')
        log.error({ node: seen.node, err: error }, 'an observation could not be taken note of')
      }
    },
    boot,
    preview,
    mayRead(key, token, address, what) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const permission = judgeRead(node, stateOf(node), { token, address }, what, clock.now())
      if (permission.kind === 'allowed') move(node, { kind: 'asked' })
      return permission
    },
    callback(key, stage, token, { address, client }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const permission = judgeWord(node, stateOf(node), { token, address })
      if (permission.kind === 'refused') return permission
      lastSeen.set(key, clock.now())
      journal.keep(key, () => {
        journal.note({ node: key, kind: 'callback', stage, client })
        move(node, { kind: 'callback', stage })
      })
      return permission
    },
    command(key, command) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      try {
        if (command === 'forget') journal.forget(key)
        journal.keep(key, () => {
          journal.note({ node: key, kind: 'command', command })
          if (command === 'forget') journal.set(key, begin(node))
          else move(node, { kind: 'command', command })
        })
      } catch (error) {
        log.error({ node: key, err: error }, 'a command cannot be carried out: the state cannot be written')
        return { kind: 'refused', reason: `the state cannot be written: ${(error as Error).message}` }
      }
      if (command === 'forget') lastSeen.delete(key)
      log.info({ node: key, command }, 'node commanded')
      return { kind: 'done', record: recordOf(node) }
    },
    declare,
    list: () => [...plan().values()].map(recordOf),
    history: (node) => journal.history(node),
    subscribe: (each) => journal.subscribe(each),
    close: () => journal.close(),
  }
}

/** Whether its disk holds a system, nobody knows any more; so nothing may write it. */
function withoutPast(node: InstallNode, now: number): State {
  const reason = 'what was known of it is lost; slipway node install would install it'
  return { ...begin(node), mode: 'local', since: now, reason }
}

function bootEvent(node: InstallNode, { role }: BootChoice, tokenHash: string): Event {
  return { kind: 'boot', role: role ?? node.role, isChosen: role !== undefined, tokenHash }
}

/** Whether the attempt under way is the one with this token. */
function isBegun(state: State, tokenHash: string): state is State & Required<Pick<State, 'attempt'>> {
  return state.attempt?.tokenHash === tokenHash
}

/** To a network boot that begins no installation. */
function answerOf({ key }: InstallNode, { mode, reason }: State, { role }: BootChoice): BootAnswer {
  if (mode === 'failed') return { kind: 'failed', reason }
  if (mode === 'menu') return { kind: 'menu' }
  // Also while it installs: it is sent to its disk, to see whether that boots.
  if (role === undefined || mode === 'installing') return { kind: 'local' }
  const advice = `slipway node install ${key} arms it, slipway node menu ${key} lets it choose`
  return { kind: 'wait', reason: `it is not to be installed, its mode is ${mode}: ${advice}`, canSkip: false }
}

/** What it means for the node's installation. */
function eventsOf(seen: Seen, { lastFile }: InstallNode): readonly Event[] {
  if (isSystemStart(seen)) return [{ kind: 'system' }]
  if (seen.kind === 'cluster' && seen.word === 'ready' && seen.since !== undefined) {
    return [{ kind: 'ready', since: seen.since }]
  }
  if (seen.kind === 'ignition' && seen.outcome === 'sent' && seen.role !== 'live') {
    return [{ kind: 'read' }, { kind: 'delivered' }]
  }
  const isLast = seen.kind === 'file' && seen.outcome === 'sent' && seen.what === lastFile
  return isLast ? [{ kind: 'delivered' }] : []
}

function isSystemStart(seen: Seen): boolean {
  return seen.kind === 'dhcp' && seen.asker === 'system' && seen.isFresh && seen.answer === 'acknowledged'
}

/** `waits until ocp45/bs, ocp45/m1 or ocp45/m2 serves machine configuration (port 22623)` */
function waitReason(servers: readonly MachineConfigServer[]): string {
  const names = servers.map(({ node, address }) => `${node} (${address})`)
  const text = names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : names.join()
  return `waits until ${text} serves machine configuration on port 22623`
}

function gone(key: string): BootAnswer {
  return { kind: 'failed', reason: `the site has no node ${key} any more` }
}

function undeclared(key: string): Extract<Permission, { kind: 'refused' }> {
  return { kind: 'refused', reason: `the site has no node ${key}` }
}
