/**
 * Nodes that an administrator drained in the load balancer, until the administrator enables them again. A record in the
 * state directory keeps them across restarts.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../host/clock.ts'
import { writeAtomically } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import type { MemberModel } from '../../plan/model.ts'
import type { Applied } from './apply.ts'
import type { Balancer } from './balancer.ts'
import type { HaproxyCode } from './codes.ts'

export type DrainedNode = {
  /** Its key. */
  readonly node: string
  /** Milliseconds since 1970. */
  readonly since: number
  /** The user who drained it, for example `token:ansible`. */
  readonly by: string
}

export type Drained = ReadonlyMap<string, DrainedNode>

/** `applied`: the result of the change in HAProxy. `drained` is absent after a node was enabled. */
export type DrainOutcome =
  | { readonly kind: 'done'; readonly applied: Applied; readonly drained?: DrainedNode }
  | { readonly kind: 'refused'; readonly code: HaproxyCode; readonly reason: string }

export type Drains = {
  /** Returns the drained nodes that the active plan declares. */
  list(): readonly DrainedNode[]
  /** Sends no new connections to a node. @returns undefined for an undeclared node */
  drain(node: string, by: string): Promise<DrainOutcome | undefined>
  /** Sends connections to a node again. @returns as {@link Drains.drain} */
  enable(node: string): Promise<DrainOutcome | undefined>
}

export type DrainsOptions = {
  readonly balancer: Pick<Balancer, 'drain' | 'enable'>
  readonly plan: () => {
    readonly members: readonly MemberModel[]
    readonly haproxy: HaproxyPlan | undefined
  }
  /** The record of an earlier process. */
  readonly drained: Drained
  /** State directory; without it, the drained nodes are enabled again by the next start. */
  readonly directory: string | undefined
  readonly clock: Pick<Clock, 'now'>
}

const fileName = 'drained-nodes.json'
const version = 1

export function createDrains({ balancer, plan, directory, clock, ...options }: DrainsOptions): Drains {
  let drained = options.drained
  let previous: Promise<unknown> = Promise.resolve()

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = previous.then(act)
    previous = result.catch(() => undefined)
    return result
  }

  async function keep(next: Drained): Promise<void> {
    if (directory !== undefined) {
      const text = JSON.stringify({ version, nodes: [...next.values()] }, undefined, 2)
      await writeAtomically(join(directory, fileName), `${text}\n`, 0o600)
    }
    drained = next
  }

  /** Returns why a command for the node is refused. */
  function refusal({ key, cluster, role }: MemberModel): DrainOutcome | undefined {
    if (role === 'bootstrap') {
      const reason = `${key} is a bootstrap: use slipway cluster bootstrap out ${cluster}, or keep`
      return { kind: 'refused', code: 'haproxy.bootstrap-node', reason }
    }
    const isBalanced = plan().haproxy?.backends.some(({ servers }) =>
      servers.some(({ node }) => node === key),
    )
    if (isBalanced === true) return undefined
    return {
      kind: 'refused',
      code: 'haproxy.node-not-balanced',
      reason: `no backend of the load balancer contains ${key}`,
    }
  }

  async function drain(node: string, by: string): Promise<DrainOutcome> {
    const done = await balancer.drain(node)
    if (done.outcome === 'kept') return { kind: 'refused', code: done.code, reason: done.reason }
    const entry = drained.get(node) ?? { node, since: clock.now(), by }
    try {
      await keep(new Map(drained).set(node, entry))
    } catch (error) {
      // A restart would enable it without a notice.
      await balancer.enable(node)
      return notWritten(error)
    }
    return { kind: 'done', applied: done, drained: entry }
  }

  async function enable(node: string): Promise<DrainOutcome> {
    const next = new Map(drained)
    next.delete(node)
    try {
      await keep(next)
    } catch (error) {
      return notWritten(error)
    }
    return { kind: 'done', applied: await balancer.enable(node) }
  }

  async function command(
    key: string,
    act: (node: string) => Promise<DrainOutcome>,
  ): Promise<DrainOutcome | undefined> {
    const member = plan().members.find((each) => each.key === key)
    return member && (refusal(member) ?? (await inTurn(() => act(key))))
  }

  return {
    list: () => plan().members.flatMap(({ key }) => drained.get(key) ?? []),
    drain: (key, by) => command(key, (node) => drain(node, by)),
    enable: (key) => command(key, enable),
  }
}

function notWritten(error: unknown): DrainOutcome {
  return {
    kind: 'refused',
    code: 'haproxy.drain-not-recorded',
    reason: `the record of drained nodes cannot be written: ${(error as Error).message}`,
  }
}

/** Reads the record. Never rejects: a record that cannot be read is reported, and no node is drained. */
export async function readDrained(directory: string | undefined, log: Pick<Log, 'error'>): Promise<Drained> {
  if (directory === undefined) return new Map()
  const file = join(directory, fileName)
  try {
    const saved = JSON.parse(await readFile(file, 'utf8')) as { version?: unknown; nodes?: unknown }
    if (saved.version !== version || !Array.isArray(saved.nodes) || !saved.nodes.every(isEntry))
      throw new Error('it has an unknown form')
    return new Map(saved.nodes.map((entry) => [entry.node, entry]))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') {
      const facts = { file, code: 'haproxy.drain-record-unreadable' satisfies HaproxyCode, reason: message }
      log.error(facts, 'record of drained nodes unreadable, no node is drained')
    }
    return new Map()
  }
}

function isEntry(value: unknown): value is DrainedNode {
  if (typeof value !== 'object' || value === null) return false
  const { node, since, by } = value as Record<string, unknown>
  return typeof node === 'string' && typeof since === 'number' && typeof by === 'string'
}
