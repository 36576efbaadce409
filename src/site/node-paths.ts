/** Where a node's own files stand that a site names by what they are for. Pure text. */

export const hostnamePath = '/etc/hostname'

/** NetworkManager reads what lies there and belongs to root alone. */
export function keyfilePath(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.nmconnection$/, '')
  return `/etc/NetworkManager/system-connections/${name}.nmconnection`
}
