/** How a boot may end that is no installation: as the site says, or not at all. */
import type { NodeModel } from '../plan/model.ts'
import { BootProblem } from './boot-problem.ts'
import type { ScriptOutcome } from './ipxe-script.ts'

type Ending = Extract<ScriptOutcome, { kind: 'local' | 'waits' | 'restarts' }>

/**
 * @returns the ending for people
 * @throws {BootProblem} when the node is declared to do something else
 */
export function judgeEnding(ending: Ending, node: NodeModel): string {
  // What is due goes before what is declared: a node that is installed boots its disk.
  if (node.boot === 'install' && ending.kind === 'local')
    return 'boots from its local disk, as it is not to be installed now'
  const wanted = wantedEnding(node)
  if (ending.kind !== wanted.kind) {
    throw new BootProblem(wanted.text, `a script that ends with ${ending.command}`, `boot of ${node.key}`)
  }
  return wanted.text
}

function wantedEnding({ boot, disk, menu }: NodeModel): { kind: Ending['kind'] | 'boot'; text: string } {
  const local = { kind: 'local', text: 'boots from its local disk' } as const
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
