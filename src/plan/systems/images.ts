/** The names of the files that other operating systems boot from the network. Pure. */
import type { OtherSystem } from '../../site/other-systems.ts'
import type { NamePattern } from '../image-files.ts'

type Patterns = {
  readonly kernel: NamePattern
  readonly initramfs: NamePattern
  /** What the installer downloads from slipway. */
  readonly download?: NamePattern
}

const anyKernel: NamePattern = { pattern: /^(?:vmlinuz|linux|kernel)/, shown: 'vmlinuz*, linux*, or kernel*' }
const anyInitramfs: NamePattern = { pattern: /^init(?:rd|ramfs)/, shown: 'initrd* or initramfs*' }
const usual: Patterns = { kernel: anyKernel, initramfs: anyInitramfs }

/** `fcos` has the files of RHCOS. */
export const systemPatterns: Readonly<Record<Exclude<OtherSystem, 'fcos'>, Patterns>> = {
  debian: usual,
  rhel: usual,
  ubuntu: {
    ...usual,
    download: { pattern: /live-server.*\.iso$/, shown: '*live-server*.iso' },
  },
  talos: usual,
  custom: usual,
  flatcar: {
    kernel: { pattern: /^flatcar_production_pxe\.vmlinuz$/, shown: 'flatcar_production_pxe.vmlinuz' },
    initramfs: {
      pattern: /^flatcar_production_pxe_image\.cpio\.gz$/,
      shown: 'flatcar_production_pxe_image.cpio.gz',
    },
    download: {
      pattern: /^flatcar_production_image\.bin\.bz2$/,
      shown: 'flatcar_production_image.bin.bz2',
    },
  },
}
