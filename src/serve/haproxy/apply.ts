/** HAProxy's configuration on the disk: judged by HAProxy itself, replaced as a whole, reloaded when it changed. */
import { readFile } from 'node:fs/promises'
import { runCommand } from '../../host/command.ts'
import type { Counters } from '../../host/counters.ts'
import { writeAtomically } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { judgeHaproxy } from './judge.ts'

/**
 * `none`: the site leaves HAProxy alone. `refused`, `unwritable`: the old file is still there.
 * `written`: there is no reload command. `reload failed`: the new file is there, HAProxy runs on with the old one.
 */
export type HaproxyOutcome =
  'none' | 'unchanged' | 'refused' | 'unwritable' | 'written' | 'reloaded' | 'reload failed'

type Context = {
  readonly log: Log
  readonly counters: Counters
  /** What judges a configuration; `haproxy` from the PATH when absent. */
  readonly program?: string
}

const reloadTimeoutMs = 30_000

/** The file is one for the whole process, so one plan is applied after the other. */
let previous: Promise<unknown> = Promise.resolve()

/** Never rejects; what went wrong is the outcome, an error line and a count. */
export function applyHaproxy(plan: HaproxyPlan | undefined, context: Context): Promise<HaproxyOutcome> {
  if (plan === undefined) return Promise.resolve('none')
  const outcome = previous.then(() => apply(plan, context))
  previous = outcome
  return outcome
}

async function apply(plan: HaproxyPlan, context: Context): Promise<HaproxyOutcome> {
  const { file, text } = plan
  const { log, counters, program } = context
  try {
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return 'unchanged'
    const verdict = await judgeHaproxy(text, program)
    if (verdict.kind === 'failed') {
      counters.increment('haproxy.refused')
      log.error({ file, reason: verdict.reason }, 'haproxy refuses the new configuration, the old file stays')
      return 'refused'
    }
    await writeAtomically(file, text)
    counters.increment('haproxy.written')
    log.info({ file, octets: Buffer.byteLength(text) }, 'haproxy configuration written')
    if (verdict.kind === 'missing') {
      log.warn({ file }, 'haproxy is not installed here, so nothing checked its configuration')
    }
  } catch (error) {
    counters.increment('haproxy.unwritable')
    log.error({ file, reason: (error as Error).message }, 'haproxy configuration not written')
    return 'unwritable'
  }
  return plan.reload === undefined ? 'written' : reload(file, plan.reload, context)
}

/** @param command a line for a shell, as in a crontab: the operator wrote it, and nothing is put into it */
async function reload(file: string, command: string, { log, counters }: Context): Promise<HaproxyOutcome> {
  const { kind, ending, output } = await runCommand('/bin/sh', ['-c', command], reloadTimeoutMs)
  if (kind === 'done') {
    counters.increment('haproxy.reloads')
    log.info({ file, command }, 'haproxy reloaded')
    return 'reloaded'
  }
  counters.increment('haproxy.reloadsFailed')
  const reason = output === '' ? ending : `${ending}: ${output}`
  log.error({ file, command, reason }, 'haproxy not reloaded, it runs on with its old configuration')
  return 'reload failed'
}
