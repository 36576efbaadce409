/**
 * What a running cluster has for machines that are to join it: the Ignition files that its machine config operator
 * keeps current, as `oc extract -n openshift-machine-api secret/worker-user-data-managed --keys=userData` gets them.
 */
import { ApiProblem } from './connection/errors.ts'
import type { ClusterApi } from './connection/client.ts'
import type { Secret } from './objects.ts'

export type UserDataRole = 'master' | 'worker'

export type UserData =
  | { readonly kind: 'read'; readonly octets: Uint8Array }
  /** The cluster says that it has none, or none that can be used. `reason` is a sentence. */
  | { readonly kind: 'none'; readonly reason: string }
  /** It cannot be asked, or does not say. */
  | { readonly kind: 'unheard'; readonly reason: string }

export function userDataName(role: UserDataRole): string {
  return `${role}-user-data-managed`
}

/** Never rejects. */
export async function fetchUserData(
  api: Pick<ClusterApi, 'get'>,
  role: UserDataRole,
  signal: AbortSignal,
): Promise<UserData> {
  const name = userDataName(role)
  try {
    const secret = await api.get<Secret>(`/api/v1/namespaces/openshift-machine-api/secrets/${name}`, signal)
    const userData: unknown = secret.data?.['userData']
    if (typeof userData !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(userData)) {
      return { kind: 'none', reason: `its secret ${name} holds no userData` }
    }
    return { kind: 'read', octets: Buffer.from(userData, 'base64') }
  } catch (error) {
    const { message } = error as Error
    if (error instanceof ApiProblem && error.status === 404) {
      return { kind: 'none', reason: `it has no secret ${name}` }
    }
    return { kind: 'unheard', reason: message }
  }
}
