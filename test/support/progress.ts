/** Clusters that are tracked with an API that a test plays by hand, and a clock that it moves. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { everyStage } from '../../src/cluster/evaluate/stages.ts'
import type { NodeObject } from '../../src/cluster/objects.ts'
import { trackProgress, type Progress, type TrackedCluster } from '../../src/cluster/progress.ts'
import { createLog } from '../../src/host/log.ts'
import { condition, nodeObject } from './cluster-objects.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryApi } from './memory-api.ts'
import { memorySession, testKubeconfig } from './session.ts'

const minute = 60_000

/** `c1` with a bootstrap, m1 and w1. */
export function progressRig(t: Test, directory = t.testdir({})) {
  const clock = fakeClock(start)
  const api = memoryApi()
  const lines: { msg: string; reason?: string }[] = []
  const log = createLog('info', { write: (text) => void lines.push(JSON.parse(text) as { msg: string }) })
  /** The calls of `onMember`. */
  const calls: string[] = []
  const kubeconfig = testKubeconfig()
  const openSession = () => memorySession(api, { clock, log, kubeconfig })
  const session = openSession()
  const declared = (more: Partial<TrackedCluster> = {}, names = ['m1', 'w1']): TrackedCluster => {
    const members = names.map((name) => ({ key: `c1/${name}`, name, fqdn: `${name}.c1.example.net` }))
    return { name: 'c1', session, members, stages: everyStage(members, true), ...more }
  }
  const track = async (clusters: readonly TrackedCluster[] = [declared()]) => {
    const progress = await trackProgress({
      clusters,
      directory,
      clock,
      log,
      onMember: (key, node: NodeObject | undefined) =>
        void calls.push(`${key} ${node === undefined ? 'absent' : 'present'}`),
    })
    await settle()
    return progress
  }
  /** Moves time on by `ms`, one second at a time. */
  const pass = async (ms: number) => {
    await settle()
    for (let passed = 0; passed < ms; passed += 1000) {
      clock.advance(1000)
      await settle()
    }
  }
  return {
    api,
    clock,
    lines,
    calls,
    kubeconfig,
    session,
    openSession,
    declared,
    track,
    pass,
    directory,
    path: join(directory, 'clusters.json'),
  }
}

/** The first time of the clock, in milliseconds since 1970. */
export const start = Date.UTC(2026, 0, 1, 12)

/** Ready since 30 min after that. */
export const ready = (name: string) =>
  nodeObject(`${name}.c1.example.net`, [
    condition('Ready', 'True', { lastTransitionTime: '2026-01-01T12:30:00Z' }),
  ])

/** `name state`, with the minutes at which it started and was reached. */
export function stages(progress: Progress): string[] {
  const minutes = (at: number | undefined) => (at === undefined ? '?' : (at - start) / minute)
  return progress.reports()[0]!.stages.map(({ name, state, since, reachedAt }) => {
    const times =
      state === 'reached'
        ? ` ${minutes(since)}-${minutes(reachedAt)}`
        : since === undefined
          ? ''
          : ` ${minutes(since)}`
    return `${name} ${state}${times}`
  })
}

/** Lets promises settle. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
}
