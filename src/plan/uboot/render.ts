/**
 * Renders a boot plan for U-Boot: configurations in the syntax of extlinux (https://docs.u-boot.org/en/latest/usage/cmd/pxe.html),
 * and the script `boot.scr.uimg` that requests them in a loop. U-Boot runs this script after DHCP. Firmware that looks for
 * `pxelinux.cfg/01-MAC` first boots from there, and continues with its next boot target if the node must wait. An
 * entry passes the name of the next configuration in `append`, which U-Boot runs `localcmd` with.
 */
import type { BootPlan } from '../boot/boot-plan.ts'
import { ipxeOnlyText, networkIdentity, type ScriptAuthor } from '../boot/console.ts'
import { missingSentences } from '../boot/installation.ts'
import { printableAscii } from '../../text/lines.ts'
import { scriptPath } from '../urls.ts'

const waitSeconds = 5
const missingFileSeconds = 10
const restSeconds = 30
/** Between two requests for a configuration that could not be read, or whose files could not be read. */
const loopSeconds = 4

/** In hexadecimal; more than a configuration has. */
const clearedBytes = '4000'

/** Boot targets with disks, of U-Boot with the distribution defaults (until 2023). */
const diskTargets = ['nvme0', 'nvme1', 'scsi0', 'sata0', 'virtio0', 'mmc0', 'mmc1', 'mmc2', 'usb0']

/** Returns the text of the script `boot.scr.uimg`. @param url of the boot script of the node */
export function renderUbootEntry(node: ScriptAuthor, url: string): string {
  const directory = scriptPath(node, 'uboot').replace(/[^/]+$/, '')
  return lines(
    comment(`${node.key}: requests its script`),
    `setenv serverip ${new URL(url).hostname}`,
    'setenv slipway_next boot.uboot',
    "setenv localcmd 'setenv slipway_next ${bootargs}'",
    'while test "${slipway_next}" != local; do',
    // The parser reads up to a NUL, and would read the rest of a longer configuration before.
    `  mw.b \${pxefile_addr_r} 0 ${clearedBytes}`,
    `  if tftpboot \${pxefile_addr_r} ${directory}\${slipway_next}; then pxe boot \${pxefile_addr_r}; fi`,
    `  sleep ${loopSeconds}`,
    'done',
    `for slipway_target in ${diskTargets.join(' ')}; do`,
    '  if env exists bootcmd_${slipway_target}; then run bootcmd_${slipway_target}; fi',
    'done',
  )
}

/** Returns the first file of the command `pxe get`, which reads the configuration of the node. */
export function renderUbootInclude(node: ScriptAuthor): string {
  return lines(comment(`${node.key}: reads its configuration`), `include ${scriptPath(node, 'uboot')}`)
}

export function renderUboot(node: ScriptAuthor, plan: BootPlan): string {
  switch (plan.kind) {
    case 'install': {
      const { role, style, kernel, initramfs } = plan
      if (plan.handoverUrl !== undefined)
        return rest(node, ipxeOnlyText(node, 'uboot', kernel.url), restSeconds)
      return lines(
        comment(`${node.key} installs as ${role}, ${style} style`),
        'default install',
        'label install',
        `  kernel ${pathOf(kernel.url)}`,
        `  initrd ${pathOf(initramfs.url)}`,
        `  append ${plan.arguments.join(' ')}`.trimEnd(),
      )
    }
    case 'script':
      return rest(node, ipxeOnlyText(node, 'uboot', plan.source), restSeconds)
    case 'missing': {
      const texts = [`cannot install as ${plan.role} yet`, ...missingSentences(plan.missing)]
      return rest(node, texts.join('; '), missingFileSeconds)
    }
    case 'menu':
      return renderMenu(node, plan)
    case 'local':
      return lines(comment(`${node.key} boots from its local disk`), 'default local', ...localDisk)
    case 'wait': {
      const { reason, canSkip, role } = plan
      const skip = entry('skip', 'Continue without waiting', fileName(scriptPath(node, 'uboot', role, true)))
      const next = fileName(scriptPath(node, 'uboot', role))
      // An administrator can override the wait.
      return rest(node, reason, waitSeconds, next, canSkip ? skip : [])
    }
    case 'failed':
      return rest(node, `has failed: ${plan.reason}`, restSeconds)
    case 'elsewhere':
      // U-Boot reads this server only: it boots its disk, as other loaders do if the other server does not answer.
      return lines(
        comment(
          `${node.key}: another server of this site installs nodes: ${new URL(plan.installerUrl).host}`,
        ),
        'default local',
        ...localDisk,
      )
    case 'refused':
      return rest(node, plan.reason, restSeconds)
  }
}

function renderMenu(node: ScriptAuthor, menu: Extract<BootPlan, { kind: 'menu' }>): string {
  const possible = menu.choices.filter(({ installation }) => installation.kind === 'possible')
  const isComplete = possible.length === menu.choices.length
  const names = ['local', ...possible.map(({ role }) => role)]
  // A default that does not exist would select the first entry: an unintended installation.
  const chosen = names.find((name) => name === menu.default) ?? (isComplete ? 'local' : 'again')
  return lines(
    comment(`${node.key}: boot menu`),
    ...title(node, `declared as ${menu.role}, ${networkIdentity(node)}`),
    'prompt 1',
    // In units of 100 ms.
    `timeout ${menu.timeoutSeconds * 10}`,
    `default ${chosen}`,
    ...possible.flatMap(({ role }) =>
      entry(
        role,
        `Install as ${role}${role === menu.declared ? ' (declared)' : ''}`,
        fileName(scriptPath(node, 'uboot', role)),
      ),
    ),
    ...localDisk,
    ...(isComplete ? [] : entry('again', 'Check again for missing files', 'menu.uboot')),
  )
}

/** Shows a text for a while, then requests `next`. */
function rest(
  node: ScriptAuthor,
  text: string,
  seconds: number,
  next = 'boot.uboot',
  others: readonly string[] = [],
): string {
  return lines(
    comment(`${node.key}: ${text}`),
    ...title(node, text),
    'prompt 1',
    `timeout ${seconds * 10}`,
    'default again',
    ...entry('again', 'Request the script again', next),
    ...others,
  )
}

const localDisk = entry('local', 'Boot from the local disk', 'local')

/** @param next the value of `slipway_next` */
function entry(name: string, label: string, next: string): string[] {
  return [`label ${name}`, `  menu label ${label}`, `  append ${next}`, '  localboot 1']
}

function title(node: ScriptAuthor, text: string): string[] {
  return [`menu title ${oneLine(`slipway ${node.key}: ${text}`)}`]
}

function comment(text: string): string {
  return `# ${oneLine(text)}`
}

function lines(...all: readonly string[]): string {
  return [...all, ''].join('\n')
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function pathOf(url: string): string {
  return new URL(url).pathname
}

function oneLine(text: string): string {
  return printableAscii(text.replaceAll(/\s+/g, ' '))
}
