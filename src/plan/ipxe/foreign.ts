/** The script of another installer: iPXE runs it after slipway has recorded that it starts. */
import type { BootPlan } from '../boot/boot-plan.ts'
import { networkIdentity, scriptName, type ScriptAuthor } from '../boot/console.ts'
import { argument, print, script, waitAndRetry } from './script.ts'

const restSeconds = 30
/** A label that the script does not have. */
const unstarted = 'slipway_unstarted'

/** Commands that fetch the file with which a node announces the other installer, and forget it: it is not an initramfs. */
export function handOver(url: string, failed = 'failed'): string[] {
  return [`imgfetch --name handover ${argument(url)} || goto ${failed}`, 'imgfree handover']
}

/** @param url of the node's boot script, which is fetched again after a failure */
export function renderForeign(
  node: ScriptAuthor,
  { role, source, text, handoverUrl }: Extract<BootPlan, { kind: 'script' }>,
  url: string,
): string {
  return script(`${node.key} installs as ${role}, with the script of another installer`, [
    'echo',
    ...print(node, `runs ${scriptName(source)}`),
    ...print(node, networkIdentity(node)),
    ...handOver(handoverUrl, unstarted),
    ...(text === undefined
      ? [`chain --replace --autofree ${argument(source)} || goto ${unstarted}`]
      : ['', ...text.trimEnd().split(/\r?\n/).slice(1)]),
    '',
    `:${unstarted}`,
    ...print(node, 'the script of the other installer failed, see the last error above'),
    ...waitAndRetry(argument(url), restSeconds),
  ])
}
