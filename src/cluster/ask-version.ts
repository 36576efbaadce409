/** Whether a cluster's API answers at all, and of which version it is. */
import type { ClusterApi } from './connection/client.ts'
import type { Judgement } from './missing.ts'
import { apiPaths } from './objects.ts'

/** `note`: its version. What is missing is the sentence why it was not heard. */
export async function askVersion(
  api: Pick<ClusterApi, 'get'>,
  signal: AbortSignal,
): Promise<Judgement & { readonly note?: string }> {
  try {
    const { gitVersion } = await api.get<{ gitVersion?: unknown }>(apiPaths.version, signal)
    return { isDone: true, missing: [], ...(typeof gitVersion === 'string' ? { note: gitVersion } : {}) }
  } catch (error) {
    return { isDone: false, missing: [(error as Error).message] }
  }
}
