/** Finds the owner that answers a question (RFC 1034 §4.3.2, RFC 4592 §3.3). */
import { isNameFrom, type Question } from '../../proto/dns/question.ts'
import type { DnsPlan, NameTable, Owner, Resolver } from './plan.ts'

/** Returns the owner of the name in the question, from `label` on; 0 is the whole name. */
export function findOwner(
  names: NameTable,
  octets: Uint8Array,
  question: Question,
  label: number,
): Owner | undefined {
  const owners = names.get(question.hashes[label] as number)
  if (owners === undefined) return undefined
  for (const owner of owners) if (isNameFrom(question, octets, label, owner.name)) return owner
  return undefined
}

/**
 * Returns the closest encloser: the longest existing ancestor of a name that does not exist.
 *
 * @returns nothing when the name is in none of our zones
 */
export function findEncloser(names: NameTable, octets: Uint8Array, question: Question): Owner | undefined {
  for (let label = 1; label < question.labels; label++) {
    const owner = findOwner(names, octets, question, label)
    if (owner !== undefined) return owner
  }
  return undefined
}

/** Returns the resolvers for a name outside our zones: those of the longest matching zone, else the default ones. */
export function findResolvers(
  plan: Pick<DnsPlan, 'forwardZones' | 'resolvers'>,
  octets: Uint8Array,
  question: Question,
): readonly Resolver[] {
  for (const { name, labels, resolvers } of plan.forwardZones) {
    const label = question.labels - labels
    if (label >= 0 && isNameFrom(question, octets, label, name)) return resolvers
  }
  return plan.resolvers
}
