/** Where the peers run: beside the server on the nodes' network, at the address of the guide's ns1. */
import type { Rig } from '../rig.ts'

export const peerAddress = '172.16.0.102'

export async function settlePeer(rig: Rig): Promise<void> {
  await rig.at('machines', ['ip', 'addr', 'replace', `${peerAddress}/24`, 'dev', 'mach0'])
}
