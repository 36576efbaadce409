/**
 * Scripts of nodes that do not install now: the interactive menu (roles to install, local disk, iPXE's tools), the boot of
 * the local disk, and the wait until the node may boot.
 */
import type { InstallRole } from '../facts.ts'
import type { BootPlan, MenuChoice } from '../boot/boot-plan.ts'
import { isGrubScript, type OwnChoice } from '../boot/menu-entries.ts'
import { missingSentences } from '../boot/installation.ts'
import { columns, networkIdentity, type ScriptAuthor } from '../boot/console.ts'
import { print, script, waitAndRetry, argument, plainText } from './script.ts'
import { wrap } from '../../text/lines.ts'

/** iPXE draws a margin beside the items of a menu. */
const itemColumns = columns - 4

type Menu = Extract<BootPlan, { kind: 'menu' }>

/**
 * @param urls `again`: of this menu, to check again for missing files; `install`: of the script that installs a role
 */
export function renderMenu(
  node: ScriptAuthor,
  menu: Menu,
  urls: { readonly again: string; readonly install: (role: InstallRole) => string },
): string {
  const { choices } = menu
  // Scripts of GRUB are not for iPXE.
  const own = menu.own.filter((each) => each.kind === 'kernel' || !isGrubScript(each.script))
  const missing = choices.flatMap(({ installation }) =>
    installation.kind === 'impossible' ? installation.missing : [],
  )
  const problems = missingSentences(missing)
  const possible = choices.filter(({ installation }) => installation.kind === 'possible')
  const isAgent = possible.some(
    ({ installation }) => 'style' in installation && installation.style === 'agent',
  )
  return script(`${node.key}: boot menu`, [
    ':menu',
    `menu ${plainText(`${node.key}: declared as ${menu.role}, ${networkIdentity(node)}`)}`,
    gap(
      isAgent
        ? 'Installing erases the disk that the agent chooses'
        : `Installing erases ${menu.disk ?? 'its disk'}`,
    ),
    ...choices.map((choice) => installItem(menu, choice)),
    ...own.map(ownItem),
    gap(''),
    'item local Boot from the local disk',
    'item config Configure settings',
    'item shell iPXE shell',
    'item reboot Reboot',
    ...(problems.length === 0 ? [] : [gap(''), 'item again Check again for missing files:']),
    ...problems.flatMap((problem) => wrap(problem, itemColumns)).map(gap),
    `choose ${chooseOptions(menu, possible)} entry || goto cancelled`,
    'goto ${entry}',
    '',
    ...possible.flatMap((choice) => chainTo(choice.role, urls.install(choice.role))),
    ...(problems.length === 0 ? [] : chainTo('again', urls.again)),
    ...own.flatMap(bootOwn),
    ':local',
    ...bootLocalDisk(),
    ...print(node, 'found no bootable disk'),
    'goto failed',
    '',
    ':config',
    'config ||',
    'goto menu',
    '',
    ':cancelled',
    ':shell',
    ...print(node, 'iPXE shell; "exit" returns to the menu'),
    'shell ||',
    'goto menu',
    '',
    ':reboot',
    'reboot',
    '',
    ':failed',
    'prompt --timeout 10000 Press any key for the menu, or wait 10 s ||',
    'goto menu',
  ])
}

function installItem(menu: Menu, { role, installation }: MenuChoice): string {
  const declared = menu.declared === role ? ' (declared)' : ''
  return installation.kind === 'possible'
    ? `item ${role} Install as ${role}${declared}`
    : gap(`Install as ${role}${declared}: not possible, see below`)
}

function ownItem({ title, key }: OwnChoice, index: number): string {
  return `item ${key === undefined ? '' : `--key ${key} `}own${index} ${plainText(title)}`
}

/** Boots what the administrator wrote; a script that returns leads back to the menu. */
function bootOwn(choice: OwnChoice, index: number): string[] {
  const failed = '|| goto failed'
  if (choice.kind === 'script') {
    return [`:own${index}`, `chain --autofree ${argument(choice.script)} ${failed}`, 'goto menu', '']
  }
  const { kernel, initrd, arguments: words } = choice
  // UEFI requires the name of the initramfs; BIOS ignores it.
  const all = [...(initrd === undefined ? [] : ['initrd=main']), ...words.map(argument)]
  return [
    `:own${index}`,
    'imgfree',
    `${['kernel', argument(kernel), ...all].join(' ')} ${failed}`,
    ...(initrd === undefined ? [] : [`initrd --name main ${argument(initrd)} ${failed}`]),
    `boot ${failed}`,
    '',
  ]
}

/** Returns a line that cannot be chosen. */
function gap(text: string): string {
  return `item --gap -- ${plainText(text)}`.trimEnd()
}

/**
 * If the default entry did not exist, iPXE would choose the first entry after the time-out: an unintended installation.
 * The menu checks again for missing files instead.
 */
function chooseOptions(menu: Menu, possible: readonly MenuChoice[]): string {
  const chosen = ['local', 'shell', 'reboot', ...possible.map(({ role }) => role)]
  const entry = chosen.includes(menu.default) ? menu.default : 'again'
  const timeout = menu.timeoutSeconds === 0 ? '' : ` --timeout ${menu.timeoutSeconds * 1000}`
  return `--default ${entry}${timeout}`
}

function chainTo(label: string, url: string): string[] {
  return [`:${label}`, `chain --replace --autofree ${argument(url)} || goto failed`, '']
}

const restSeconds = 30

/** @param url of the node's boot script, which is fetched again if there is nothing to boot */
export function renderLocal(node: ScriptAuthor, url: string): string {
  return script(`${node.key} boots from its local disk`, [
    'echo',
    ...print(node, 'boots from its local disk'),
    ...bootLocalDisk(),
    ...print(node, 'found no bootable disk'),
    ...print(node, `run "slipway node install ${node.key}" to install it`),
    ...waitAndRetry(argument(url), restSeconds),
  ])
}

/** Boots the first disk. BIOS continues with the next line if the disk is not bootable. */
function bootLocalDisk(): string[] {
  return [
    // UEFI continues with its next boot option after an error; after a success (`exit` without a
    // number) it shows its boot manager (UEFI 2.10 §3.1.1).
    'iseq ${platform} efi && exit 1 ||',
    'sanboot --no-describe --drive 0x80 ||',
  ]
}

// Scripts of nodes that must not boot now: they show the reason on the screen and retry automatically.

/** Short, so that many nodes continue at the same time; each request is cheap for the server. */
const pauseSeconds = 5
const failedSeconds = 30

type Waiting = {
  /** A sentence. */
  readonly reason: string
  /** URL for the next attempt. */
  readonly url: string
  /** URL to continue without waiting, if an administrator presses a key; absent if that is not allowed. */
  readonly skipUrl?: string
}

export function renderWaiting(node: ScriptAuthor, { reason, url, skipUrl }: Waiting): string {
  const lines = ['echo', ...print(node, reason), ...print(node, networkIdentity(node))]
  if (skipUrl === undefined) {
    return script(`${node.key} waits`, [...lines, ...waitAndRetry(argument(url), pauseSeconds)])
  }
  return script(`${node.key} waits`, [
    ...lines,
    ':wait',
    // An administrator can override the wait.
    `prompt --key s --timeout ${pauseSeconds * 1000} Press s to continue without waiting, or wait ${pauseSeconds} s && goto skip ||`,
    `chain --replace --autofree ${argument(url)} || goto wait`,
    '',
    ':skip',
    `chain --replace --autofree ${argument(skipUrl)} || goto wait`,
  ])
}

/** @param url of its boot script, to continue after an administrator has decided */
export function renderFailed(node: ScriptAuthor, reason: string, url: string): string {
  return script(`${node.key} has failed`, [
    'echo',
    ...print(node, `has failed: ${reason}`),
    ...print(node, networkIdentity(node)),
    ...print(
      node,
      `run "slipway node install ${node.key}" to install it again, or "slipway node local ${node.key}" to boot its disk`,
    ),
    ...waitAndRetry(argument(url), failedSeconds),
  ])
}

/** Continues at the server that installs nodes, or with the local disk if that server does not answer. */
export function renderElsewhere(
  node: ScriptAuthor,
  { url, installerUrl }: { readonly url: string; readonly installerUrl: string },
): string {
  return script(`${node.key} continues at the server that installs nodes`, [
    'echo',
    ...print(node, `another server of this site installs nodes: ${installerUrl}`),
    `chain --replace --autofree ${argument(installerUrl)} ||`,
    ...print(node, 'that server does not answer, boots from the local disk'),
    ...bootLocalDisk(),
    ...waitAndRetry(argument(url), failedSeconds),
  ])
}

/** A script for a machine that is not the node: it reveals nothing of the node. @param url of the boot script */
export function renderRefused(node: Pick<ScriptAuthor, 'key'>, reason: string, url: string): string {
  return script(`${node.key}: refused`, [
    'echo',
    ...print(node, reason),
    ...waitAndRetry(argument(url), failedSeconds),
  ])
}
