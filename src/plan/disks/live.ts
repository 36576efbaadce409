/** What the Ignition file of the live system contains for the disks of a node. Pure. */
import { defined } from '../../text/defined.ts'
import type { NodeDisks } from './target.ts'

export type LiveDisks = { readonly otherDisks?: readonly string[]; readonly installerConfig?: string }

/**
 * Arguments of the installed system for a root file system on a multipath device ("Enabling multipathing with kernel arguments
 * on RHCOS"). coreos-installer has no kernel argument for them, but reads a configuration file.
 */
const multipathConfig = [
  'append-karg:',
  '  - rd.multipath=default',
  '  - root=/dev/disk/by-label/dm-mpath-root',
  '  - rw',
  '',
].join('\n')

export function liveDisks({ disk, multipath }: NodeDisks): LiveDisks {
  return defined({
    // The installer writes the first disk of a mirror, and Ignition all of them.
    otherDisks: disk?.kind === 'mirror' ? disk.paths.slice(1) : undefined,
    installerConfig: multipath === true ? multipathConfig : undefined,
  })
}
