/**
 * Recognizes the files of an image by their names, which have common parts in all releases, and reads the kernel arguments from
 * the iPXE script that the agent-based installer writes beside its files. Pure.
 */
import type { DeclaredImageFacts } from './facts.ts'

/** Styles of CoreOS. */
export type ImageStyle = Exclude<DeclaredImageFacts['style'], 'system'>

/** A pattern of file names; `shown` is its form for messages. */
export type NamePattern = { readonly pattern: RegExp; readonly shown: string }

/** Both `…-live-kernel-x86_64` (until 4.18) and `…-live-kernel.x86_64` (since 4.19). */
export const livePatterns = {
  kernel: { pattern: /live-kernel/, shown: '*live-kernel*' },
  initramfs: { pattern: /live-initramfs/, shown: '*live-initramfs*' },
  rootfs: { pattern: /live-rootfs/, shown: '*live-rootfs*' },
} as const satisfies Record<string, NamePattern>

export const installerPatterns = {
  kernel: { pattern: /installer-kernel/, shown: '*installer-kernel*' },
  initramfs: { pattern: /installer-initramfs/, shown: '*installer-initramfs*' },
  // Excludes metal4k, for disks with 4 KiB sectors: the site must name that file.
  metal: { pattern: /metal(?!4k).*\.raw\.gz$/, shown: '*metal*.raw.gz' },
} as const satisfies Record<string, NamePattern>

/** Files that `openshift-install agent create pxe-files` and `oc adm node-image create --pxe` write. */
export const agentPatterns = {
  kernel: { pattern: /^(?:agent|node)\..*-vmlinuz$/, shown: 'agent.*-vmlinuz' },
  initramfs: { pattern: /^(?:agent|node)\..*-initrd\.img$/, shown: 'agent.*-initrd.img' },
  rootfs: { pattern: /^(?:agent|node)\..*-rootfs\.img$/, shown: 'agent.*-rootfs.img' },
} as const satisfies Record<string, NamePattern>

/** The iPXE script beside agent files. */
export const agentScriptPattern: NamePattern = {
  pattern: /^(?:agent|node)\..*\.ipxe$/,
  shown: 'agent.*.ipxe',
}

/** The initramfs and the ISO of the agent-based installer, and every Ignition file, contain keys and the pull secret. */
const secret = /^(?:agent|node)\..*(?:initrd\.img|\.iso)$|\.ign$/

export function holdsSecrets(name: string): boolean {
  return secret.test(name)
}

/** Returns the style of an image by its files, or undefined. Live files decide, because a live release has a metal image too. */
export function styleOf(names: readonly string[]): ImageStyle | undefined {
  const matches = (patterns: Readonly<Record<string, NamePattern>>) =>
    names.some((name) => Object.values(patterns).some(({ pattern }) => pattern.test(name)))
  if (matches(livePatterns)) return 'live'
  if (matches(agentPatterns)) return 'agent'
  return matches(installerPatterns) ? 'installer' : undefined
}

/** As in the file names of releases. */
const knownArchitectures = ['x86_64', 'aarch64', 'ppc64le', 's390x']

/** Returns the architecture in a file name if it differs from `wanted`; also undefined for a name without one. */
export function otherArchitecture(name: string, wanted: string): string | undefined {
  const named = knownArchitectures.filter((each) => name.includes(each))
  return named.includes(wanted) ? undefined : named[0]
}

/** Returns the architecture in the file names if they contain exactly one. */
export function architectureOf(names: readonly string[]): string | undefined {
  const named = knownArchitectures.filter((each) => names.some((name) => name.includes(each)))
  return named.length === 1 ? named[0] : undefined
}

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
