/**
 * One virtual machine in software emulation: boots from the network first, then from its disk, which is
 * empty at first, and its serial console is read line by line. Firmware and devices:
 *
 * - `uefi`: OVMF's own PXE client (architecture 7), no option ROM.
 * - `http`: OVMF's own UEFI HTTP Boot (architecture 16), its PXE client switched off.
 * - `bios`: SeaBIOS with QEMU's iPXE option ROM, which calls itself iPXE from its first packet.
 * - `undi`: SeaBIOS where undionly.kpxe is fetched by TFTP and drives the card by the UNDI of the ROM before
 *   it. Debian has no PXE ROM but iPXE, so an iPXE whose script only fetches the loader stands in for one.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { followFile } from './lines.ts'
import { addresses, type Network } from './network.ts'
import { start } from './process.ts'

export type Firmware = 'uefi' | 'http' | 'bios' | 'undi'
export type ConsoleLine = { readonly atMs: number; readonly text: string }

export type Boot = {
  readonly startedMs: number
  readonly endedMs: number
  readonly console: readonly ConsoleLine[]
  /** For how long it could have run but other processes had the processors: at most what a busy machine adds. */
  readonly starvedMs: number
  /** Why it ended: `powered off`, or what made going on pointless. */
  readonly outcome: string
}

export type VmOptions = {
  readonly firmware: Firmware
  readonly mac: string
  /** The address that the node is reserved; only `undi` needs to know it beforehand. */
  readonly address?: string
  readonly tap: string
  readonly dir: string
  /** A folder with its disk and its firmware's variables, for a machine that is switched on again; made when it is not there. */
  readonly keeps?: string
  /** Whether it goes on after a reset; otherwise that ends it. */
  readonly mayReset?: boolean
  readonly limitMs: number
  /** Ends the machine early. */
  readonly signal?: AbortSignal
}

/** After such a line nothing good can come. */
const dead =
  /No bootable device|UEFI Interactive Shell|No bootable option|failed to (?:load|start) Boot0001|PXE-E\d\d|Kernel panic|iPXE initialisation failed|E2E failed/

export async function boot(network: Network, options: VmOptions): Promise<Boot> {
  const { dir } = options
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const keeps = options.keeps ?? dir
  await equip(keeps)
  await writeFile(consoleFile(dir), '')

  const console: ConsoleLine[] = []
  let outcome = 'powered off'
  const startedMs = Date.now()
  const command = network.inside('bridge', ...(await commandLine(options, keeps)))
  const machine = start(command, { logFile: join(dir, 'qemu.log') })
  function give(why: string): void {
    if (outcome === 'powered off') outcome = why
    void machine.stop()
  }
  let starvedMs = 0
  const sampling = setInterval(
    () => void starvation(machine.pid).then((ms) => (starvedMs = Math.max(ms, starvedMs))),
    500,
  )
  const limit = setTimeout(() => give(`not finished after ${options.limitMs / 1000} s`), options.limitMs)
  const abort = (): void => give('stopped by the test')
  options.signal?.addEventListener('abort', abort)
  await followFile(
    consoleFile(dir),
    () => !machine.isRunning(),
    (raw, atMs) => {
      const text = plain(raw)
      if (text === '') return
      console.push({ atMs, text })
      if (dead.test(text)) give(`gave up: ${text}`)
    },
  )
  await machine.ended
  options.signal?.removeEventListener('abort', abort)
  clearTimeout(limit)
  clearInterval(sampling)

  const lines = console.map(
    ({ atMs, text }) => `${((atMs - startedMs) / 1000).toFixed(2).padStart(7)} ${text}`,
  )
  await writeFile(join(dir, 'console.log'), `${lines.join('\n')}\n`)
  if (options.keeps === undefined) await rm(join(keeps, diskName))
  return { startedMs, endedMs: Date.now(), console, starvedMs, outcome }
}

const diskName = 'disk.img'
const variablesName = 'variables.fd'

/** A new machine's disk and variables, unless it has them. */
async function equip(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const disk = join(dir, diskName)
  if (existsSync(disk)) return
  await writeFile(disk, '')
  await truncate(disk, 64 * 1024 * 1024)
  await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', join(dir, variablesName))
}

const consoleFile = (dir: string): string => join(dir, 'console.raw')

async function commandLine(options: VmOptions, keeps: string): Promise<string[]> {
  const { firmware, mac, dir } = options
  // romfile= takes the option ROM away. Without an argument QEMU patches the device's id into its default ROM,
  // which it does not do for a file that is named, so the ROM is never named.
  const card = `virtio-net-pci,netdev=net,mac=${mac}${firmware === 'bios' ? '' : ',romfile='}`
  const words = [
    'qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none',
    // Software emulation: the same everywhere, and 5-level paging costs it time for nothing.
    '-machine q35,accel=tcg,graphics=off -cpu max,la57=off -smp 1 -m 768 -rtc base=utc',
    `-uuid 4c4c4544-0000-4000-8000-${mac.replaceAll(':', '')}`,
    `-netdev tap,id=net,ifname=${options.tap},script=no,downscript=no -device ${card},bootindex=1`,
    // Newer OVMF boots from the network only when there is a random number generator.
    '-device virtio-rng-pci -device virtio-blk-pci,drive=disk,bootindex=2',
  ]
    .join(' ')
    .split(' ')
  // To a file, because QEMU drops what a pipe or socket does not take at once.
  words.push('-serial', `file:${consoleFile(dir)}`)
  words.push('-drive', `if=none,id=disk,format=raw,file=${join(keeps, diskName)}`)
  if (options.mayReset !== true) words.push('-no-reboot')
  if (firmware === 'uefi' || firmware === 'http') {
    words.push('-drive', 'if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd')
    words.push('-drive', `if=pflash,format=raw,unit=1,file=${join(keeps, variablesName)}`)
    words.push('-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n')
    if (firmware === 'http') words.push('-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n')
  }
  if (firmware === 'undi') {
    const script = join(dir, 'rom.ipxe')
    await writeFile(script, standIn(options.address ?? ''))
    words.push('-kernel', '/usr/lib/ipxe/ipxe.lkrn', '-initrd', script)
  }
  return words
}

/** Without DHCP of its own, so that the loader has no reply left over from it and asks itself. */
function standIn(address: string): string {
  return `#!ipxe
ifopen net0
set net0/ip ${address}
set net0/netmask 255.255.255.0
chain tftp://${addresses.server}/bios/undionly.kpxe
`
}

/** The second field of schedstat is the time on a run queue in nanoseconds; the busiest thread is the virtual CPU. */
async function starvation(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const waits = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '')
    return Number(text.split(' ')[1] ?? 0) / 1e6
  })
  return Math.max(0, ...(await Promise.all(waits)))
}

/** A console line without escape sequences and control characters. */
function plain(raw: string): string {
  /* eslint-disable no-control-regex -- control characters are what is being removed */
  return raw
    .replace(/\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1bc/g, '')
    .replace(/[\x00-\x1f]/g, '')
    .trim()
  /* eslint-enable no-control-regex */
}
