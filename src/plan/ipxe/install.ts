/**
 * The script that installs a node: it boots kernel and initramfs over HTTP, and the installer in them fetches the rest (live
 * style since OpenShift 4.6, installer style as in 4.5). While a file is missing, it shows why and retries. Commands:
 * https://ipxe.org/cmd
 */
import type { BootPlan } from '../boot/boot-plan.ts'
import { missingSentences } from '../boot/installation.ts'
import { installText, networkIdentity, type ScriptAuthor } from '../boot/console.ts'
import { handOver } from './foreign.ts'
import { print, script, waitAndRetry, argument } from './script.ts'

const maxAttempts = 3
/** Doubles with every attempt: 2 s, 4 s. */
const firstPauseSeconds = 2
/** After the last attempt: long enough to read the screen, short enough to recover from a power failure unattended. */
const restSeconds = 30
const missingFileSeconds = 10

/** @param url of the node's boot script, which is fetched again after a failure */
export function renderInstall(
  node: ScriptAuthor,
  plan: Extract<BootPlan, { kind: 'install' }>,
  url: string,
): string {
  const { role, style, kernel, initramfs, live, arguments: words, shim, handoverUrl } = plan
  // UEFI requires the name of the initramfs; BIOS ignores it.
  const names = live === undefined ? ['initrd=main'] : ['initrd=main', 'initrd=live']
  const command = ['kernel', kernel.url, ...names, ...words.map(argument)].join(' ')
  return script(`${node.key} installs as ${role}, ${style} style`, [
    'echo',
    ...print(node, installText(plan)),
    ...print(node, networkIdentity(node)),
    'set try:int32 0',
    `set pause:int32 ${firstPauseSeconds}`,
    '',
    ':fetch',
    'inc try',
    'imgfree',
    ...print(node, `kernel ${kernel.name}`),
    `${command} || goto failed`,
    ...print(node, `initramfs ${initramfs.name}`),
    `initrd --name main ${initramfs.url} || goto failed`,
    ...(live === undefined ? [] : [`initrd --name live ${live.url} || goto failed`]),
    // iPXE downloads it only if Secure Boot is on.
    ...(shim === undefined ? [] : [`shim ${shim.url} || goto failed`]),
    ...(handoverUrl === undefined ? [] : handOver(handoverUrl)),
    ...print(node, 'starts the installer'),
    'boot || goto failed',
    '',
    ':failed',
    `iseq \${try} ${maxAttempts} && goto rest ||`,
    `echo slipway ${node.key}: failed, retrying in \${pause} s (attempt \${try} of ${maxAttempts})`,
    'sleep ${pause}',
    'inc pause ${pause}',
    'goto fetch',
    '',
    ':rest',
    ...print(node, `failed ${maxAttempts} times, see the last error above`),
    ...waitAndRetry(argument(url), restSeconds),
  ])
}

export function renderMissing(
  node: ScriptAuthor,
  { role, missing }: Extract<BootPlan, { kind: 'missing' }>,
  url: string,
): string {
  return script(`${node.key} cannot install as ${role}: a file is missing`, [
    'echo',
    ...print(node, `cannot install as ${role} yet`),
    ...print(node, networkIdentity(node)),
    ...missingSentences(missing).flatMap((sentence) => print(node, sentence)),
    ...print(node, 'continues automatically after the problem is fixed and slipway is reloaded'),
    ...waitAndRetry(argument(url), missingFileSeconds),
  ])
}
