/** Clusters followed beside an API that a test plays by hand, with a clock that it moves. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { BadKubeconfig, type Credentials } from '../../src/cluster/kubeconfig/decode.ts'
import type { FollowedCluster } from '../../src/cluster/follower.ts'
import type { NodeObject } from '../../src/cluster/objects.ts'
import { followProgress, type Progress } from '../../src/cluster/progress.ts'
import { everyStage } from '../../src/cluster/stages.ts'
import { createTroubles } from '../../src/cluster/troubles.ts'
import { createLog } from '../../src/host/log.ts'
import { condition, nodeObject } from './cluster-objects.ts'
import { fakeClock } from './fake-clock.ts'
import { memoryApi } from './memory-api.ts'

const minute = 60_000
export const noKubeconfig = 'there is no kubeconfig'

/** `c1` with a bootstrap, m1 and w1. */
export function progressRig(t: Test, directory = t.testdir({})) {
  const clock = fakeClock(start)
  const api = memoryApi()
  const lines: { msg: string; reason?: string }[] = []
  const log = createLog('info', { write: (text) => void lines.push(JSON.parse(text) as { msg: string }) })
  const told: string[] = []
  const kubeconfig = {
    path: '/kubeconfig' as string | undefined,
    isThere: true,
    credentials(): Credentials {
      if (kubeconfig.isThere && kubeconfig.path !== undefined) return {} as Credentials
      throw new BadKubeconfig(noKubeconfig)
    },
  }
  const declared = (more: Partial<FollowedCluster> = {}, names = ['m1', 'w1']): FollowedCluster => {
    const members = names.map((name) => ({ key: `c1/${name}`, name, fqdn: `${name}.c1.example.net` }))
    const stages = everyStage(members, true)
    return { name: 'c1', kubeconfig, identity: 'c1', members, stages, ...more }
  }
  let connections = 0
  const follow = async (clusters: readonly FollowedCluster[] = [declared()]) => {
    const progress = await followProgress({
      ...{ clusters, directory, clock, log, troubles: createTroubles(log) },
      connect: () => {
        connections++
        return { ...api, get: (...how) => api.get(...how), close: () => (connections -= 1) }
      },
      onMember: (key, node: NodeObject | undefined) =>
        void told.push(`${key} ${node === undefined ? 'absent' : 'there'}`),
    })
    await settle()
    return progress
  }
  /** Moves time on by `ms`, a second at a time. */
  const pass = async (ms: number) => {
    await settle()
    for (let passed = 0; passed < ms; passed += 1000) {
      clock.advance(1000)
      await settle()
    }
  }
  return {
    ...{ api, clock, lines, told, kubeconfig, declared, follow, pass, directory },
    path: join(directory, 'clusters.json'),
    connections: () => connections,
  }
}

/** Of the clock at first, in milliseconds since 1970. */
export const start = Date.UTC(2026, 0, 1, 12)

/** Ready since half an hour after that. */
export const ready = (name: string) =>
  nodeObject(`${name}.c1.example.net`, [
    condition('Ready', 'True', { lastTransitionTime: '2026-01-01T12:30:00Z' }),
  ])

/** `name state`, with the minutes at which it came under way and was reached. */
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

/** Lets promises that are settled run. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
}
