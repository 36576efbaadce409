/**
 * The iPXE script that the agent-based installer writes beside its files: `kernel URL initrd=… coreos.live.rootfs_url=…`
 * and the arguments that its live system needs. Where the files lie and what the initramfs is called is ours to say.
 */

/** What the installer writes when nothing special was asked for; used when there is no script. */
export const usualAgentArguments: readonly string[] = [
  'rw',
  'ignition.firstboot',
  'ignition.platform.id=metal',
]

const ours = ['initrd=', 'coreos.live.rootfs_url=']
const ipxeWords = ['||', '&&', ';']

/** The kernel arguments of its one kernel, without those that say where files are; `undefined` when there is no such line. */
export function agentArguments(script: string): string[] | undefined {
  const lines = script.split(/\r?\n/).map((line) => line.trim().split(/\s+/))
  const kernels = lines.filter(([command]) => command === 'kernel')
  const [words] = kernels
  if (words === undefined || kernels.length > 1) return undefined
  const end = words.findIndex((word) => ipxeWords.includes(word))
  const given = withoutOptions(words.slice(1, end === -1 ? words.length : end)).slice(1)
  const kept = given.filter((word) => !ours.some((each) => word.startsWith(each)))
  return kept.every((word) => /^[\x21-\x7e]+$/.test(word)) ? kept : undefined
}

/** iPXE's own options stand before the URL: `--name` and `--timeout` with a value, `--autofree` without. */
function withoutOptions(words: readonly string[]): readonly string[] {
  const [first] = words
  if (first === undefined || !first.startsWith('-')) return words
  const hasValue = ['-n', '--name', '-t', '--timeout'].includes(first)
  return withoutOptions(words.slice(hasValue ? 2 : 1))
}
