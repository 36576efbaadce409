/** How a simulated boot ends that installs nothing, compared with the boot mode that the site declares. */
import { shownDisk } from '../plan/disks/target.ts'
import type { NodeModel } from '../plan/model.ts'
import type { ScriptOutcome } from './ipxe-script.ts'
import { BootProblem } from './timeline.ts'

/** The ends of a boot without an installation. */
type Ending = Extract<ScriptOutcome, { kind: 'local' | 'waits' | 'restarts' }>

/**
 * @returns a text that describes the end of the boot
 * @throws {BootProblem} when the site declares another boot mode for the node
 */
export function checkEnding(ending: Ending, node: NodeModel): string {
  // The state of the node has precedence over the site file: an installed node boots its disk.
  if (node.boot === 'install' && ending.kind === 'local')
    return 'boots from its local disk, because it is not armed'
  const wanted = wantedEnding(node)
  if (ending.kind !== wanted.kind) {
    throw new BootProblem(wanted.text, `a script that ends with ${ending.command}`, `boot of ${node.key}`)
  }
  return wanted.text
}

function wantedEnding(node: NodeModel): { kind: Ending['kind'] | 'boot'; text: string } {
  const local = { kind: 'local', text: 'boots from its local disk' } as const
  const [{ boot, menu }, disk] = [node, shownDisk(node)]
  if (boot === 'local') return local
  if (boot === 'install') return { kind: 'boot', text: `an installation to ${disk}` }
  if (menu.timeoutSeconds === 0) return { kind: 'waits', text: 'waits in its menu' }
  switch (menu.default) {
    case 'local':
      return local
    case 'shell':
      return { kind: 'waits', text: 'waits in the iPXE shell' }
    case 'reboot':
      return { kind: 'restarts', text: 'restarts' }
    default:
      return { kind: 'boot', text: `an installation to ${disk} as ${menu.default}` }
  }
}
