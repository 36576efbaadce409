/** The menu for people: which role to install, the local disk, iPXE's own tools. */
import type { IgnitionKind } from '../facts.ts'
import type { NodeModel } from '../model.ts'
import { missingSentences, type Installation } from './installation.ts'
import { columns, say, script, networkIdentity, waitAndStartAgain } from './script.ts'
import { wrap } from '../../text/wrap.ts'
import { argument, plainText } from './text.ts'

/** iPXE keeps a margin beside the items of a menu. */
const itemColumns = columns - 4

export type MenuChoice = {
  readonly role: IgnitionKind
  readonly installation: Installation
  /** Where the script that installs as this role is fetched. */
  readonly url: string
}

/** @param url where this menu is fetched: it can look again for files that are missing */
export function renderMenu(node: NodeModel, choices: readonly MenuChoice[], url: string): string {
  const missing = choices.flatMap(({ installation }) =>
    installation.kind === 'impossible' ? installation.missing : [],
  )
  const problems = missingSentences(missing)
  const possible = choices.filter(({ installation }) => installation.kind === 'possible')
  const isAgent = possible.some(
    ({ installation }) => 'style' in installation && installation.style === 'agent',
  )
  return script(`${node.key}: the menu for people`, [
    ':menu',
    `menu ${plainText(`${node.key}: declared as ${node.role}, ${networkIdentity(node)}`)}`,
    gap(
      isAgent
        ? 'Installing erases the disk that the agent chooses'
        : `Installing erases ${node.disk ?? 'its disk'}`,
    ),
    ...choices.map((choice) => installItem(node, choice)),
    gap(''),
    'item local Boot from the local disk',
    'item config Configure settings',
    'item shell iPXE shell',
    'item reboot Reboot',
    ...(problems.length === 0 ? [] : [gap(''), 'item again Look again for what is missing:']),
    ...problems.flatMap((problem) => wrap(problem, itemColumns)).map(gap),
    `choose ${chooseOptions(node, possible)} entry || goto cancelled`,
    'goto ${entry}',
    '',
    ...possible.flatMap((choice) => chainTo(choice.role, choice.url)),
    ...(problems.length === 0 ? [] : chainTo('again', url)),
    ':local',
    ...bootLocalDisk(),
    ...say(node, 'found no disk that boots'),
    'goto failed',
    '',
    ':config',
    'config ||',
    'goto menu',
    '',
    ':cancelled',
    ':shell',
    ...say(node, 'the iPXE shell; exit comes back to the menu'),
    'shell ||',
    'goto menu',
    '',
    ':reboot',
    'reboot',
    '',
    ':failed',
    'prompt --timeout 10000 Any key for the menu, or wait 10 s ||',
    'goto menu',
  ])
}

function installItem(node: NodeModel, { role, installation }: MenuChoice): string {
  const declared = node.ignition === role ? ' (declared)' : ''
  return installation.kind === 'possible'
    ? `item ${role} Install as ${role}${declared}`
    : gap(`Install as ${role}${declared}: not possible, see below`)
}

/** A line that cannot be chosen. */
function gap(text: string): string {
  return `item --gap -- ${plainText(text)}`.trimEnd()
}

/**
 * A default that cannot be chosen would let iPXE take the first entry when the time is over: an
 * installation nobody asked for. So the menu looks again instead.
 */
function chooseOptions({ menu }: NodeModel, possible: readonly MenuChoice[]): string {
  const chosen = ['local', 'shell', 'reboot', ...possible.map(({ role }) => role)]
  const entry = chosen.includes(menu.default) ? menu.default : 'again'
  const timeout = menu.timeoutSeconds === 0 ? '' : ` --timeout ${menu.timeoutSeconds * 1000}`
  return `--default ${entry}${timeout}`
}

function chainTo(label: string, url: string): string[] {
  return [`:${label}`, `chain --replace --autofree ${argument(url)} || goto failed`, '']
}

/** The script that leaves a node to its own disk, in the way of its firmware. */

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
