/** The rules of the API server's registry for an object that a client puts, as far as the tests need them. Pure. */
import { asKept, refuse, requireApiPath, type ApiObject } from './api-shapes.ts'

export type Update =
  | { readonly kind: 'kept'; readonly object: ApiObject }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string; readonly message: string }

type Condition = { readonly type: string; readonly status: string }

/**
 * Returns the new object, or why it is refused. The client's object must have its published shape: a server ignores
 * unknown fields, but a test must not.
 *
 * @param path with `/approval` for an approval
 */
export function updated(path: string, old: ApiObject, sent: ApiObject): Update {
  const { kind, subresource } = requireApiPath(path)
  // The path determines the kind, also if the object has none.
  const next = asKept(path, sent)
  const { name, uid, resourceVersion } = next.metadata
  if (name !== old.metadata.name) return refused(400, 'BadRequest', 'its name is not that on the URL')
  if (uid !== undefined && uid !== old.metadata.uid) {
    return refused(409, 'Conflict', 'Precondition failed: UID in precondition')
  }
  // Without a version, any existing object matches.
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    return refused(409, 'Conflict', 'the object has been modified')
  }
  if (subresource === 'approval') return approval(path, old, next)
  if (subresource !== undefined) refuse(path, [`the tests do not implement /${subresource}`])
  // A request cannot be changed. Other kinds have a separate path for their status.
  if (kind === 'CertificateSigningRequest') return { kind: 'kept', object: old }
  const { status } = old
  return { kind: 'kept', object: { ...next, ...(status === undefined ? {} : { status }) } }
}

/** Applies only the conditions (pkg/registry/certificates, csrApprovalStrategy). */
function approval(path: string, old: ApiObject, next: ApiObject): Update {
  const conditions = conditionsOf(next)
  const problem = problemWith(conditions, conditionsOf(old))
  if (problem !== undefined) return refused(422, 'Invalid', `status.conditions: ${problem}`)
  const status = { ...(old['status'] as object), conditions }
  return { kind: 'kept', object: asKept(path, { ...next, spec: old['spec'], status }) }
}

/** Permanent conditions, which are never `False`. */
const permanent: readonly string[] = ['Approved', 'Denied', 'Failed']

/** As pkg/apis/certificates/validation validates an update. */
function problemWith(conditions: readonly Condition[], before: readonly Condition[]): string | undefined {
  for (const { type, status } of conditions) {
    const allowed = permanent.includes(type) ? ['True'] : ['True', 'False', 'Unknown']
    if (!allowed.includes(status)) return `${type} is "${status}", supported values: ${allowed.join(', ')}`
  }
  const types = conditions.map(({ type }) => type)
  if (types.includes('Approved') && types.includes('Denied'))
    return 'Approved and Denied are mutually exclusive'
  const removed = before.find(({ type }) => permanent.includes(type) && !types.includes(type))
  return removed === undefined ? undefined : `updates may not remove a condition of type "${removed.type}"`
}

function conditionsOf({ status }: ApiObject): readonly Condition[] {
  return (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions ?? []
}

function refused(status: number, reason: string, message: string): Update {
  return { kind: 'refused', status, reason, message }
}
