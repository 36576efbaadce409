/** The domain search list (option 119, RFC 3397): names as in RFC 1035 §3.1, one after the other. */
import { encodeText } from './text.ts'

/**
 * Not compressed, which RFC 3397 §2 leaves to the sender: some clients read no pointers, and the list is short.
 *
 * @param names of labels of up to 63 octets, without the last dot
 */
export function encodeDomainSearch(names: readonly string[]): Uint8Array {
  return Uint8Array.from(names.flatMap((name) => [...encodeName(name)]))
}

/** Labels with their lengths before them, then the root's zero. */
function encodeName(name: string): Uint8Array {
  const labels = name.split('.').map(encodeText)
  return Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0])
}
