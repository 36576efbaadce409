/** The address of the peers: on the network of the nodes. */
import type { Rig } from '../rig.ts'

export const peerAddress = '172.16.0.103'

export async function addPeerAddress(rig: Rig): Promise<void> {
  await rig.run('machines', ['ip', 'addr', 'replace', `${peerAddress}/24`, 'dev', 'mach0'])
}
