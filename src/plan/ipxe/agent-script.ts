/**
 * Reads the kernel arguments from the iPXE script that the agent-based installer writes beside its files: `kernel URL
 * initrd=… coreos.live.rootfs_url=…` and what its live system needs. slipway sets the URLs and the name of the initramfs.
 */

/** The arguments that the installer writes by default; used without a script. */
export const usualAgentArguments: readonly string[] = [
  'rw',
  'ignition.firstboot',
  'ignition.platform.id=metal',
]

const setBySlipway = ['initrd=', 'coreos.live.rootfs_url=']
const ipxeOperators = ['||', '&&', ';']

/** Returns the arguments of the only kernel line, without those that name files; undefined if there is no such line. */
export function agentArguments(script: string): string[] | undefined {
  const lines = script.split(/\r?\n/).map((line) => line.trim().split(/\s+/))
  const kernels = lines.filter(([command]) => command === 'kernel')
  const [words] = kernels
  if (words === undefined || kernels.length > 1) return undefined
  const end = words.findIndex((word) => ipxeOperators.includes(word))
  const given = withoutOptions(words.slice(1, end === -1 ? words.length : end)).slice(1)
  const kept = given.filter((word) => !setBySlipway.some((each) => word.startsWith(each)))
  return kept.every((word) => /^[\x21-\x7e]+$/.test(word)) ? kept : undefined
}

/** Skips options of iPXE before the URL: `--name` and `--timeout` with a value, `--autofree` without. */
function withoutOptions(words: readonly string[]): readonly string[] {
  const [first] = words
  if (first === undefined || !first.startsWith('-')) return words
  const hasValue = ['-n', '--name', '-t', '--timeout'].includes(first)
  return withoutOptions(words.slice(hasValue ? 2 : 1))
}
