/** A cluster's session over an API in memory. */
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import type { Credentials } from '../../src/cluster/kubeconfig/decode.ts'
import { NoCredentials, type KubeconfigFile } from '../../src/cluster/kubeconfig/file.ts'
import { openSession, type ClusterSession } from '../../src/cluster/session.ts'
import type { Clock } from '../../src/host/clock.ts'
import type { Log } from '../../src/host/log.ts'

export const noKubeconfig = 'the kubeconfig does not exist'

/** A kubeconfig that a test removes and puts back. */
export type TestKubeconfig = KubeconfigFile & { path: string | undefined; isThere: boolean }

export function testKubeconfig(): TestKubeconfig {
  const kubeconfig: TestKubeconfig = {
    path: '/kubeconfig',
    isThere: true,
    credentials() {
      if (kubeconfig.isThere && kubeconfig.path !== undefined) return {} as Credentials
      throw new NoCredentials('cluster.kubeconfig-missing', noKubeconfig)
    },
  }
  return kubeconfig
}

export function memorySession(
  api: ClusterApi,
  options: { clock: Clock; log: Log; kubeconfig?: KubeconfigFile; cluster?: string },
): ClusterSession {
  const { kubeconfig = testKubeconfig(), cluster = 'c1', clock, log } = options
  const get = <T>(path: string, signal?: AbortSignal) => api.get<T>(path, signal)
  return openSession({ cluster, kubeconfig, clock, log, connect: () => ({ ...api, get, close() {} }) })
}
