/** Scripts of nodes that must not boot now: they show the reason on the screen and retry automatically. */
import { print, script, waitAndRetry, networkIdentity, type ScriptAuthor, argument } from './script.ts'
import { bootLocalDisk } from './menu.ts'

/** Short, so that many nodes continue at the same time; each request is cheap for the server. */
const pauseSeconds = 5
const failedSeconds = 30

export type Waiting = {
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
