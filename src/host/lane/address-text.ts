/** IPv4 addresses as numbers, as the kernel reports them, and as dotted text, as services know them. */

/** Addresses of recent peers that are kept. */
const maxAddresses = 4096

/** Returns a function that formats an address, and keeps the texts of recent ones. */
export function createAddressTexts(): (address: number) => string {
  const texts = new Map<number, string>()
  let [lastAddress, lastText] = [0, '0.0.0.0']

  /** Consecutive datagrams are often from the same peer. */
  return (address) => {
    if (address !== lastAddress) [lastAddress, lastText] = [address, find(address)]
    return lastText
  }

  function find(address: number): string {
    const known = texts.get(address)
    if (known !== undefined) return known
    if (texts.size >= maxAddresses) texts.clear()
    const text = `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
    texts.set(address, text)
    return text
  }
}
