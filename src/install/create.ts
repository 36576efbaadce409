/**
 * The installations of all machines: requests and observations go through the state machine, and its decisions are
 * recorded before anyone learns of them. Records belong to machines (MAC addresses); the site gives them names.
 */
import type { Clock } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { IgnitionKind } from '../plan/facts.ts'
import type { InstallNode, InstallPlan } from '../plan/install.ts'
import { tokenPlaceholder } from '../plan/urls.ts'
import type { StateProblem } from './codes.ts'
import { answerOf, isInstalling, notDeclared, notWritable, undeclared, waitReason } from './answers.ts'
import type { BootEvent } from './boot-facts.ts'
import { eventsOf, isOfNode } from './events.ts'
import type { Gate } from './gate.ts'
import { checkCallback, checkRead, hashToken, newToken, startedTokenOf } from './guard.ts'
import { decideDisk } from './decide-disk.ts'
import { diskAnswer, diskEvent, diskPermission, keptDisk } from './disk-answers.ts'
import type { BootAnswer, BootChoice, Installs, Permission } from './installs.ts'
import { createJournal } from './journal.ts'
import { advance, decide, type Event } from './machine.ts'
import { initialState, type State } from './machine-state.ts'
import { bootEpoch, momentOf, type Moment } from './moment.ts'
import type { Seen } from './observation.ts'
import { recordOf } from './record.ts'
import type { Store } from './store.ts'

export type InstallsOptions = {
  /** Read once for each request. */
  readonly plan: () => InstallPlan
  readonly store: Store
  readonly gate: Pick<Gate, 'isOpen'>
  /** Whether the files for an installation exist and are recent enough. */
  readonly canStartInstall: (node: string, role: IgnitionKind) => Permission | Promise<Permission>
  /** Whether the cluster of a node was asked for its nodes, or there is none that could answer; the default is yes. */
  readonly isClusterRead?: (node: string) => boolean
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Identifies the boot of this machine. */
  readonly epoch?: string
}

export function createInstalls(options: InstallsOptions): Installs {
  const { plan, store, gate, canStartInstall, log, counters, clock } = options
  const { epoch = bootEpoch(), isClusterRead = () => true } = options
  const journal = createJournal(options)
  const lastSeen = new Map(store.lastSeen)
  let { incomplete, problems: stateProblems } = store
  /** Machines that appeared under the name of another one. */
  const replaced = new Map<string, StateProblem>()

  for (const { code, text } of stateProblems) log.error({ code, reason: text }, 'state problem')
  declare()
  tryToWrite()

  function now(): Moment {
    return momentOf(clock, epoch)
  }

  /** Reads the active plan. A machine that is no longer declared keeps its record. */
  function declare(): void {
    const declared = new Set([...plan().values()].map(({ mac }) => mac))
    for (const node of plan().values()) {
      const state = journal.state(node.mac)
      if (state !== undefined) {
        move(node, { kind: 'declared', node })
        continue
      }
      const earlier = [...journal.states().values()].find((each) => each.node === node.key)
      if (earlier !== undefined && !declared.has(earlier.mac)) reportReplaced(node, earlier)
      journal.set(node.mac, initialState(node, incomplete))
    }
  }

  function reportReplaced({ key, mac }: InstallNode, earlier: State): void {
    const text = `${key} is another machine now: its MAC address is ${mac}, before it was ${earlier.mac}`
    replaced.set(key, { code: 'install.machine-replaced', text })
    log.warn(
      { node: key, mac, earlier: earlier.mac, code: 'install.machine-replaced' },
      'node has another machine',
    )
  }

  function stateOf(node: InstallNode): State {
    return journal.state(node.mac) ?? initialState(node, incomplete)
  }

  function move(node: InstallNode, event: Event): State {
    const before = stateOf(node)
    const after = advance(before, event, now())
    if (after !== before) journal.set(node.mac, after)
    if (after.mode !== before.mode) {
      counters.increment(`install.${after.mode}`)
      const { mode: to, reason, code } = after
      const facts = { node: node.key, from: before.mode, to, reason }
      log[to === 'failed' ? 'error' : 'info']({ ...facts, code }, 'node state changed')
      journal.note(node.mac, { ...facts, kind: 'state' })
    }
    return after
  }

  /** Writes at once; what cannot be written now stays in memory and is written later. */
  function tryToWrite(): void {
    try {
      journal.write()
    } catch {
      // The journal logged it and tries again.
    }
  }

  function observe(seen: Seen): void {
    const node = plan().get(seen.node)
    if (node === undefined || !isOfNode(seen, node)) return
    // Reports of the cluster are not signs of the machine itself.
    if (seen.kind !== 'cluster') lastSeen.set(node.mac, clock.now())
    journal.note(node.mac, seen)
    const before = stateOf(node)
    for (const event of eventsOf(seen, node)) move(node, event)
    const { mode, attempt, evidence, readySince } = stateOf(node)
    // Evidence that is lost could let the disk be written a second time. If the Ready condition is lost, the next
    // installation takes it for its own.
    const isDecision = mode !== before.mode || attempt !== before.attempt
    // Outside of an attempt, a DHCP message is a hint that its sender repeats. A write for each of a thousand machines
    // that request their addresses at once would hold up their replies.
    if (seen.kind === 'dhcp' && before.attempt === undefined) return
    if (isDecision || evidence !== before.evidence || readySince !== before.readySince) tryToWrite()
  }

  function bootEvent(node: InstallNode, { role }: BootChoice, token: string, isNode: boolean): BootEvent {
    const { requiresExchange, isMenuAutomatic, isInstaller } = node
    return {
      ...{ kind: 'boot', role: role ?? node.role, isChosen: role !== undefined },
      isConscious: !isMenuAutomatic,
      tokenHash: hashToken(token),
      startedHash: hashToken(startedTokenOf(token, store.secret)),
      requiresExchange: isNode && requiresExchange,
      isInstaller,
      isClusterRead: isClusterRead(node.key),
      isRecordable: store.isRecordable,
    }
  }

  /** Returns why an installation has to wait; undefined if none would start, or nothing prevents it. */
  async function hold(
    node: InstallNode,
    event: BootEvent,
    isSkipping: boolean,
  ): Promise<BootAnswer | undefined> {
    if (!isInstalling(decide(stateOf(node), event, now()))) return undefined
    const { role } = event
    const permission = await canStartInstall(node.key, role)
    if (permission.kind === 'refused') {
      return { kind: 'wait', reason: permission.reason, code: permission.code, canSkip: false }
    }
    const servers = node.waitsFor[role] ?? []
    if (isSkipping || (await gate.isOpen(servers))) return undefined
    return { kind: 'wait', reason: waitReason(servers), code: 'boot.waits-for-server', canSkip: true }
  }

  async function boot(key: string, choice: BootChoice): Promise<BootAnswer> {
    const node = plan().get(key)
    if (node === undefined) return notDeclared(key)
    const token = newToken()
    const event = bootEvent(node, choice, token, true)
    const held = await hold(node, event, choice.isSkipping)
    if (held !== undefined) {
      // Nothing starts; the machine is known to wait in its script.
      move(node, { ...event, isRecordable: false })
      return held
    }
    // No other event can happen from here to the answer; the state has those that happened during the wait.
    const decision = decide(stateOf(node), event, now())
    if (!isInstalling(decision)) {
      const before = stateOf(node)
      const after = move(node, event)
      if (after.mode !== before.mode || after.attempt !== before.attempt) tryToWrite()
      return answerOf(node, decision, after, choice, '')
    }
    try {
      const after = journal.keep(node.mac, () => move(node, event))
      if (decision.kind === 'resume') tryToForgetProgress(node)
      return answerOf(node, decision, after, choice, token)
    } catch (error) {
      log.error({ node: key, err: error, code: 'state.not-writable' }, 'installation not started')
      return answerOf(node, { kind: 'wait', code: 'state.not-writable' }, stateOf(node), choice, '')
    }
  }

  function tryToForgetProgress({ mac, key }: InstallNode): void {
    try {
      store.forgetProgress(mac)
    } catch (error) {
      log.warn({ node: key, err: error }, 'progress reports not deleted')
    }
  }

  async function preview(key: string, choice: BootChoice): Promise<BootAnswer> {
    const node = plan().get(key)
    if (node === undefined) return notDeclared(key)
    const event = bootEvent(node, choice, tokenPlaceholder, false)
    const held = await hold(node, event, choice.isSkipping)
    if (held !== undefined) return held
    const state = stateOf(node)
    const decision = decide(state, event, now())
    return answerOf(node, decision, advance(state, event, now()), choice, tokenPlaceholder)
  }

  function record(node: InstallNode) {
    return recordOf(node.key, advance(stateOf(node), { kind: 'time' }, now()), lastSeen.get(node.mac))
  }

  return {
    observe(seen) {
      try {
        observe(seen)
      } catch (error) {
        counters.increment('install.bugs')
        log.error({ node: seen.node, err: error }, 'observation not recorded')
      }
    },
    boot,
    preview,
    mayRead(key, { token, address, what, isHead }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const permission = checkRead(node, stateOf(node), { token, address }, what, now())
      if (permission.kind === 'refused' || isHead || stateOf(node).mode !== 'installing') return permission
      const isLast = node.lastFile === 'ignition' && what !== 'live' && what !== 'initramfs'
      const request = { kind: 'request', isLast } as const
      // The disk may be written once the last file is sent, so that must be on our disk first.
      if (what === 'live') move(node, request)
      else journal.keep(node.mac, () => move(node, request))
      return permission
    },
    startedToken: (token) => startedTokenOf(token, store.secret),
    callback(key, stage, token, { address, client }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const permission = checkCallback(node, stateOf(node), { token, address })
      if (permission.kind === 'refused') return permission
      lastSeen.set(node.mac, clock.now())
      journal.keep(node.mac, () => {
        journal.note(node.mac, { node: key, kind: 'callback', stage, client })
        move(node, { kind: 'callback', stage, isProof: permission.isProof })
      })
      return { kind: 'allowed' }
    },
    checkDisk(key, report, token, { address, client }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const state = stateOf(node)
      const permission = checkCallback(node, state, { token, address })
      if (permission.kind === 'refused') return permission
      lastSeen.set(node.mac, clock.now())
      const decision = decideDisk(report, diskPermission(node, state))
      const answer = diskAnswer(node, decision)
      const event = diskEvent(decision)
      if (event === undefined) return answer
      const before = stateOf(node)
      journal.keep(node.mac, () => {
        const after = move(node, event)
        // The live system repeats its report until it gets the permission.
        if (after === before) return
        const stage = decision.kind === 'proceed' ? 'disk-clear' : 'disk-kept'
        journal.note(node.mac, { node: key, kind: 'callback', stage, client, reason: answer.text })
        log.info({ node: key, stage, reason: answer.text }, 'disk checked')
      })
      return answer
    },
    command(key, command) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      if (!store.isRecordable) return notWritable(store.problems.map(({ text }) => text).join('; '))
      try {
        if (command === 'forget') journal.forget(node.mac)
        journal.keep(node.mac, () => {
          journal.note(node.mac, { node: key, kind: 'command', command })
          if (command === 'forget') journal.set(node.mac, initialState(node))
          else move(node, { kind: 'command', command })
        })
      } catch (error) {
        log.error({ node: key, err: error, code: 'state.not-writable' }, 'command not executed')
        return notWritable((error as Error).message)
      }
      replaced.delete(key)
      if (command === 'forget') lastSeen.delete(node.mac)
      log.info({ node: key, command }, 'node command executed')
      return { kind: 'done', record: record(node) }
    },
    declare,
    list: () => [...plan().values()].map(record),
    history(key) {
      const node = plan().get(key)
      return node === undefined ? [] : journal.history(node.mac)
    },
    after(sequence, limit, key) {
      if (key === undefined) return journal.after(sequence, limit)
      const node = plan().get(key)
      return node === undefined ? [] : journal.after(sequence, limit, node.mac)
    },
    problems: () => [
      ...[...stateProblems, ...journal.problems(), ...replaced.values()],
      ...[...plan().values()].flatMap((node) => keptDisk(node, stateOf(node))),
    ],
    acceptLoss() {
      if (!store.isRecordable) return
      store.acceptLoss()
      incomplete = undefined
      stateProblems = []
      replaced.clear()
      log.info({}, 'state loss accepted')
    },
    backup: (target) => store.backup(target),
    subscribe: (each) => journal.subscribe(each),
    close: () => journal.close(),
  }
}
