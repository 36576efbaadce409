/**
 * Machines with several MAC addresses. The record of a machine is that of its first MAC address. Records under its other
 * MAC addresses, from another order of the list or from an earlier entry, are evidence about the same machine. Pure.
 */
import type { InstallNode } from '../plan/install.ts'
import type { Observation } from './observation.ts'
import { declaredRest, without, type State } from './machine-state.ts'

type Macs = Pick<InstallNode, 'mac' | 'otherMacs'>

/** Finds the records of a machine by any of its MAC addresses, including those that it had before, or by its UUID. */
export type Relatives = {
  /** Adds a changed record to the index. */
  note(state: State): void
  /** Returns the MAC addresses under which a machine reported this SMBIOS UUID, now or before. */
  withUuid(uuid: string): readonly string[]
  /** Returns the MAC addresses of other records of the same machine; the records may be absent. */
  of(macs: Macs): readonly string[]
}

const none: readonly string[] = []

export function createRelatives(states: Iterable<State>): Relatives {
  /** Records by the MAC addresses under their `others`. */
  const holders = new Map<string, Set<string>>()

  const byUuid = new Map<string, Set<string>>()

  function note({ mac, uuid, others = {} }: State): void {
    if (uuid !== undefined) add(byUuid, uuid, mac)
    for (const other of Object.keys(others)) add(holders, other, mac)
  }

  for (const state of states) note(state)
  return {
    note,
    withUuid: (uuid) => [...(byUuid.get(uuid) ?? none)],
    of({ mac, otherMacs = none }) {
      if (otherMacs.length === 0 && !holders.has(mac)) return none
      const held = [mac, ...otherMacs].flatMap((each) => [...(holders.get(each) ?? none)])
      const found = new Set([...otherMacs, ...held])
      found.delete(mac)
      return [...found]
    },
  }
}

function add(index: Map<string, Set<string>>, key: string, mac: string): void {
  const known = index.get(key)
  if (known === undefined) index.set(key, new Set([mac]))
  else known.add(mac)
}

/**
 * Returns the record of a machine with what the records under its other MAC addresses show: each record that it does not
 * include yet, and each change of one that the site still declares for this machine.
 *
 * @returns `own` if there is nothing new
 */
export function withRelatives(own: State, { otherMacs = [] }: Macs, relatives: readonly State[]): State {
  const known = own.others ?? {}
  const news = relatives.filter(({ mac, since }) => {
    const included = known[mac]
    return included === undefined || (since > included && otherMacs.includes(mac))
  })
  const all = news.reduce(united, own)
  const unknown = otherMacs.filter((mac) => all.others?.[mac] === undefined)
  if (unknown.length === 0) return all
  return { ...all, others: { ...all.others, ...Object.fromEntries(unknown.map((mac) => [mac, 0])) } }
}

/** Returns what was observed of all MAC addresses of a machine, oldest first. */
export function observedOf(
  { mac, otherMacs }: Macs,
  historyOf: (mac: string) => readonly Observation[],
): readonly Observation[] {
  if (otherMacs === undefined) return historyOf(mac)
  return [mac, ...otherMacs].flatMap(historyOf).sort((a, b) => a.sequence - b.sequence)
}

/** The later record counts, but an arming by the site file never counts more than a record of what happened. */
function united(own: State, other: State): State {
  const isOther = !isAutomatic(other) && (isAutomatic(own) || other.since > own.since)
  const { revision, isUnshared, others } = own
  const base: State = {
    ...(isOther ? without(other, 'revision', 'isUnshared') : own),
    ...(revision !== undefined && { revision }),
    ...(isUnshared && { isUnshared }),
    mac: own.mac,
    others: { ...others, [other.mac]: other.since },
  }
  // An attempt in progress has started from all evidence at that time.
  if (base.mode === 'installing') return base
  const evidence = { ...own.evidence, ...other.evidence }
  const next: State = {
    ...base,
    wasInstalled: own.wasInstalled || other.wasInstalled,
    ...(Object.keys(evidence).length > 0 && { evidence }),
  }
  return isAutomatic(next) ? { ...without(next, 'code'), ...declaredRest(next) } : next
}

/** Returns whether only the site file decided what the machine does. */
function isAutomatic({ mode, armed, since }: State): boolean {
  return since === 0 || (mode === 'install' && armed === undefined)
}
