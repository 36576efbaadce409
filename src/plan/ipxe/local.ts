/** The script that leaves a node to its own disk, in the way of its firmware. */
import type { NodeModel } from '../model.ts'
import { say, script, waitAndStartAgain } from './script.ts'
import { argument } from './text.ts'

const restSeconds = 30

/** @param url of the node's boot script: it asks again what is due when there is nothing to boot */
export function renderLocal(node: NodeModel, url: string): string {
  return script(`${node.key} boots from its local disk`, [
    'echo',
    ...say(node, 'boots from its local disk'),
    ...bootLocalDisk(),
    ...say(node, 'found no disk that boots'),
    ...say(node, `slipway node install ${node.key} would install it`),
    ...waitAndStartAgain(argument(url), restSeconds),
  ])
}

/** Boots the first disk; the line after these is reached when BIOS found nothing to boot there. */
export function bootLocalDisk(): string[] {
  return [
    // UEFI goes on with its next boot option when one ends with an error; after a success
    // (a bare `exit`) it shows its boot manager instead (UEFI 2.10 §3.1.1).
    'iseq ${platform} efi && exit 1 ||',
    'sanboot --no-describe --drive 0x80 ||',
  ]
}
