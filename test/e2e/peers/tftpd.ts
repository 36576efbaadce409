/** tftpd-hpa with the files of a directory. */
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { addPeerAddress, peerAddress } from './address.ts'

/** The largest block that both servers grant: what an Ethernet frame carries. */
const maxBlockOctets = 1468

/** @param root a directory that every user can read */
export async function startTftpd(rig: Rig, root: string): Promise<Running> {
  await addPeerAddress(rig)
  const options = ['--listen', '--foreground', '--address', `${peerAddress}:69`, '--user', 'root']
  const limits = ['--blocksize', String(maxBlockOctets)]
  return rig.start('machines', 'tftpd', ['in.tftpd', ...options, ...limits, '--secure', root])
}
