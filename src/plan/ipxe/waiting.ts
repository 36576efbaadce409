/** The scripts of nodes that are not to boot anything now: they say why on the screen, and ask again by themselves. */
import { say, script, waitAndStartAgain, networkIdentity, type ScriptAuthor } from './script.ts'
import { argument } from './text.ts'

/** Short, so that a rack goes on together; what is asked of the server each time costs it nothing. */
const pauseSeconds = 5
const failedSeconds = 30

export type Waiting = {
  /** A sentence. */
  readonly reason: string
  /** Where it asks again. */
  readonly url: string
  /** Where it goes on without waiting when a person says so; absent when nobody may. */
  readonly skipUrl?: string
}

export function renderWaiting(node: ScriptAuthor, { reason, url, skipUrl }: Waiting): string {
  const lines = ['echo', ...say(node, reason), ...say(node, networkIdentity(node))]
  if (skipUrl === undefined) {
    return script(`${node.key} waits`, [...lines, ...waitAndStartAgain(argument(url), pauseSeconds)])
  }
  return script(`${node.key} waits`, [
    ...lines,
    ':wait',
    // The server waits with it; a person who knows better may go on.
    `prompt --key s --timeout ${pauseSeconds * 1000} s to go on without waiting, or wait ${pauseSeconds} s && goto skip ||`,
    `chain --replace --autofree ${argument(url)} || goto wait`,
    '',
    ':skip',
    `chain --replace --autofree ${argument(skipUrl)} || goto wait`,
  ])
}

/** @param url of its boot script: it goes on once a person has decided */
export function renderFailed(node: ScriptAuthor, reason: string, url: string): string {
  return script(`${node.key} has failed`, [
    'echo',
    ...say(node, `has failed: ${reason}`),
    ...say(node, networkIdentity(node)),
    ...say(
      node,
      `slipway node install ${node.key} installs it again, slipway node local ${node.key} boots its disk`,
    ),
    ...waitAndStartAgain(argument(url), failedSeconds),
  ])
}
