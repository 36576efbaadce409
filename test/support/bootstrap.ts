/** The watch over a bootstrap's end beside an API that a test plays by hand, with a clock that it moves. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { watchBootstrap, type BootstrapCluster, type BootstrapWatch } from '../../src/cluster/bootstrap.ts'
import { NoCredentials } from '../../src/cluster/kubeconfig/file.ts'
import type { Credentials } from '../../src/cluster/kubeconfig/decode.ts'
import { createTroubles, type Troubles } from '../../src/cluster/troubles.ts'
import { createLog } from '../../src/host/log.ts'
import { parseIp, type Ip } from '../../src/proto/address/ip.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { memoryApi, type MemoryApi } from './memory-api.ts'

export const noKubeconfig = 'there is no kubeconfig'

export type Bench = {
  watch: BootstrapWatch
  clock: FakeClock
  api: MemoryApi
  path: string
  /** What was called for, and lines of the log, in order. */
  told: string[]
  troubles: Troubles
  /** URLs that answer. */
  healthy: Set<string>
  lines: () => { msg: string; reason?: string }[]
  hasKubeconfig: boolean
  /** Open ones. */
  connections: number
  cluster: BootstrapCluster
  again(): Promise<BootstrapWatch>
}

export async function bench(t: Test, hasKubeconfig: boolean, path?: string): Promise<Bench> {
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const api = memoryApi()
  const told: string[] = []
  const texts: string[] = []
  const log = createLog('info', { write: (text) => void texts.push(text) })
  const made = {
    connections: 0,
    ...{ clock, api, told, troubles: createTroubles(log), hasKubeconfig, healthy: new Set<string>() },
    path: path ?? join(t.testdir({}), 'bootstrap.json'),
    lines: () => texts.map((text) => JSON.parse(text) as { msg: string; reason?: string }),
    cluster: {
      name: 'c1',
      kubeconfig: {
        path: '/kubeconfig',
        credentials() {
          if (made.hasKubeconfig) return {} as Credentials
          throw new NoCredentials(noKubeconfig)
        },
      },
      masters: ['192.0.2.11', '2001:db8::12'].map((address, index) => ({
        name: `m${index + 1}`,
        address: parseIp(address) as Ip,
      })),
    },
  }
  const again = async (): Promise<BootstrapWatch> => {
    const watch = await watchBootstrap({
      ...{ clusters: [made.cluster], path: made.path, clock },
      connect: () => {
        made.connections++
        return { ...api, close: () => (made.connections -= 1) }
      },
      probe: (url) => Promise.resolve(made.healthy.has(url)),
      ...{ log, troubles: made.troubles },
      onComplete: (cluster, evidence) => told.push(`complete ${cluster}: ${evidence}`),
      onUndone: (cluster) => told.push(`undone ${cluster}`),
    })
    t.teardown(() => watch.close())
    await settle()
    return watch
  }
  return Object.assign(made, { watch: await again(), again })
}

/** Lets files be written and promises run. */
export const settle = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
}
export const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise(setImmediate)
}
