/**
 * Runs one virtual machine in software emulation. It boots from the network, then from its disk, which is empty at
 * first. Its serial console is read line by line. Firmware and devices:
 *
 * - `uefi`: the PXE client of OVMF (architecture 7), without an option ROM.
 * - `http`: UEFI HTTP Boot of OVMF (architecture 16), with its PXE client disabled.
 * - `bios`: SeaBIOS with the iPXE option ROM of QEMU, which identifies itself as iPXE from its first packet.
 * - `undi`: SeaBIOS with undionly.kpxe, which is fetched by TFTP and uses the UNDI of the PXE ROM. Debian has no PXE ROM
 *   except iPXE, so an iPXE with a script that only fetches the loader replaces it.
 * - `secure`: like `uefi`, with Secure Boot and the keys of Microsoft.
 * - `secure-http`: like `http`, with Secure Boot and the keys of Microsoft.
 * - `own-keys`: like `secure`, with the test key of the package ovmf in place of the keys of Microsoft.
 * - `own-keys-http`: like `secure-http`, with that test key.
 * - `u-boot`: a machine with 64-bit ARM, whose firmware is U-Boot. Its first boot target with success is DHCP.
 * - `open-firmware`: IBM Power, with the network card of its hypervisor. QEMU has its firmware (SLOF).
 * - `s390`: an s390x machine, whose firmware is a part of QEMU.
 * - `disk`: OVMF that starts from the disk in `storageDir`.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { followFile } from './line-splitter.ts'
import type { Namespaces } from './namespaces.ts'
import { addresses } from './network.ts'
import { start } from './process.ts'

export type Firmware = 'uefi' | 'http' | 'bios' | 'undi'
export type ConsoleLine = { readonly atMs: number; readonly text: string }

export type Boot = {
  readonly startedMs: number
  readonly endedMs: number
  readonly console: readonly ConsoleLine[]
  /** How long its virtual CPU waited for a processor: an upper bound of the delay by other processes. */
  readonly starvedMs: number
  /** Why it ended: `powered off`, or the reason to stop it. */
  readonly outcome: string
}

export type VmOptions = {
  readonly firmware:
    | Firmware
    | 'secure'
    | 'secure-http'
    | 'own-keys'
    | 'own-keys-http'
    | 'disk'
    | 'u-boot'
    | 'open-firmware'
    | 's390'
  /** The only version of IP that the network has; 4 if absent. */
  readonly ipVersion?: 4 | 6
  readonly mac: string
  /** The reserved address of the node; only `undi` needs it before DHCP. */
  readonly address?: string
  readonly tap: string
  readonly dir: string
  /** Directory with its disk and firmware variables, for a machine that is powered on again; created if it does not exist. */
  readonly storageDir?: string
  /** Memory in MiB; 768, or 1024 with Secure Boot, if absent. */
  readonly memory?: number
  /** Whether it continues after a reset; otherwise a reset ends it. */
  readonly continuesAfterReset?: boolean
  /** Time limit in milliseconds. The delay by other processes does not count, up to the same time again. */
  readonly limitMs: number
  /** Stops the machine early. */
  readonly signal?: AbortSignal
  /** File with a list of CAs that OVMF trusts for HTTPS (test/e2e/https/signature-list.ts). */
  readonly trustedCas?: string
  /** Path of a socket for the monitor of QEMU, which types keys. */
  readonly monitor?: string
  /** Called for each line of its console. */
  readonly onLine?: (text: string) => void
}

/** A boot cannot succeed after such a line. */
const fatal =
  /No bootable device|UEFI Interactive Shell|No bootable option|starting Boot\d+ "UiApp"|failed to (?:load|start) Boot0001|PXE-E\d\d|Kernel panic|iPXE initialisation failed|E2E failed/

/** OVMF has no setting that disables HTTP Boot over IPv4, which it tries before IPv6. */
const ipv4Attempt = /failed to load Boot\d+ "UEFI HTTPv4/

/** @param network has the tap in its namespace `bridge` */
export async function boot(network: Pick<Namespaces<'bridge'>, 'inside'>, options: VmOptions): Promise<Boot> {
  const { dir } = options
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const storageDir = options.storageDir ?? dir
  await createStorage(storageDir, secureVariables[options.firmware] ?? ovmf.variables)
  await writeFile(consoleFile(dir), '')

  const console: ConsoleLine[] = []
  let outcome = 'powered off'
  const startedMs = Date.now()
  const command = network.inside('bridge', ...(await commandLine(options, storageDir)))
  const machine = start(command, { logFile: join(dir, 'qemu.log') })
  function stop(why: string): void {
    if (outcome === 'powered off') outcome = why
    void machine.stop()
  }
  let starvedMs = 0
  const sampling = setInterval(() => {
    void starvation(machine.pid).then((ms) => (starvedMs = Math.max(ms, starvedMs)))
    const limitMs = options.limitMs + Math.min(starvedMs, options.limitMs)
    if (Date.now() - startedMs > limitMs) stop(`not finished after ${Math.round(limitMs / 1000)} s`)
  }, 500)
  const abort = (): void => stop('stopped by the test')
  options.signal?.addEventListener('abort', abort)
  await followFile(
    consoleFile(dir),
    () => !machine.isRunning(),
    (raw, atMs) => {
      const text = plainText(raw)
      if (text === '') return
      console.push({ atMs, text })
      options.onLine?.(text)
      if (fatal.test(text) && !(options.ipVersion === 6 && ipv4Attempt.test(text)))
        stop(`fatal console line: ${text}`)
    },
  )
  await machine.ended
  options.signal?.removeEventListener('abort', abort)
  clearInterval(sampling)

  const lines = console.map(
    ({ atMs, text }) => `${((atMs - startedMs) / 1000).toFixed(2).padStart(7)} ${text}`,
  )
  await writeFile(join(dir, 'console.log'), `${lines.join('\n')}\n`)
  if (options.storageDir === undefined) await rm(join(storageDir, diskName))
  return { startedMs, endedMs: Date.now(), console, starvedMs, outcome }
}

export const diskName = 'disk.img'
const variablesName = 'variables.fd'

/** Creates the disk and the firmware variables of a new machine. */
async function createStorage(dir: string, template: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const [disk, variables] = [join(dir, diskName), join(dir, variablesName)]
  if (!existsSync(variables)) await copyFile(template, variables)
  if (existsSync(disk)) return
  await writeFile(disk, '')
  await truncate(disk, 64 * 1024 * 1024)
}

const ovmf = {
  code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
  /** Enforces Secure Boot if keys are enrolled, and needs the system management mode. */
  secureCode: '/usr/share/OVMF/OVMF_CODE_4M.ms.fd',
} as const

const keysOfMicrosoft = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd'
const ownKeys = '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd'

/** Variables with keys, for firmware with Secure Boot. */
const secureVariables: Readonly<Partial<Record<VmOptions['firmware'], string>>> = {
  secure: keysOfMicrosoft,
  'secure-http': keysOfMicrosoft,
  'own-keys': ownKeys,
  'own-keys-http': ownKeys,
}

const consoleFile = (dir: string): string => join(dir, 'console.raw')

async function commandLine(options: VmOptions, storageDir: string): Promise<string[]> {
  const { firmware, mac, dir } = options
  if (firmware === 'u-boot') return ubootCommand(options)
  if (firmware === 'open-firmware') return powerCommand(options)
  if (firmware === 's390') return s390Command(options)
  const isSecure = secureVariables[firmware] !== undefined
  // An empty romfile= removes the option ROM. QEMU patches the device id into its default ROM, but not into a file that
  // is named, so the ROM is never named.
  const card = `virtio-net-pci,netdev=net,mac=${mac}${firmware === 'bios' ? '' : ',romfile='}`
  const command = [
    'qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none',
    // Software emulation is available everywhere. 5-level paging would only slow it down.
    `-machine q35,accel=tcg,graphics=off${isSecure ? ',smm=on' : ''} -cpu max,la57=off -smp 1 -m ${options.memory ?? (isSecure ? 1024 : 768)} -rtc base=utc`,
    `-uuid 4c4c4544-0000-4000-8000-${mac.replaceAll(':', '')}`,
    `-netdev tap,id=net,ifname=${options.tap},script=no,downscript=no -device ${card},bootindex=${firmware === 'disk' ? 2 : 1}`,
    // Recent versions of OVMF boot from the network only if there is a random number generator.
    `-device virtio-rng-pci -device virtio-blk-pci,drive=disk,bootindex=${firmware === 'disk' ? 1 : 2}`,
  ]
    .join(' ')
    .split(' ')
  // To a file, because QEMU drops output that a pipe or socket does not accept immediately.
  command.push('-serial', `file:${consoleFile(dir)}`)
  if (options.monitor !== undefined) command.push('-qmp', `unix:${options.monitor},server=on,wait=off`)
  command.push('-drive', `if=none,id=disk,format=raw,file=${join(storageDir, diskName)}`)
  if (options.continuesAfterReset !== true) command.push('-no-reboot')
  if (firmware !== 'bios' && firmware !== 'undi') {
    const code = isSecure ? ovmf.secureCode : ovmf.code
    if (isSecure) command.push('-global', 'driver=cfi.pflash01,property=secure,value=on')
    command.push('-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${code}`)
    command.push('-drive', `if=pflash,format=raw,unit=1,file=${join(storageDir, variablesName)}`)
    const isHttp = firmware === 'http' || firmware.endsWith('-http')
    const disabled = isHttp ? ['IPv6', 'IPv4'] : [options.ipVersion === 6 ? 'IPv4' : 'IPv6']
    for (const version of disabled) {
      command.push('-fw_cfg', `name=opt/org.tianocore/${version}PXESupport,string=n`)
    }
    if (options.trustedCas !== undefined)
      command.push('-fw_cfg', `name=etc/edk2/https/cacerts,file=${options.trustedCas}`)
  }
  if (firmware === 'undi') {
    const script = join(dir, 'rom.ipxe')
    await writeFile(script, romScript(options.address ?? ''))
    command.push('-kernel', '/usr/lib/ipxe/ipxe.lkrn', '-initrd', script)
  }
  return command
}

function ubootCommand({ mac, dir, tap }: VmOptions): string[] {
  const command = [
    'qemu-system-aarch64 -nodefaults -no-user-config -display none -monitor none -no-reboot',
    '-machine virt,accel=tcg -cpu cortex-a57 -smp 1 -m 1024 -bios /usr/lib/u-boot/qemu_arm64/u-boot.bin',
    `-netdev tap,id=net,ifname=${tap},script=no,downscript=no`,
    `-device virtio-net-pci,netdev=net,mac=${mac},romfile= -device virtio-rng-pci`,
  ]
  return [...command.join(' ').split(' '), '-serial', `file:${consoleFile(dir)}`]
}

/** Without the protections of processors that software emulation does not have. */
function powerCommand({ mac, dir, tap }: VmOptions): string[] {
  const without = 'cap-htm=off,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken'
  const command = [
    'qemu-system-ppc64 -nodefaults -no-user-config -display none -monitor none -no-reboot -vga none',
    `-machine pseries,accel=tcg,${without} -cpu power9 -smp 1 -m 1024`,
    `-netdev tap,id=net,ifname=${tap},script=no,downscript=no -device spapr-vlan,netdev=net,mac=${mac},bootindex=1`,
  ]
  return [...command.join(' ').split(' '), '-serial', `file:${consoleFile(dir)}`]
}

function s390Command({ mac, dir, tap }: VmOptions): string[] {
  const command = [
    'qemu-system-s390x -nodefaults -no-user-config -display none -monitor none -no-reboot',
    '-machine s390-ccw-virtio,accel=tcg -smp 1 -m 1024',
    `-netdev tap,id=net,ifname=${tap},script=no,downscript=no`,
    `-device virtio-net-ccw,netdev=net,mac=${mac},bootindex=1 -device sclpconsole,chardev=console`,
  ]
  return [...command.join(' ').split(' '), '-chardev', `file,id=console,path=${consoleFile(dir)}`]
}

/** Without DHCP, so that the loader has no cached reply and sends its own request. */
function romScript(address: string): string {
  return `#!ipxe
ifopen net0
set net0/ip ${address}
set net0/netmask 255.255.255.0
chain tftp://${addresses.server}/bios/undionly.kpxe
`
}

/** Returns milliseconds. The second field of schedstat is the time on a run queue in nanoseconds; the thread with the longest is the virtual CPU. */
async function starvation(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const waits = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '')
    return Number(text.split(' ')[1] ?? 0) / 1e6
  })
  return Math.max(0, ...(await Promise.all(waits)))
}

/** Returns a console line without escape sequences and control characters. */
export function plainText(raw: string): string {
  /* eslint-disable no-control-regex -- control characters are removed here */
  return raw
    .replace(/\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1bc/g, '')
    .replace(/[\x00-\x1f]/g, '')
    .trim()
  /* eslint-enable no-control-regex */
}
