/**
 * The script that installs a node: kernel and initramfs by HTTP, the rest by the installer that they
 * contain. Live style since OpenShift 4.6, installer style as in 4.5; and what a node shows and does
 * while a file is missing. Commands: https://ipxe.org/cmd
 */
import type { IgnitionKind, MissingFile } from '../facts.ts'
import type { NodeModel } from '../model.ts'
import { missingSentences, type Installation } from './installation.ts'
import { kernelArguments } from './kernel-arguments.ts'
import { say, script, waitAndStartAgain, networkIdentity } from './script.ts'
import { argument } from './text.ts'

const tries = 3
/** Doubles with every try: 2 s, 4 s. */
const firstPauseSeconds = 2
/** After the last try: long enough to read the screen, short enough to survive a power cut unattended. */
const restSeconds = 30
const missingFileSeconds = 10

/** @param url of the node's boot script: after a failure it asks again what is due */
export function renderInstall(
  node: NodeModel,
  role: IgnitionKind,
  installation: Installation,
  url: string,
): string {
  return installation.kind === 'possible'
    ? renderBoot(node, role, installation, url)
    : renderMissing(node, role, installation.missing, url)
}

function renderBoot(
  node: NodeModel,
  role: IgnitionKind,
  installation: Extract<Installation, { kind: 'possible' }>,
  url: string,
): string {
  const { kernel, initramfs, style } = installation
  const command = ['kernel', kernel.url, ...kernelArguments(node, installation)].join(' ')
  return script(`${node.key} installs as ${role}, ${style} style`, [
    'echo',
    ...say(
      node,
      style === 'agent' ? 'installs as its agent decides' : `installs as ${role} on ${installation.disk}`,
    ),
    ...say(node, networkIdentity(node)),
    'set try:int32 0',
    `set pause:int32 ${firstPauseSeconds}`,
    '',
    ':fetch',
    'inc try',
    'imgfree',
    ...say(node, `kernel ${kernel.name}`),
    `${command} || goto failed`,
    ...say(node, `initramfs ${initramfs.name}`),
    `initrd --name main ${initramfs.url} || goto failed`,
    ...say(node, 'starts the installer'),
    'boot || goto failed',
    '',
    ':failed',
    `iseq \${try} ${tries} && goto rest ||`,
    `echo slipway ${node.key}: that failed, again in \${pause} s (try \${try} of ${tries})`,
    'sleep ${pause}',
    'inc pause ${pause}',
    'goto fetch',
    '',
    ':rest',
    ...say(node, `failed ${tries} times, the last line above says why`),
    ...waitAndStartAgain(argument(url), restSeconds),
  ])
}

function renderMissing(
  node: NodeModel,
  role: IgnitionKind,
  missing: readonly MissingFile[],
  url: string,
): string {
  return script(`${node.key} cannot install as ${role}: a file is missing`, [
    'echo',
    ...say(node, `cannot install as ${role} yet`),
    ...say(node, networkIdentity(node)),
    ...missingSentences(missing).flatMap((sentence) => say(node, sentence)),
    ...say(node, 'goes on by itself once that is mended and slipway is reloaded'),
    ...waitAndStartAgain(argument(url), missingFileSeconds),
  ])
}
