/**
 * A machine whose network card was replaced has another MAC address, and so another record, but the same SMBIOS UUID. What is
 * recorded of the UUID only keeps a disk: it never permits an installation, because many boards have the UUID of another one
 * (docs/decisions/0031). Pure.
 */
import type { State } from './machine-state.ts'

/** UUIDs that vendors left in many boards; those of zeros and ones are not read at all. */
const sharedUuids: ReadonlySet<string> = new Set([
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  '01234567-8910-1112-1314-151617181920',
  '10000000-0000-0000-0000-000000000000',
  '11111111-2222-3333-4444-555555555555',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '12345678-1234-1234-1234-123456789abc',
  '12345678-1234-5678-1234-567812345678',
])

/** A UUID with more records than this belongs to a kind of board, and not to one machine. */
const maxRecords = 4

/** Whether a UUID can identify one machine. */
export function canIdentify(uuid: string): boolean {
  const digits = new Set(uuid.replaceAll('-', ''))
  return digits.size > 1 && !sharedUuids.has(uuid)
}

/**
 * Returns the record that shows that this machine must not be installed automatically: it has the same UUID, another MAC
 * address, and was installed, is in a cluster, or has data on its disk.
 *
 * @param records of all machines that reported the UUID
 * @param isDeclared whether the site declares the MAC address of a record
 */
export function findSameMachine(
  own: State,
  records: readonly State[],
  isDeclared: (state: State) => boolean,
): State | undefined {
  const { uuid } = own
  if (uuid === undefined || !canIdentify(uuid)) return undefined
  const isOther = (each: State) => each.mac !== own.mac && own.others?.[each.mac] === undefined
  const others = records.filter((each) => each.uuid === uuid && isOther(each))
  if (others.length >= maxRecords || others.filter(isDeclared).length > 1) return undefined
  return others.find(keepsDisk)
}

function keepsDisk({ wasInstalled, mode, attempt, evidence = {} }: State): boolean {
  const { inClusterAt, foreignSystemAt, diskHolds } = evidence
  const isWriting = mode === 'installing' && attempt?.delivered !== undefined
  return (
    wasInstalled || isWriting || [inClusterAt, foreignSystemAt, diskHolds].some((each) => each !== undefined)
  )
}
