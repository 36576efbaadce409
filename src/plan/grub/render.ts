/**
 * Renders a boot plan as a script of GRUB 2 (https://www.gnu.org/software/grub/manual/grub/grub.html). The first file
 * that GRUB reads runs the script of the node in a loop; a script that returns is requested again. Uses only
 * commands that the signed builds of Debian and Red Hat contain, because Secure Boot forbids to load modules. The scripts are the same for UEFI and for
 * Open Firmware (ppc64le).
 */
import type { BootPlan, MenuChoice } from '../boot/boot-plan.ts'
import {
  consoleLines,
  installText,
  ipxeOnlyText,
  networkIdentity,
  type ScriptAuthor,
} from '../boot/console.ts'
import { isGrubScript, type OwnChoice } from '../boot/menu-entries.ts'
import { missingSentences } from '../boot/installation.ts'
import { printableAscii } from '../../text/lines.ts'
import { scriptPath, urlPaths } from '../urls.ts'

const maxAttempts = 3
const retrySeconds = 4
const waitSeconds = 5
const missingFileSeconds = 10
/** After the last attempt, and for a node that has failed. */
const restSeconds = 30
/** Between two requests for a script that could not be read. */
const loopSeconds = 2

/** The variable with the protocol and the server in the syntax of GRUB: `(tftp,172.16.0.101)`. */
const server = '${slipway}'

/**
 * Renders the first file that GRUB reads (`grub.cfg`). It decides nothing: it requests the script of the node.
 *
 * @param url of the boot script of the node
 */
export function renderGrubEntry(node: ScriptAuthor, url: string): string {
  return lines(
    ...comment(`${node.key}: requests its script`),
    `set slipway=${quote(`(tftp,${new URL(url).hostname})`)}`,
    '# Replaces the value above if this GRUB can read HTTP.',
    `source ${quote(`${httpServer(url)}${urlPaths.grubOverHttp(node)}`)}`,
    'while [ -z "$slipway_menu" ]; do',
    `  source ${remote(scriptPath(node, 'grub'))}`,
    `  if [ -z "$slipway_menu" ]; then sleep ${loopSeconds}; fi`,
    'done',
  )
}

/** Renders the script that a GRUB with HTTP reads. @param url of a file on this server */
export function renderGrubOverHttp(url: string): string {
  return lines(`set slipway=${quote(httpServer(url))}`)
}

export function renderGrub(node: ScriptAuthor, plan: BootPlan): string {
  switch (plan.kind) {
    case 'install':
      return renderInstall(node, plan)
    case 'script':
      return renderIpxeOnly(node, plan.source)
    case 'missing':
      return lines(
        ...comment(`${node.key} cannot install as ${plan.role}: a file is missing`),
        ...print(node, `cannot install as ${plan.role} yet`, networkIdentity(node)),
        ...print(node, ...missingSentences(plan.missing)),
        ...print(node, 'continues automatically after the problem is fixed and slipway is reloaded'),
        `sleep ${missingFileSeconds}`,
      )
    case 'menu':
      return renderMenu(node, plan)
    case 'local':
      return lines(
        ...comment(`${node.key} boots from its local disk`),
        ...bootDisk(node, 'boots from its local disk'),
      )
    case 'wait':
      return renderWait(node, plan)
    case 'failed':
      return lines(
        ...comment(`${node.key} has failed`),
        ...print(node, `has failed: ${plan.reason}`, networkIdentity(node)),
        ...print(
          node,
          `run "slipway node install ${node.key}" to install it again, or "slipway node local ${node.key}" to boot its disk`,
        ),
        `sleep ${restSeconds}`,
      )
    case 'elsewhere': {
      const { host, hostname } = new URL(plan.installerUrl)
      return lines(
        ...comment(`${node.key} continues at the server that installs nodes`),
        ...print(node, `another server of this site installs nodes: ${host}`),
        ...[`(http,${host})`, `(tftp,${hostname})`].map(
          (other) => `source ${quote(`${other}${scriptPath(node, 'grub')}`)}`,
        ),
        ...bootDisk(node, 'that server does not answer, boots from the local disk'),
      )
    }
    case 'refused':
      return lines(...comment(`${node.key}: refused`), ...print(node, plan.reason), `sleep ${restSeconds}`)
  }
}

function renderInstall(node: ScriptAuthor, plan: Extract<BootPlan, { kind: 'install' }>): string {
  const { role, style, kernel, initramfs, handoverUrl } = plan
  const isOwn = style !== 'script'
  const encrypted = [kernel.url, initramfs.url].find((url) => url.startsWith('https:'))
  if (!isOwn && encrypted !== undefined) return renderIpxeOnly(node, encrypted)
  const fileAt = (url: string) => (isOwn ? remote(pathOf(url)) : foreign(url))
  const command = ['linux', fileAt(kernel.url), ...plan.arguments.map(quote)].join(' ')
  return lines(
    ...comment(`${node.key} installs as ${role}, ${style} style`),
    ...print(node, installText(plan)),
    ...print(node, networkIdentity(node)),
    `for slipway_try in ${Array.from({ length: maxAttempts }, (_, index) => index + 1).join(' ')}; do`,
    ...print(node, `kernel ${kernel.name}`),
    `if ${command}; then`,
    ...print(node, `initramfs ${initramfs.name}`),
    `if initrd ${fileAt(initramfs.url)}; then`,
    ...(handoverUrl === undefined ? [] : [`if source ${foreign(handoverUrl)}; then`]),
    ...print(node, 'starts the installer'),
    'boot',
    ...(handoverUrl === undefined ? [] : ['fi']),
    'fi',
    'fi',
    ...print(node, `failed, retrying in ${retrySeconds} s`),
    `sleep ${retrySeconds}`,
    'done',
    ...print(node, `failed ${maxAttempts} times, see the last error above`),
    `sleep ${restSeconds}`,
  )
}

function renderIpxeOnly(node: ScriptAuthor, url: string): string {
  return lines(
    ...comment(`${node.key} boots the script of another installer`),
    ...print(node, ipxeOnlyText(node, 'grub', url)),
    `sleep ${restSeconds}`,
  )
}

/** GRUB shows the menu when its first file has ended, so the script ends the loop there. */
function renderMenu(node: ScriptAuthor, menu: Extract<BootPlan, { kind: 'menu' }>): string {
  const possible = menu.choices.filter(({ installation }) => installation.kind === 'possible')
  const problems = missingSentences(
    menu.choices.flatMap(({ installation }) =>
      installation.kind === 'impossible' ? installation.missing : [],
    ),
  )
  const ids = ['local', 'reboot', ...possible.map(({ role }) => role)]
  const timeout = menu.timeoutSeconds === 0 ? -1 : menu.timeoutSeconds
  return lines(
    ...comment(`${node.key}: boot menu`),
    ...print(node, `declared as ${menu.role}, ${networkIdentity(node)}`),
    ...print(node, ...problems.map((problem) => `not possible: ${problem}`)),
    ...possible.flatMap((choice) => installEntry(node, menu.declared, choice)),
    ...menu.own.flatMap(ownEntry),
    ...entry('local', 'Boot from the local disk', bootDisk(node, 'boots from its local disk')),
    ...entry('reboot', 'Reboot', ['reboot']),
    ...(problems.length === 0
      ? []
      : entry('again', 'Check again for missing files', [`source ${remote(`/boot/${node.key}/menu.grub`)}`])),
    // A default that does not exist would select the first entry: an unintended installation.
    `set default=${ids.includes(menu.default) ? menu.default : problems.length === 0 ? 'local' : 'again'}`,
    `set timeout=${timeout}`,
    'set slipway_menu=1',
  )
}

/** GRUB reads http, but not https, and no scripts of iPXE. */
function ownEntry(choice: OwnChoice, index: number): string[] {
  const { title, key } = choice
  const urls = choice.kind === 'script' ? [choice.script] : [choice.kernel, choice.initrd ?? choice.kernel]
  if (urls.some((url) => !url.startsWith('http:'))) return []
  if (choice.kind === 'script' && !isGrubScript(choice.script)) return []
  const option = key === undefined ? '' : ` --hotkey ${key}`
  return entry(`own${index}${option}`, title, [...ownCommands(choice), `sleep ${retrySeconds}`])
}

function ownCommands(choice: OwnChoice): string[] {
  const onServer = (url: string) => quote(`${httpServer(url)}${pathOf(url)}`)
  if (choice.kind === 'script') return [`source ${onServer(choice.script)}`]
  const { kernel, initrd, arguments: words } = choice
  const commands = [
    ['linux', onServer(kernel), ...words.map(quote)].join(' '),
    ...(initrd === undefined ? [] : [`initrd ${onServer(initrd)}`]),
  ]
  return [...commands.map((command) => `if ${command}; then`), 'boot', ...commands.map(() => 'fi')]
}

function installEntry(node: ScriptAuthor, declared: string, { role }: MenuChoice): string[] {
  const title = `Install as ${role}${role === declared ? ' (declared)' : ''}`
  const request = [
    'while [ 1 = 1 ]; do',
    `source ${remote(scriptPath(node, 'grub', role))}`,
    `sleep ${loopSeconds}`,
    'done',
  ]
  return entry(role, title, request)
}

function entry(id: string, title: string, commands: readonly string[]): string[] {
  return [`menuentry ${quote(title)} --id ${id} {`, ...commands, '}']
}

function renderWait(node: ScriptAuthor, plan: Extract<BootPlan, { kind: 'wait' }>): string {
  const { reason, canSkip, role } = plan
  const head = [...comment(`${node.key} waits`), ...print(node, reason, networkIdentity(node))]
  if (!canSkip) return lines(...head, `sleep ${waitSeconds}`)
  return lines(
    ...head,
    `echo ${quote(`Press Esc to continue without waiting, or wait ${waitSeconds} s`)}`,
    // An administrator can override the wait. The command fails if Esc was pressed.
    `if sleep --interruptible ${waitSeconds}; then`,
    'set slipway_skipped=0',
    'else',
    `source ${remote(scriptPath(node, 'grub', role, true))}`,
    'fi',
  )
}

/** Loaders on the disk of an installed system: its own shim first, because the fallback path can change the boot order. */
const diskLoaders = [
  ...['redhat', 'centos', 'fedora', 'debian'].flatMap((vendor) =>
    ['shimx64.efi', 'shimaa64.efi'].map((file) => `/EFI/${vendor}/${file}`),
  ),
  '/EFI/BOOT/BOOTX64.EFI',
  '/EFI/BOOT/BOOTAA64.EFI',
]

/**
 * Starts the loader on the disk. GRUB cannot leave like iPXE: OVMF then shows its setup screen, because GRUB 2.06 reports a
 * success whatever the argument of `exit`.
 */
function bootDisk(node: ScriptAuthor, text: string): string[] {
  return [
    ...print(node, text),
    // Open Firmware then continues with its next boot device.
    'if [ "$grub_platform" = ieee1275 ]; then exit; fi',
    `for slipway_loader in ${diskLoaders.join(' ')}; do`,
    // The loader gets the device of the variable root, and looks for its next file there.
    'if search --no-floppy --set=root --file "$slipway_loader"; then',
    'if chainloader "($root)$slipway_loader"; then boot; fi',
    'fi',
    'done',
    ...print(node, 'found no bootable disk'),
    'exit 1',
  ]
}

/** Returns the path of a URL on this server. */
function pathOf(url: string): string {
  return new URL(url).pathname
}

/** Returns the server of a URL as GRUB names it; the port only if it is not 80. */
function httpServer(url: string): string {
  return `(http,${new URL(url).host})`
}

/** Returns a file on any server, by HTTP. */
function foreign(url: string): string {
  const { pathname, search } = new URL(url)
  return quote(`${httpServer(url)}${pathname}${search}`)
}

/** Returns a file on this server, by the protocol that this GRUB supports. */
function remote(path: string): string {
  return `"${server}"${quote(path)}`
}

function print(node: ScriptAuthor, ...texts: readonly string[]): string[] {
  return texts.flatMap((text) => consoleLines(node, text)).map((line) => `echo ${quote(line)}`)
}

function comment(text: string): string[] {
  return [`# ${oneLine(text)}`, '']
}

function lines(...all: readonly string[]): string {
  return [...all, ''].join('\n')
}

/** Quotes one word: nothing is expanded between apostrophes. */
export function quote(word: string): string {
  return `'${oneLine(word).replaceAll("'", String.raw`'\''`)}'`
}

function oneLine(text: string): string {
  return printableAscii(text.replaceAll(/\s+/g, ' '))
}
