/** An address with a port as text: `172.16.0.101:69`, `[fd00:16::101]:69`. */

export function endpointText({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
