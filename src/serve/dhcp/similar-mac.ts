/**
 * Finds the declared node that an undeclared machine probably is: its MAC address in the site file has two digits
 * exchanged, or one wrong digit. Pure.
 */
import type { Mac } from '../../proto/address/mac.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import { listSome } from '../../text/format.ts'

/** A node of the site file whose MAC address differs little from that of an undeclared machine. */
export type SimilarNode = { readonly node: string; readonly mac: Mac }

/** More are not a hint: network cards of one delivery often have consecutive addresses. */
const maxSimilar = 3

/** A node that sent requests shortly before has the right address: the other machine is not that node. */
const isPresentMs = 10 * 60_000

const hexDigits = Array.from('0123456789abcdef')

/**
 * Returns the nodes that the machine may be, at most {@link maxSimilar}. Exchanged digits come before a wrong digit.
 *
 * @param firstSeen when the undeclared machine sent its first request, in milliseconds since 1970
 * @param lastSeen returns when a node was last seen, in milliseconds since 1970
 */
export function similarNodes(
  { mac, firstSeen }: { readonly mac: Mac; readonly firstSeen: number },
  { reservationByMac, proxiedByMac }: Pick<DhcpPlan, 'reservationByMac' | 'proxiedByMac'>,
  lastSeen: (node: string) => number | undefined,
): SimilarNode[] {
  const find = (candidates: readonly Mac[]): SimilarNode[] =>
    candidates.flatMap((candidate) => {
      const machine = reservationByMac.get(candidate) ?? proxiedByMac.get(candidate)
      if (machine?.boot === undefined) return []
      const isPresent = (lastSeen(machine.name) ?? -Infinity) > firstSeen - isPresentMs
      return isPresent ? [] : [{ node: machine.name, mac: candidate }]
    })
  const digits = mac.replaceAll(':', '')
  const exchanged = find(withExchangedDigits(digits))
  const found = exchanged.length > 0 ? exchanged : find(withWrongDigit(digits))
  return found.length > maxSimilar ? [] : found
}

/** `similar to ocp45/bs (00:50:56:96:11:c2): correct the MAC address in the site file if this is the machine` */
export function similarText(similar: readonly SimilarNode[]): string {
  const names = similar.map(({ node, mac }) => `${node} (${mac})`)
  return `similar to ${listSome(names, maxSimilar)}: correct the MAC address in the site file if this is the machine`
}

function withExchangedDigits(digits: string): Mac[] {
  const found = new Set<Mac>()
  for (let one = 0; one < digits.length; one++) {
    for (let other = one + 1; other < digits.length; other++) {
      if (digits[one] !== digits[other]) found.add(toMac(exchange(digits, one, other)))
    }
  }
  return [...found]
}

function exchange(digits: string, one: number, other: number): string {
  const [before, between, after] = [
    digits.slice(0, one),
    digits.slice(one + 1, other),
    digits.slice(other + 1),
  ]
  return `${before}${digits[other] ?? ''}${between}${digits[one] ?? ''}${after}`
}

function withWrongDigit(digits: string): Mac[] {
  return Array.from(digits).flatMap((digit, index) =>
    hexDigits
      .filter((each) => each !== digit)
      .map((each) => toMac(digits.slice(0, index) + each + digits.slice(index + 1))),
  )
}

function toMac(digits: string): Mac {
  return (digits.match(/../g) as string[]).join(':') as Mac
}
