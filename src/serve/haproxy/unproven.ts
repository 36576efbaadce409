/**
 * What a reload makes HAProxy forget: its new process takes every server to be up until it has checked it, which may be
 * ten seconds later. A node that was down would get clients meanwhile, and so would an infra node whose router does not
 * run yet, while the workers that serve are its backups. Pure.
 */
import { serverKey, type Stat } from './stat.ts'

/**
 * Servers that have to pass their checks first: not checked yet, and not known to have been up before. None of a back end
 * in which nobody else is: there a guess is better than nobody. And none without a reload: a server that is put
 * back by telling is checked at once.
 *
 * @param before what HAProxy said last
 * @param backends names of ours; others' servers are left alone
 * @param isReloaded whether it was reloaded from here in between; others do so without a word
 */
export function unproven(
  before: readonly Stat[],
  after: readonly Stat[],
  backends: ReadonlySet<string>,
  isReloaded: boolean,
): Stat[] {
  const wasUp = new Set(before.filter(isUp).map(({ backend, server }) => serverKey(backend, server)))
  const isProven = ({ backend, server }: Stat): boolean => wasUp.has(serverKey(backend, server))
  const serving = after.filter((stat) => isUp(stat) && isProven(stat))
  // After a reload those that it knew are not checked either, or not all of them.
  if (!isReloaded && serving.every(({ isTested }) => isTested)) return []
  const served = new Set(serving.map(({ backend }) => backend))
  return after.filter(
    (stat) =>
      backends.has(stat.backend) &&
      served.has(stat.backend) &&
      isUp(stat) &&
      !stat.isTested &&
      !isProven(stat),
  )
}

function isUp({ status }: Stat): boolean {
  return status === 'UP'
}
