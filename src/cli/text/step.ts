/** The steps of a node's way in words: as rows of a timeline, and as what a node does right now. Pure. */
import type { Step, StepKind, StepOutcome } from '../../install/step.ts'
import { formatCount } from '../../text/count.ts'
import { formatDuration } from '../../text/duration.ts'
import { formatBytes } from '../../text/bytes.ts'

export const stepTitles: Readonly<Record<StepKind, string>> = {
  'firmware-dhcp': 'firmware DHCP',
  'http-firmware-dhcp': 'HTTP Boot DHCP',
  loader: 'loader',
  'ipxe-dhcp': 'iPXE DHCP',
  'install-script': 'script',
  'wait-script': 'waits',
  'menu-script': 'menu',
  'local-script': 'to its disk',
  'failed-script': 'stopped',
  kernel: 'kernel',
  initramfs: 'initramfs',
  rootfs: 'rootfs',
  metal: 'metal image',
  'live-dhcp': 'live DHCP',
  ignition: 'Ignition',
  disk: 'disk written',
  failed: 'gave up',
  reboot: 'reboot',
  'disk-dhcp': 'DHCP from disk',
  started: 'first start',
  'approved-client': 'client cert.',
  registered: 'registered',
  'approved-serving': 'serving cert.',
  ready: 'Ready',
  'not-ready': 'not Ready',
  removed: 'removed',
}

/** Nothing for what went as it should. */
const outcomeWords: Readonly<Record<StepOutcome, string>> = {
  done: '',
  'under-way': '',
  offered: 'offer not taken',
  probed: 'asked for its size only',
  aborted: 'broke off',
  missing: 'is not there',
  refused: 'refused',
  'nothing-to-boot': 'nothing to boot for it',
  unconfirmed: 'no word of it',
}

/** What a step was about and how it ended: `efi/ipxe.efi by TFTP`. */
export function stepDetail(step: Step): string {
  const { kind, what, by, reason, outcome } = step
  if (kind === 'approved-client' || kind === 'approved-serving') return `${reason ?? 'it was'} approved`
  const subject =
    kind === 'install-script'
      ? `installs as ${what}`
      : kind === 'ignition'
        ? `${what}.ign`
        : [what, by === undefined ? '' : `by ${by.toUpperCase()}`].filter(Boolean).join(' ')
  const isDownload = step.total !== undefined && outcome !== 'done'
  return [subject, outcomeWords[outcome], isDownload ? `at ${percent(step)}` : '', reason]
    .filter(Boolean)
    .join(', ')
}

/** What the node does: its latest step, and since when or how quickly. */
export function nowText(step: Step | undefined, now: number): string {
  if (step === undefined) return 'never seen'
  const { kind, what, outcome, startedAt, endedAt, octetsPerSecond, count, reason } = step
  const ago = `${formatDuration(Math.max(0, now - endedAt))} ago`
  const lasting = formatDuration(Math.max(0, now - startedAt))
  switch (kind) {
    case 'wait-script':
      return outcome === 'aborted' ? `waited until ${ago}` : `waits for ${lasting}: ${reason ?? 'its turn'}`
    case 'disk':
      return outcome === 'under-way' ? `writes its disk for ${lasting}` : `wrote its disk ${ago}`
    case 'reboot':
      return `reboots for ${lasting}`
    case 'disk-dhcp':
      return `from its disk, ${ago}`
    case 'started':
      return `first start ${ago}`
    case 'local-script':
      return `to its disk, ${ago}`
    case 'menu-script':
      return `menu, ${ago}`
    case 'failed-script':
      return `stopped ${ago}: ${reason ?? 'it cannot be installed'}`
    case 'failed':
      return `gave up ${ago}`
    case 'approved-client':
      return `client certificate approved ${ago}`
    case 'registered':
      return `registered ${ago}`
    case 'approved-serving':
      return `serving certificate approved ${ago}`
    case 'ready':
      return `Ready ${lasting}`
    case 'not-ready':
      return `not Ready ${lasting}${reason === undefined ? '' : `: ${reason}`}`
    case 'removed':
      return `removed from its cluster ${ago}`
    case 'kernel':
    case 'initramfs':
    case 'rootfs':
    case 'metal': {
      if (outcome !== 'under-way') break
      const rate = octetsPerSecond === undefined ? '' : `, ${formatBytes(octetsPerSecond)}/s`
      return `${stepTitles[kind]} ${percent(step)}${rate}`
    }
    case 'firmware-dhcp':
    case 'http-firmware-dhcp':
    case 'loader':
    case 'ipxe-dhcp':
    case 'install-script':
    case 'live-dhcp':
    case 'ignition':
      break
  }
  const repeated = count === 1 ? '' : ` ${formatCount(count)}`
  const subject = kind === 'loader' ? ` ${what}` : ''
  const words = outcomeWords[outcome] === '' ? '' : `, ${outcomeWords[outcome]}`
  return `${stepTitles[kind]}${subject}${repeated}${words}, ${ago}`
}

function percent({ octets = 0, total = 0 }: Step): string {
  return total === 0 ? formatBytes(octets) : `${Math.floor((100 * octets) / total)} %`
}
