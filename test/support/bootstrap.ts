/** A watch of bootstraps with an API that a test plays by hand, and a clock that it moves. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { watchBootstraps, type BootstrapCluster, type BootstrapWatch } from '../../src/cluster/bootstrap.ts'
import { createLog } from '../../src/host/log.ts'
import { parseIp, type Ip } from '../../src/proto/address/ip.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { memoryApi, type MemoryApi } from './memory-api.ts'
import { memorySession, testKubeconfig, type TestKubeconfig } from './session.ts'

export type BootstrapRig = {
  watch: BootstrapWatch
  clock: FakeClock
  api: MemoryApi
  path: string
  kubeconfig: TestKubeconfig
  /** The calls of `onComplete` and `onUndone`, in order. */
  calls: string[]
  /** The URLs that pass their health checks. */
  healthy: Set<string>
  lines: () => { msg: string; reason?: string }[]
  cluster: BootstrapCluster
  /** Starts another watch with the same record. */
  restart(): Promise<BootstrapWatch>
}

/** `c1` with the masters m1 and m2. */
export async function bootstrapRig(t: Test, hasKubeconfig: boolean, path?: string): Promise<BootstrapRig> {
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const api = memoryApi()
  const calls: string[] = []
  const texts: string[] = []
  const log = createLog('info', { write: (text) => void texts.push(text) })
  const kubeconfig = testKubeconfig()
  kubeconfig.isThere = hasKubeconfig
  const rig = {
    clock,
    api,
    calls,
    kubeconfig,
    healthy: new Set<string>(),
    path: path ?? join(t.testdir({}), 'bootstrap.json'),
    lines: () => texts.map((text) => JSON.parse(text) as { msg: string; reason?: string }),
    cluster: {
      name: 'c1',
      session: memorySession(api, { clock, log, kubeconfig }),
      masters: ['192.0.2.11', '2001:db8::12'].map((address, index) => ({
        name: `m${index + 1}`,
        address: parseIp(address) as Ip,
      })),
    },
  }
  const restart = async (): Promise<BootstrapWatch> => {
    const watch = await watchBootstraps({
      clusters: [rig.cluster],
      path: rig.path,
      clock,
      log,
      probe: (url) => Promise.resolve(rig.healthy.has(url)),
      onComplete: (cluster) => calls.push(`complete ${cluster}`),
      onUndone: (cluster) => calls.push(`undone ${cluster}`),
    })
    t.teardown(() => watch.close())
    await settle()
    return watch
  }
  return Object.assign(rig, { watch: await restart(), restart })
}

/** Lets files be written and promises settle. */
export const settle = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
}
export const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise(setImmediate)
}
