/**
 * The installations of all machines: requests go through the state machine, and its decisions are recorded before they
 * take effect.
 */
import { defined } from '../text/defined.ts'
import { bootEpoch, type Clock } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { InstallRole } from '../plan/facts.ts'
import type { InstallNode, InstallPlan } from '../plan/install.ts'
import { tokenPlaceholder } from '../plan/urls.ts'
import {
  answerDisk,
  answerOf,
  isInstalling,
  notDeclared,
  notWritable,
  undeclared,
  waitFor,
  waitReason,
} from './answers.ts'
import type { BootEvent } from './decide-boot.ts'
import { createDiskProblems } from './disk-problems.ts'
import type { Gate } from './gate.ts'
import {
  checkCallback,
  checkDiskReport,
  checkRead,
  hashToken,
  newToken,
  startedTokenOf,
  type CallbackPermission,
} from './guard.ts'
import type { BootAnswer, BootChoice, Installs, Permission } from './installs.ts'
import { createJournal } from './journal.ts'
import { advance, decide } from './machine.ts'
import { createLocalRecorder, NotRecorded } from './recorder.ts'
import { createRecords } from './records.ts'
import { observedOf } from './relatives.ts'
import { createSharedRecorder, type SharedStore } from './shared/recorder.ts'
import type { Store } from './store.ts'

export type InstallsOptions = {
  /** Read once for each request. */
  readonly plan: () => InstallPlan
  readonly store: Store
  readonly gate: Pick<Gate, 'isOpen'>
  /** Whether the files for an installation exist and are recent enough. */
  readonly canStartInstall: (node: string, role: InstallRole) => Permission | Promise<Permission>
  /** Whether the cluster of a node was asked for its nodes, or there is none that could answer; the default is yes. */
  readonly isClusterRead?: (node: string) => boolean
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Identifies the boot of this machine. */
  readonly epoch?: string
  /** Store that the appliances of the site share; without it, this appliance decides alone. */
  readonly shared?: SharedStore
}

/** A machine that would be installed boots its disk after waiting this long for the shared store. */
const storeWaitMs = 60_000

export function createInstalls(options: InstallsOptions): Installs {
  const { plan, store, gate, canStartInstall, log, clock } = options
  const { epoch = bootEpoch(), isClusterRead = () => true } = options
  const journal = createJournal(options)
  const { shared } = options
  const recorder =
    shared === undefined
      ? createLocalRecorder(journal, clock)
      : createSharedRecorder({ ...options, ...shared, epoch, journal })
  const records = createRecords({ ...options, epoch, journal, recorder })
  const { now, stateOf, move, tryToWrite } = records

  /** When each machine began to wait for the shared store. */
  const waiting = new Map<string, number>()
  const diskProblems = createDiskProblems()

  records.declare()
  tryToWrite()

  /** Without a token: {@link withToken} adds it to the event that starts an installation. */
  function bootEvent(node: InstallNode, { role }: BootChoice, isNode: boolean): BootEvent {
    const { requiresExchange, isMenuAutomatic, isInstaller, needsConsent = false } = node
    return {
      kind: 'boot',
      role: role ?? node.role,
      isChosen: role !== undefined,
      isDeliberate: !isMenuAutomatic,
      tokenHash: '',
      requiresExchange: isNode && requiresExchange,
      ...{ isInstaller, needsConsent },
      isClusterRead: isClusterRead(node.key),
      isKnownByUuid: records.sameMachine(node) !== undefined,
      isRecordable: store.isRecordable,
    }
  }

  function withToken(event: BootEvent, token: string): BootEvent {
    const startedHash = hashToken(startedTokenOf(token, store.secret))
    return { ...event, tokenHash: hashToken(token), startedHash }
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
    // The DHCP exchange of iPXE just before can still wait until an earlier change of the record is written.
    await recorder.settled(node.mac)
    const event = bootEvent(node, choice, true)
    const held = await hold(node, event, choice.isSkipping)
    if (held !== undefined) {
      // Nothing starts; the machine is known to wait in its script.
      recorder.inTurn(node.mac, () => void move(node, { ...event, isRecordable: false }))
      return held
    }
    // The state has the events that happened during the wait.
    if (!isInstalling(decide(stateOf(node), event, now())))
      return bootWithoutInstallation(node, event, choice)
    try {
      const token = newToken()
      const start = withToken(bootEvent(node, choice, true), token)
      const answer = await recorder.commit(node.mac, () => {
        const decision = decide(stateOf(node), start, now())
        const after = move(node, start)
        if (decision.kind === 'resume') tryToForgetProgress(node)
        return answerOf(node, decision, after, choice, isInstalling(decision) ? token : '')
      })
      waiting.delete(node.mac)
      return answer
    } catch (error) {
      return notStarted(node, error as Error)
    }
  }

  /** An installation that cannot be recorded waits. Without the shared store, the disk may already have been written. */
  function notStarted(node: InstallNode, error: Error): BootAnswer {
    const code = error instanceof NotRecorded ? error.code : 'state.not-writable'
    log.error({ node: node.key, reason: error.message, code }, 'installation not started')
    if (code !== 'store.unreachable') return waitFor(code)
    const since = waiting.get(node.mac) ?? clock.monotonic()
    if (clock.monotonic() - since < storeWaitMs) {
      waiting.set(node.mac, since)
      return waitFor(code)
    }
    waiting.delete(node.mac)
    return { kind: 'local', code }
  }

  async function bootWithoutInstallation(
    node: InstallNode,
    event: BootEvent,
    choice: BootChoice,
  ): Promise<BootAnswer> {
    const decision = decide(stateOf(node), event, now())
    const before = stateOf(node)
    const after = move(node, event)
    if (after.mode !== before.mode || after.attempt !== before.attempt) await recorder.record()
    return answerOf(node, decision, after, choice, '')
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
    const event = bootEvent(node, choice, false)
    const held = await hold(node, event, choice.isSkipping)
    if (held !== undefined) return held
    const state = stateOf(node)
    const decision = decide(state, event, now())
    return answerOf(node, decision, advance(state, event, now()), choice, tokenPlaceholder)
  }

  return {
    observe: (seen, repeated) => records.observe(seen, repeated),
    boot,
    preview,
    async mayRead(key, { token, address, what, isHead }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const isIgnition = what !== 'live' && what !== 'initramfs' && what !== 'handover'
      const isLast = isIgnition ? node.lastFile === 'ignition' : what === node.lastFile
      const request = { kind: 'request', isLast } as const
      const check = (): Permission => checkRead(node, stateOf(node), { token, address }, what, now())
      const permission = check()
      if (permission.kind === 'refused' || isHead || stateOf(node).mode !== 'installing') return permission
      if (what === 'live') {
        recorder.inTurn(node.mac, () => void move(node, request))
        return permission
      }
      // The disk may be written once the last file is sent, so that must be recorded first.
      return recorder.commit(node.mac, () => {
        const latest = check()
        if (latest.kind === 'allowed') move(node, request)
        return latest
      })
    },
    startedToken: (token) => startedTokenOf(token, store.secret),
    async callback(key, stage, token, { address, client }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const check = (): CallbackPermission => checkCallback(node, stateOf(node), { token, address })
      const early = check()
      if (early.kind === 'refused') return early
      return recorder.commit(
        node.mac,
        (): Permission => {
          const permission = check()
          if (permission.kind === 'refused') return permission
          records.seen(node)
          journal.note(node.mac, { node: key, kind: 'callback', stage, client })
          move(node, { kind: 'callback', stage, isProof: permission.isProof })
          return { kind: 'allowed' }
        },
        false,
      )
    },
    async checkDisk(key, report, token, { address, client }) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      const check = (): CallbackPermission => checkDiskReport(node, stateOf(node), { token, address })
      const early = check()
      if (early.kind === 'refused') return early
      return recorder.commit(node.mac, () => {
        const before = stateOf(node)
        const permission = check()
        if (permission.kind === 'refused') return permission
        records.seen(node)
        const { answer, event, problem } = answerDisk(node, before, report)
        if (diskProblems.note(key, problem)) log.warn({ node: key, reason: problem }, 'disk not selected')
        // The live system repeats its report until it gets the permission.
        if (event === undefined || move(node, event) === before) return answer
        const stage = answer.kind === 'proceed' ? 'disk-clear' : 'disk-kept'
        journal.note(node.mac, { node: key, kind: 'callback', stage, client, reason: answer.text })
        log.info({ node: key, stage, reason: answer.text }, 'disk checked')
        return answer
      })
    },
    async command(key, command, by) {
      const node = plan().get(key)
      if (node === undefined) return undeclared(key)
      if (!store.isRecordable) return notWritable(store.problems.map(({ text }) => text).join('; '))
      try {
        await recorder.commit(node.mac, () => {
          if (command === 'forget') {
            journal.set(node.mac, records.blank(node))
            return
          }
          journal.note(node.mac, { node: key, kind: 'command', command, ...defined({ by }) })
          move(node, { kind: 'command', command })
        })
        if (command === 'forget')
          journal.forget(node.mac, { node: key, kind: 'command', command, ...defined({ by }) })
      } catch (error) {
        const code = error instanceof NotRecorded ? error.code : 'state.not-writable'
        log.error({ node: key, err: error, code }, 'command not executed')
        const reason = (error as Error).message
        return code === 'state.not-writable' ? notWritable(reason) : { kind: 'refused', code, reason }
      }
      records.settle(node, command === 'forget')
      log.info({ node: key, command }, 'node command executed')
      return { kind: 'done', record: records.published(node) }
    },
    declare: () => records.declare(),
    previewRecord: (node) => records.preview(node),
    list: () => [...plan().values()].map((node) => records.published(node)),
    history(key) {
      const node = plan().get(key)
      return node === undefined ? [] : observedOf(node, (mac) => journal.history(mac))
    },
    after(sequence, limit, key) {
      if (key === undefined) return journal.after(sequence, limit)
      const node = plan().get(key)
      if (node === undefined) return []
      return observedOf(node, (mac) => journal.after(sequence, limit, mac)).slice(0, limit)
    },
    problems: () => [...records.problems(), ...diskProblems.list(plan().values(), stateOf)],
    acceptLoss() {
      if (!store.isRecordable) return
      store.acceptLoss()
      recorder.accept()
      records.acceptLoss()
      log.info({}, 'state loss accepted')
    },
    backup(target) {
      tryToWrite()
      store.backup(target)
    },
    subscribe: (each) => journal.subscribe(each),
    close() {
      recorder.close()
      journal.close()
    },
  }
}
