/** The user class (option 77): RFC 3004 instances, and the bare text that iPXE sends instead. */
import { checkedValue, type DhcpOption } from '../option.ts'
import { latin1 } from './text.ts'

/**
 * The user classes of a client.
 *
 *      +---------+------------------+---------+------------------+
 *      | length1 | user class data1 | length2 | user class data2 | …        RFC 3004 §4
 *      +---------+------------------+---------+------------------+
 *
 * Deviates from RFC 3004 §4: a value that is no such list is one class as it stands. iPXE sends
 * `iPXE` bare (all captures of iPXE 1.0.0+git-20190125), where 0x69 would be a length of 105.
 */
export function userClassesOf(option: DhcpOption): string[] {
  const value = checkedValue(option)
  const classes: string[] = []
  let at = 0
  while (at < value.length) {
    const length = value[at] as number
    const next = at + 1 + length
    if (length === 0 || next > value.length) return [latin1(value)]
    classes.push(latin1(value.subarray(at + 1, next)))
    at = next
  }
  return classes
}
