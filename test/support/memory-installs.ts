/** Installations in memory: what is observed is kept and passed on, and commands set the mode without any rules. */
import type { Installs, NodeRecord } from '../../src/install/installs.ts'
import type { Mode } from '../../src/install/node-states.ts'
import type { NodeCommand, Observation, Seen } from '../../src/install/observation.ts'

export type MemoryInstalls = Installs & {
  /** Takes over a life that was told, and where it led to. */
  remember(observations: readonly Observation[], record?: Partial<NodeRecord>): void
  /** What the next commands are refused with. */
  refuseWith(reason: string | undefined): void
}

const modes: Readonly<Record<NodeCommand, Mode>> = {
  install: 'install',
  local: 'local',
  menu: 'menu',
  forget: 'install',
}

export function memoryInstalls(
  nodes: readonly string[],
  now: () => number = () => Date.now(),
): MemoryInstalls {
  const records = new Map<string, NodeRecord>(
    nodes.map((node) => [
      node,
      { node, mode: 'install', since: 0, reason: 'the site file sets boot: install' },
    ]),
  )
  const histories = new Map<string, Observation[]>()
  const readers = new Set<(observation: Observation) => void>()
  let sequence = 0
  let refusal: string | undefined

  function keep(seen: Seen, at: number): void {
    const observation: Observation = { ...seen, at, sequence: ++sequence }
    histories.set(seen.node, [...(histories.get(seen.node) ?? []), observation])
    const record = records.get(seen.node)
    if (record !== undefined) records.set(seen.node, { ...record, lastSeen: at })
    for (const read of readers) read(observation)
  }

  return {
    observe: (seen) => keep(seen, now()),
    remember(observations, record) {
      for (const { at, ...seen } of observations) keep(seen, at)
      const node = observations[0]?.node ?? record?.node ?? ''
      records.set(node, { ...(records.get(node) as NodeRecord), ...record })
    },
    refuseWith: (reason) => void (refusal = reason),
    boot: () => Promise.resolve({ kind: 'menu' }),
    preview: () => Promise.resolve({ kind: 'menu' }),
    declare() {},
    previewRecord: ({ key }) => records.get(key) as NodeRecord,
    mayRead: () => Promise.resolve({ kind: 'allowed' }),
    startedToken: (token) => token,
    callback: () => Promise.resolve({ kind: 'allowed' }),
    checkDisk: () => Promise.resolve({ kind: 'proceed', text: 'the installer starts: the disk is empty' }),
    async command(node, command, by) {
      await Promise.resolve()
      if (refusal !== undefined) return { kind: 'refused', code: 'state.not-writable', reason: refusal }
      const before = records.get(node) as NodeRecord
      const reason = `command ${command} of the operator`
      records.set(node, { ...before, mode: modes[command], since: now(), reason })
      if (command === 'forget') histories.delete(node)
      keep({ node, kind: 'command', command, ...(by === undefined ? {} : { by }) }, now())
      return { kind: 'done', record: records.get(node) as NodeRecord }
    },
    list: () => [...records.values()],
    history: (node) => histories.get(node) ?? [],
    after: (sequence, limit, node) =>
      [...histories.values()]
        .flat()
        .filter((each) => each.sequence > sequence && (node === undefined || each.node === node))
        .sort((a, b) => a.sequence - b.sequence)
        .slice(0, limit),
    problems: () => [],
    acceptLoss() {},
    backup() {},
    subscribe(each) {
      readers.add(each)
      return () => void readers.delete(each)
    },
    close() {},
  }
}
