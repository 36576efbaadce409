/**
 * Renders a boot plan as a configuration of PXELINUX 6 (https://wiki.syslinux.org/wiki/index.php?title=Config). The first
 * file (`pxelinux.cfg/01-MAC`) includes the script of the node over HTTP. A script that does not boot loads PXELINUX again
 * after its time-out: if CONFIG cannot read its file, PXELINUX 6.04 stops at a prompt without a time-out.
 */
import type { BootPlan } from '../boot/boot-plan.ts'
import {
  consoleLines,
  installText,
  ipxeOnlyText,
  networkIdentity,
  type ScriptAuthor,
} from '../boot/console.ts'
import { missingSentences } from '../boot/installation.ts'
import { printableAscii } from '../../text/lines.ts'
import { scriptPath } from '../urls.ts'

const waitSeconds = 5
const missingFileSeconds = 10
/** After a failed attempt to boot. */
const retrySeconds = 4
/** For a node that has failed. */
const restSeconds = 30

/** Renders the first file that PXELINUX reads. It decides nothing. @param url of the boot script of the node */
export function renderPxelinuxEntry(node: ScriptAuthor, url: string): string {
  const fallback = configuration(`${node.key}: requests its script`, [], {
    then: 'again',
    seconds: retrySeconds,
    labels: [again],
  })
  // Later settings replace earlier ones. Without the file, the prompt is repeated.
  return `${fallback}INCLUDE ${new URL(scriptPath(node, 'pxelinux'), url).href}\n`
}

/** @param url of the boot script of the node */
export function renderPxelinux(node: ScriptAuthor, plan: BootPlan, url: string): string {
  switch (plan.kind) {
    case 'install':
      return plan.handoverUrl === undefined
        ? renderInstall(node, plan)
        : renderIpxeOnly(node, plan.kernel.url)
    case 'script':
      return renderIpxeOnly(node, plan.source)
    case 'missing':
      return rest(node, `${node.key} cannot install as ${plan.role}: a file is missing`, {
        texts: [
          `cannot install as ${plan.role} yet`,
          networkIdentity(node),
          ...missingSentences(plan.missing),
          'continues automatically after the problem is fixed and slipway is reloaded',
        ],
        seconds: missingFileSeconds,
      })
    case 'menu':
      return renderMenu(node, plan, url)
    case 'local':
      return configuration(`${node.key} boots from its local disk`, say(node, 'boots from its local disk'), {
        first: 'local',
        then: 'again',
        seconds: restSeconds,
        labels: [localDisk, again],
      })
    case 'wait':
      return renderWait(node, plan, url)
    case 'failed':
      return rest(node, `${node.key} has failed`, {
        texts: [
          `has failed: ${plan.reason}`,
          networkIdentity(node),
          `run "slipway node install ${node.key}" to install it again, or "slipway node local ${node.key}" to boot its disk`,
        ],
        seconds: restSeconds,
      })
    case 'elsewhere': {
      const text = `another server of this site installs nodes: ${new URL(plan.installerUrl).host}`
      const fallback = configuration(
        `${node.key} continues at the server that installs nodes`,
        say(node, text),
        {
          first: 'local',
          then: 'again',
          seconds: restSeconds,
          labels: [localDisk, again],
        },
      )
      return `${fallback}INCLUDE ${new URL(scriptPath(node, 'pxelinux'), plan.installerUrl).href}\n`
    }
    case 'refused':
      return rest(node, `${node.key}: refused`, { texts: [plan.reason], seconds: restSeconds })
  }
}

type Label = { readonly name: string; readonly commands: readonly string[] }

type Choice = {
  /** The label that is booted at once; undefined to show the prompt first. */
  readonly first?: string
  /** The label that is booted after the time-out of the prompt, which also appears if `first` fails. */
  readonly then: string
  /** 0: no time-out. */
  readonly seconds: number
  readonly labels: readonly Label[]
}

const localDisk: Label = { name: 'local', commands: ['LOCALBOOT 0'] }

/** The name is relative to the directory of PXELINUX, which then reads its first file again. */
const again: Label = { name: 'again', commands: ['PXE lpxelinux.0'] }

/** Reads a file that an administrator has selected. */
function read(name: string, url: string, path: string): Label {
  return { name, commands: [`CONFIG ${new URL(path, url).href}`] }
}

function renderIpxeOnly(node: ScriptAuthor, source: string): string {
  const title = `${node.key} boots the script of another installer`
  return rest(node, title, { texts: [ipxeOnlyText(node, 'pxelinux', source)], seconds: restSeconds })
}

function renderInstall(node: ScriptAuthor, plan: Extract<BootPlan, { kind: 'install' }>): string {
  const { role, style, kernel, initramfs } = plan
  const install: Label = {
    name: 'install',
    // KERNEL would guess the kind of a file from its extension.
    commands: [
      `LINUX ${kernel.url}`,
      `INITRD ${initramfs.url}`,
      `APPEND ${plan.arguments.join(' ')}`.trimEnd(),
    ],
  }
  const texts = [installText(plan), networkIdentity(node)]
  return configuration(`${node.key} installs as ${role}, ${style} style`, say(node, ...texts), {
    first: 'install',
    then: 'again',
    seconds: retrySeconds,
    labels: [install, again],
  })
}

function renderMenu(node: ScriptAuthor, menu: Extract<BootPlan, { kind: 'menu' }>, url: string): string {
  const possible = menu.choices.filter(({ installation }) => installation.kind === 'possible')
  const problems = missingSentences(
    menu.choices.flatMap(({ installation }) =>
      installation.kind === 'impossible' ? installation.missing : [],
    ),
  )
  const names = ['local', ...possible.map(({ role }) => role)]
  const then = names.find((name) => name === menu.default) ?? (problems.length === 0 ? 'local' : 'again')
  const roles = possible.map(({ role }) => read(role, url, scriptPath(node, 'pxelinux', role)))
  const texts = [
    `declared as ${menu.role}, ${networkIdentity(node)}`,
    ...problems.map((problem) => `not possible: ${problem}`),
    ...possible.map(
      ({ role }) => `type ${role} to install as ${role}${role === menu.declared ? ' (declared)' : ''}`,
    ),
    'type local to boot from the local disk',
    ...(problems.length === 0 ? [] : ['type again to check again for missing files']),
  ]
  return configuration(`${node.key}: boot menu`, say(node, ...texts), {
    then,
    seconds: menu.timeoutSeconds,
    labels: [...roles, localDisk, again],
  })
}

function renderWait(node: ScriptAuthor, plan: Extract<BootPlan, { kind: 'wait' }>, url: string): string {
  const { reason, canSkip, role } = plan
  // Keeps the role that an administrator selected.
  const next = role === undefined ? again : read('again', url, scriptPath(node, 'pxelinux', role))
  const skip = read('skip', url, scriptPath(node, 'pxelinux', role, true))
  return rest(node, `${node.key} waits`, {
    texts: [reason, networkIdentity(node), ...(canSkip ? ['type skip to continue without waiting'] : [])],
    seconds: waitSeconds,
    // An administrator can override the wait.
    labels: canSkip ? [next, skip] : [next],
  })
}

type Rest = {
  readonly texts: readonly string[]
  readonly seconds: number
  /** One of them is `again`. */
  readonly labels?: readonly Label[]
}

/** Shows texts, and requests the script again after a pause. */
function rest(node: ScriptAuthor, title: string, { texts, seconds, labels = [again] }: Rest): string {
  return configuration(title, say(node, ...texts), { then: 'again', seconds, labels })
}

function configuration(
  title: string,
  head: readonly string[],
  { first, then, seconds, labels }: Choice,
): string {
  return [
    `# ${oneLine(title)}`,
    '',
    ...head,
    `DEFAULT ${first ?? then}`,
    `PROMPT ${first === undefined ? 1 : 0}`,
    // In units of 100 ms.
    `TIMEOUT ${seconds * 10}`,
    `ONTIMEOUT ${then}`,
    ...labels.flatMap(({ name, commands }) => [`LABEL ${name}`, ...commands.map((each) => `  ${each}`)]),
    '',
  ].join('\n')
}

function say(node: ScriptAuthor, ...texts: readonly string[]): string[] {
  return texts.flatMap((text) => consoleLines(node, text)).map((line) => `SAY ${oneLine(line)}`)
}

function oneLine(text: string): string {
  return printableAscii(text.replaceAll(/\s+/g, ' '))
}
