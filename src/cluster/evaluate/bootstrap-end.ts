/**
 * Evaluates whether a bootstrap is complete: by the ConfigMap that openshift-install waits for, or, while there is no
 * kubeconfig, by the health checks of all masters. Pure.
 */
import { isBootstrapComplete, textOf, type ConfigMap } from '../objects.ts'

/** How long all masters have to pass: while the first revisions roll out, their API servers restart. */
export const stableForMs = 3 * 60_000

/** @param installedFrom when the bootstrap was last installed: an older ConfigMap is of the installation before */
export function isComplete(configMaps: readonly ConfigMap[], installedFrom: number | undefined): boolean {
  return configMaps.some((configMap) => {
    const createdAt = Date.parse(textOf(configMap.metadata?.creationTimestamp))
    const isOlder = installedFrom !== undefined && !(createdAt >= installedFrom)
    return !isOlder && isBootstrapComplete(configMap)
  })
}

export type CheckHistory = {
  /** Since when all checks pass, by the monotonic clock. */
  readonly passingSinceMs?: number
  /** False while the checks that pass may be of the installation before. */
  readonly counts: boolean
}

export function startChecks(installedFrom: number | undefined): CheckHistory {
  return { counts: installedFrom === undefined }
}

/** @param isPassing whether every master passes @param nowMs of the monotonic clock */
export function addCheck(history: CheckHistory, isPassing: boolean, nowMs: number): CheckHistory {
  // Masters that are being installed do not answer.
  const counts = history.counts || !isPassing
  return isPassing && counts ? { counts, passingSinceMs: history.passingSinceMs ?? nowMs } : { counts }
}

export function hasPassed({ passingSinceMs }: CheckHistory, nowMs: number): boolean {
  return passingSinceMs !== undefined && nowMs - passingSinceMs >= stableForMs
}
