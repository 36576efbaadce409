/** What the names of an image's files show: they are alike in all releases, and never composed. Pure. */
import type { ImageFacts } from './facts.ts'

export type ImageStyle = ImageFacts['style']

/** What a file's name shows it to be; `shown` says it to people. */
export type Sign = { readonly pattern: RegExp; readonly shown: string }

/** Both `…-live-kernel-x86_64` (until 4.18) and `…-live-kernel.x86_64` (since 4.19). */
export const liveSigns = {
  kernel: { pattern: /live-kernel/, shown: '*live-kernel*' },
  initramfs: { pattern: /live-initramfs/, shown: '*live-initramfs*' },
  rootfs: { pattern: /live-rootfs/, shown: '*live-rootfs*' },
} as const satisfies Record<string, Sign>

export const installerSigns = {
  kernel: { pattern: /installer-kernel/, shown: '*installer-kernel*' },
  initramfs: { pattern: /installer-initramfs/, shown: '*installer-initramfs*' },
  // metal4k is for disks with sectors of 4 KiB: whoever has such disks names it.
  metal: { pattern: /metal(?!4k).*\.raw\.gz$/, shown: '*metal*.raw.gz' },
} as const satisfies Record<string, Sign>

/** What `openshift-install agent create pxe-files` and `oc adm node-image create --pxe` write. */
export const agentSigns = {
  kernel: { pattern: /^(?:agent|node)\..*-vmlinuz$/, shown: 'agent.*-vmlinuz' },
  initramfs: { pattern: /^(?:agent|node)\..*-initrd\.img$/, shown: 'agent.*-initrd.img' },
  rootfs: { pattern: /^(?:agent|node)\..*-rootfs\.img$/, shown: 'agent.*-rootfs.img' },
} as const satisfies Record<string, Sign>

/** The iPXE script that comes with agent files. */
export const agentScriptSign: Sign = { pattern: /^(?:agent|node)\..*\.ipxe$/, shown: 'agent.*.ipxe' }

/** Keys and the pull secret are in the initramfs and the ISO of the agent-based installer, and in every Ignition file. */
const secret = /^(?:agent|node)\..*(?:initrd\.img|\.iso)$|\.ign$/

export function holdsSecrets(name: string): boolean {
  return secret.test(name)
}

/** A release of the live style comes with a metal image too. @returns `undefined` when no name shows any */
export function styleOf(names: readonly string[]): ImageStyle | undefined {
  const shows = (signs: Readonly<Record<string, Sign>>) =>
    names.some((name) => Object.values(signs).some(({ pattern }) => pattern.test(name)))
  if (shows(liveSigns)) return 'live'
  if (shows(agentSigns)) return 'agent'
  return shows(installerSigns) ? 'installer' : undefined
}

/** As the names of releases spell them. */
const knownArchitectures = ['x86_64', 'aarch64', 'ppc64le', 's390x']

/** What a name says its file is for, when that is not `wanted`; a name without any contradicts nothing. */
export function otherArchitecture(name: string, wanted: string): string | undefined {
  const said = knownArchitectures.filter((each) => name.includes(each))
  return said.includes(wanted) ? undefined : said[0]
}

/** The architecture that names speak of, when they speak of one. */
export function architectureOf(names: readonly string[]): string | undefined {
  const said = knownArchitectures.filter((each) => names.some((name) => name.includes(each)))
  return said.length === 1 ? said[0] : undefined
}
