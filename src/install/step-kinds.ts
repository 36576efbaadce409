/**
 * Every kind of step of a node from power-on to Ready, one row each: its order, its time-out, whether it
 * starts a boot, its texts, and the evidence for it. The timeline, the symptoms, and the texts read this table.
 */
import type { BootProgress, StepKindRow, StepText } from './step-row.ts'

const second = 1000
const minute = 60 * second

/** After this pause, a repeated first step belongs to another boot. */
const pauseMs = 5 * minute
/** A starting system sends DHCP requests in its initramfs and again afterwards. */
const systemStartMs = 2 * minute

export const stages = { firmware: 0, loader: 1, ipxe: 2, script: 3, kernel: 4, live: 5, disk: 6 } as const

const never = (): boolean => false
const afterStage =
  (limit: number) =>
  (boot: BootProgress): boolean =>
    boot.stage > limit
const isWritten = ({ has }: BootProgress): boolean => has('disk') || has('reboot')

const firmware = {
  stage: stages.firmware,
  timeoutMs: 90 * second,
} as const
const script = {
  stage: stages.script,
  timeoutMs: 10 * minute,
  startsBoot: afterStage(stages.kernel),
} as const
const download = (step: string) => ({
  now: ({ isActive, progress, rate }: StepText) => (isActive ? `${step} ${progress}${rate}` : undefined),
})
const report = {
  stage: stages.disk,
  timeoutMs: Infinity,
  startsBoot: never,
} as const

/** Time-outs suit slow firmware and emulated machines, which take a minute to start a loader or unpack an initramfs. */
const rows = {
  'firmware-dhcp': {
    ...firmware,
    startsBoot: ({ stage: reached, has, quietMs }) =>
      reached > stages.firmware || !has('firmware-dhcp') || quietMs > pauseMs,
    title: 'firmware DHCP',
    evidence: 'a DHCP message of PXE firmware',
    stalled: {
      name: 'loader-not-asked',
      code: 'boot.loader-not-requested',
      saw: ({ count }) => `accepted its address ${count} and never requested its loader`,
      likely: 'a firewall blocks UDP port 69 of this server, or the firmware ignores the boot file',
      advice: 'open UDP port 69; if it is open, set `pxeOptions: true` for the node',
    },
  },
  'http-firmware-dhcp': {
    ...firmware,
    startsBoot: ({ stage: reached, has, quietMs }) =>
      reached > stages.firmware || !has('http-firmware-dhcp') || quietMs > pauseMs,
    title: 'HTTP Boot DHCP',
    evidence: 'a DHCP message of UEFI HTTP Boot firmware',
    stalled: {
      name: 'http-loader-not-asked',
      code: 'boot.http-loader-not-requested',
      saw: ({ count }) => `accepted its address for HTTP Boot ${count} and never requested its loader`,
      likely: 'the firmware accepts only HTTPS, or a firewall blocks the HTTP port of this server',
      advice: 'allow plain HTTP in the firmware setup, or boot the machine by PXE',
    },
  },
  loader: {
    stage: stages.loader,
    // iPXE waits for the link of each network card.
    timeoutMs: 2 * minute,
    startsBoot: afterStage(stages.ipxe),
    title: 'loader',
    evidence: 'a TFTP or HTTP transfer of a boot loader',
  },
  'ipxe-dhcp': {
    stage: stages.ipxe,
    timeoutMs: 90 * second,
    startsBoot: ({ stage: reached, has, quietMs }) =>
      reached > stages.ipxe || (has('ipxe-dhcp') && quietMs > pauseMs),
    title: 'iPXE DHCP',
    evidence: 'a DHCP message of iPXE',
    stalled: {
      name: 'script-not-asked',
      code: 'boot.script-not-requested',
      saw: ({ count }) => `accepted its address as iPXE ${count} and never requested its script`,
      likely: 'a firewall blocks the HTTP port of this server, or the node has no route to this server',
      advice: 'open TCP port 80 (`server.ports.http`); in a relayed subnet, check its `gateway`',
    },
  },
  'install-script': {
    ...script,
    timeoutMs: minute,
    title: 'script',
    evidence: 'a boot script that starts an installation was sent',
    subject: ({ what }) => `installs as ${what}`,
    stalled: {
      name: 'kernel-not-asked',
      code: 'install.kernel-not-requested',
      saw: ({ repeats }) => `received its script ${repeats} and never requested the kernel`,
      likely: 'the boot was stopped at the console, or this iPXE does not support the script',
      advice: 'read the last lines on its console; update the package ipxe on this server',
    },
  },
  'wait-script': {
    ...script,
    // A waiting node requests its script every few seconds.
    timeoutMs: 2 * minute,
    title: 'waits',
    evidence: 'a boot script that waits was sent',
    now: ({ wasInterrupted, ago, elapsed, reason }) =>
      wasInterrupted ? `waited until ${ago}` : `waiting for ${elapsed}: ${reason ?? 'not its turn yet'}`,
  },
  'menu-script': {
    ...script,
    title: 'menu',
    evidence: 'the boot menu was sent',
    now: ({ ago }) => `menu, ${ago}`,
    stalled: {
      name: 'menu-waits',
      code: 'boot.menu-waits',
      saw: ({ silent }) => `received the menu ${silent} ago, and no request followed`,
      likely: 'the menu is on its console and no entry was selected',
      advice: ({ node }) =>
        `select an entry at its console, or run \`slipway node install ${node}\` and power it on again`,
    },
  },
  'local-script': {
    ...script,
    title: 'to its disk',
    evidence: 'a boot script that starts the local disk was sent',
    now: ({ ago }) => `sent to its disk ${ago}`,
  },
  'failed-script': {
    ...script,
    title: 'stopped',
    evidence: 'a boot script that reports a failed installation was sent',
    mark: 'failed',
    now: ({ ago, reason }) => `stopped ${ago}: ${reason ?? 'it cannot be installed'}`,
  },
  kernel: {
    stage: stages.kernel,
    timeoutMs: minute,
    startsBoot: afterStage(stages.kernel),
    title: 'kernel',
    evidence: 'a download of the kernel',
    ...download('kernel'),
  },
  initramfs: {
    stage: stages.kernel,
    timeoutMs: 5 * minute,
    startsBoot: afterStage(stages.kernel),
    title: 'initramfs',
    evidence: 'a download of the initramfs',
    ...download('initramfs'),
  },
  'live-dhcp': {
    stage: stages.live,
    timeoutMs: 5 * minute,
    startsBoot: never,
    title: 'live DHCP',
    evidence: 'a DHCP message of a Linux system after the initramfs was sent',
  },
  rootfs: {
    stage: stages.live,
    timeoutMs: 10 * minute,
    startsBoot: afterStage(stages.live),
    title: 'rootfs',
    evidence: 'a download of the rootfs',
    ...download('rootfs'),
  },
  metal: {
    stage: stages.live,
    timeoutMs: 10 * minute,
    startsBoot: afterStage(stages.live),
    title: 'metal image',
    evidence: 'a download of the metal image',
    ...download('metal image'),
  },
  'disk-check': {
    stage: stages.live,
    timeoutMs: Infinity,
    startsBoot: never,
    title: 'disk check',
    evidence: 'the report of the live system about the target disk, before the installer starts',
  },
  ignition: {
    stage: stages.live,
    timeoutMs: 10 * minute,
    startsBoot: never,
    title: 'Ignition',
    evidence: 'a request for an Ignition file',
    subject: ({ what }) => `${what}.ign`,
  },
  answers: {
    stage: stages.live,
    // The installer then loads its parts from a mirror.
    timeoutMs: 30 * minute,
    startsBoot: never,
    title: 'answers',
    evidence: 'a request for a file that configures an installer (preseed, kickstart, autoinstall, Talos)',
  },
  disk: {
    stage: stages.live,
    // A metal image on a slow disk.
    timeoutMs: 30 * minute,
    startsBoot: never,
    title: 'disk written',
    evidence: 'from its Ignition file to the callback that its disk is written',
    now: ({ isActive, elapsed, ago }) =>
      isActive ? `writing to its disk for ${elapsed}` : `wrote to its disk ${ago}`,
    stalled: {
      name: 'not-written',
      code: 'install.disk-not-written',
      saw: ({ silent }) => `read its Ignition file ${silent} ago and did not report that its disk is written`,
      likely:
        'the installer stopped at an emergency shell (a wrong or too small disk), or the disk is very slow',
      advice: 'read the output of the installer on its console (RHCOS: `journalctl -u coreos-installer`)',
    },
  },
  failed: {
    stage: stages.live,
    timeoutMs: 0,
    startsBoot: never,
    title: 'failed',
    evidence: 'the callback that its installer failed',
    mark: 'failed',
    now: ({ ago }) => `failed ${ago}`,
  },
  reboot: {
    stage: stages.live,
    // Servers test their memory.
    timeoutMs: 15 * minute,
    startsBoot: never,
    title: 'reboot',
    evidence: 'from the callback that its disk is written to the next sign of the node',
    now: ({ elapsed }) => `rebooting for ${elapsed}`,
    stalled: {
      name: 'not-rebooted',
      code: 'install.not-rebooted',
      saw: ({ silent }) => `wrote to its disk ${silent} ago and has sent nothing since`,
      likely: 'it was powered off instead of rebooted, or its firmware waits for input',
      advice: 'look at its console; add its disk to the boot order',
    },
  },
  'disk-dhcp': {
    stage: stages.disk,
    timeoutMs: Infinity,
    startsBoot: (boot) =>
      boot.stage === stages.disk ? boot.quietMs > systemStartMs : isWritten(boot) || boot.quietMs > pauseMs,
    title: 'DHCP from disk',
    evidence: 'a DHCP message of a Linux system that is not the live system',
    now: ({ ago }) => `started from its disk ${ago}`,
  },
  started: {
    stage: stages.disk,
    timeoutMs: Infinity,
    startsBoot: (boot) => boot.stage < stages.disk && isWritten(boot),
    title: 'first start',
    evidence: 'the callback of the first start from its disk',
    now: ({ ago }) => `first start ${ago}`,
  },
  assisted: {
    ...report,
    stage: stages.live,
    title: 'assisted',
    evidence: 'the assisted service reports a state of the host',
    detail: ({ reason }) => reason ?? '',
    now: ({ reason }) => `assisted service: ${reason ?? ''}`,
  },
  'assisted-failed': {
    ...report,
    stage: stages.live,
    title: 'assisted',
    evidence: 'the assisted service reports an error of the host',
    mark: 'failed',
    detail: ({ reason }) => reason ?? '',
    now: ({ reason }) => `assisted service: ${reason ?? ''}`,
  },
  'assisted-installed': {
    ...report,
    title: 'assisted',
    evidence: 'the assisted service reports that the host is installed',
    detail: ({ reason }) => reason ?? '',
    now: ({ ago }) => `installed by the assisted service ${ago}`,
  },
  'approved-client': {
    ...report,
    title: 'client cert.',
    evidence: 'slipway approved the client certificate request',
    detail: ({ reason }) => `${reason ?? 'request'} approved`,
    now: ({ ago }) => `client certificate approved ${ago}`,
  },
  registered: {
    ...report,
    title: 'registered',
    evidence: 'its Node object exists in the cluster',
    now: ({ ago }) => `registered ${ago}`,
  },
  'approved-serving': {
    ...report,
    title: 'serving cert.',
    evidence: 'slipway approved the serving certificate request',
    detail: ({ reason }) => `${reason ?? 'request'} approved`,
    now: ({ ago }) => `serving certificate approved ${ago}`,
  },
  ready: {
    ...report,
    title: 'Ready',
    evidence: 'the cluster reports the node as Ready',
    now: ({ elapsed }) => `Ready ${elapsed}`,
  },
  'not-ready': {
    ...report,
    title: 'not Ready',
    evidence: 'the cluster reports the node as not Ready',
    mark: 'pending',
    now: ({ elapsed, reason }) => `not Ready ${elapsed}${reason === undefined ? '' : `: ${reason}`}`,
  },
  removed: {
    ...report,
    title: 'removed',
    evidence: 'its Node object was deleted from the cluster',
    now: ({ ago }) => `removed from its cluster ${ago}`,
  },
} as const satisfies Readonly<Record<string, StepKindRow>>

export type StepKind = keyof typeof rows

export const stepKinds: Readonly<Record<StepKind, StepKindRow>> = rows
