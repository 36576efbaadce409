/** Machines with real firmware and an empty disk boot completely; an undeclared machine gets no reply. */
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch, expectNoMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { lastLines } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check, Stage } from '../runner.ts'
import { type LogLine, waitForLogFlush } from '../server.ts'
import { domain, gateway, leaseSeconds, nodes, type SiteNode } from '../site.ts'
import { phasesOf, type Phase } from '../boot-phases.ts'
import { addClientAddress } from './client.ts'
import { grubCheck } from './grub.ts'
import { boot, type Boot, type Firmware } from '../vm.ts'

/** Phases of each boot, added when a boot ends. */
export const timelines = new Map<string, readonly Phase[]>()

/**
 * A UEFI boot with dnsmasq and nginx on two cores took 33 s, of which iPXE of Debian waited 13 s for an IPv6 router. The
 * delay by other processes is subtracted. A boot that exceeds the limit indicates a problem of the server.
 */
const uefiSeconds = { reference: 33, limit: 60 }
const bootLimitMs = 180_000

/** iPXE waits 3 s for a ProxyDHCP server unless option 175 disables that. */
const ipxeDhcpLimitMs = 2_000

/** Console lines that show how the firmware booted: OVMF continues with HTTP Boot when PXE fails. */
const bootPaths: Readonly<Record<Firmware, { readonly seen: readonly RegExp[]; readonly never?: RegExp }>> = {
  uefi: {
    seen: [/NBP filename is efi\/snponly\.efi/, /NBP file downloaded successfully/],
    never: /Start HTTP Boot/,
  },
  http: {
    seen: [/Start HTTP Boot over IPv4/, /URI: http:\/\/172\.16\.0\.101\/loaders\/efi\/snponly\.efi/],
    never: /Start PXE over|NBP file/,
  },
  bios: { seen: [/Booting from ROM/, /iPXE initialising devices/] },
  undi: { seen: [/bios\/undionly\.kpxe\.* ok/, /PXE->EB: !PXE/, /using undionly/] },
}

/** The boot that is compared with the reference runs alone, the others run in pairs. */
export const firmwareStages: readonly Stage[] = [
  [[bootCheck('uefi', nodes.bs, 'tap0')]],
  [
    [
      besidePxeServer(bootCheck('uefi', nodes.w2, 'tap0'), nodes.w2),
      bootCheck('http', nodes.m2, 'tap0'),
      undeclaredCheck('tap0'),
    ],
    [bootCheck('bios', nodes.m1, 'tap1'), bootCheck('undi', nodes.w1, 'tap1'), grubCheck],
  ],
]

function bootCheck(firmware: Firmware, node: SiteNode, tap: string): Check {
  const title = `${firmware} ${node.name}`
  const settings = node.settings === undefined ? '' : `, ${node.settings}`
  return {
    name: `firmware: ${title} (${node.role}${settings}) boots, and gets everything that an installation needs`,
    limitMs: 2 * bootLimitMs + 10_000,
    async run(rig) {
      const since = rig.server.lines.length
      const dir = join(rig.dir, `vm-${node.name}`)
      const { mac, address } = node
      const done = await boot(rig.network, { firmware, mac, address, tap, dir, limitMs: bootLimitMs })
      // The server writes its log in batches, so the machine may power off before the last lines.
      await waitForLogFlush()
      const lines = rig.server.lines.slice(since).filter((line) => concerns(line, node))
      timelines.set(title, phasesOf(done, firmware, lines))
      try {
        checkConsole(rig, done, firmware, node)
        checkLog(lines, firmware, timelines.get(title) ?? [])
      } catch (error) {
        const tail = lastLines(done.console.map(({ text }) => text).join('\n'), 25)
        const { message } = error as Error
        throw new Unexpected(`${message}\nlast lines of the console (in ${dir}):\n${tail}`, {
          cause: error,
        })
      }
      return firmware === 'uefi' ? comparedWithReference(done) : `${seconds(done.endedMs - done.startedMs)} s`
    },
  }
}

/** The same with another PXE server on the network. Firmware prefers it to plain DHCP, but its file does not exist. */
function besidePxeServer(check: Check, { mac }: SiteNode): Check {
  return {
    ...check,
    name: `${check.name}, beside another PXE server`,
    async run(rig) {
      await rig.run('machines', ['ip', 'addr', 'replace', `${addresses.pxeServer}/24`, 'dev', 'mach0'])
      const offers: string[] = []
      const command = [process.execPath, stub('pxe-server'), addresses.pxeServer, mac]
      const other = rig.start('machines', 'pxe-server', command, (line) => offers.push(line))
      try {
        const note = await check.run(rig)
        expect(offers.length > 0, 'the other PXE server did not send an offer')
        return note
      } finally {
        await other.stop()
        await rig.run('machines', ['ip', 'addr', 'del', `${addresses.pxeServer}/24`, 'dev', 'mach0'])
      }
    },
  }
}

function concerns(line: LogLine, node: SiteNode): boolean {
  return line.node === `ocp45/${node.name}` || line.mac === node.mac
}

function checkConsole(rig: Rig, done: Boot, firmware: Firmware, node: SiteNode): void {
  expectEqual(done.outcome, 'powered off', 'outcome')
  const console = done.console.map(({ text }) => text).join('\n')
  const { seen, never } = bootPaths[firmware]
  for (const pattern of seen) expectMatch(console, pattern, 'the boot path on the console')
  if (never !== undefined) expectNoMatch(console, never, 'the boot path on the console')

  const reported = (key: string): string =>
    new RegExp(`^E2E ${key} (.*)$`, 'm').exec(console)?.[1] ?? '(missing)'
  const fqdn = `${node.name}.${domain}`
  expectMatch(reported('hostname'), new RegExp(`^${node.name}(\\.${domain})?$`), 'host name from option 12')
  const lease = {
    ip: node.address,
    mask: '24',
    router: gateway,
    dns: addresses.server,
    domain,
    ntp: addresses.server,
    seconds: leaseSeconds,
  }
  const fields = Object.entries(lease).map(([name, value]) => `${name}=${value}`)
  expectEqual(reported('lease'), fields.join(' '), 'lease')
  expectEqual(reported('forward'), node.address, `address of ${fqdn}`)
  expectEqual(reported('reverse'), fqdn, `name of ${node.address}`)
  expectEqual(reported('api-int'), addresses.apiInternal, 'api-int')
  expectEqual(reported('apps'), addresses.api, 'a name under apps')
  expectEqual(reported('ignition'), rig.site.ignitionDigests[node.role], `SHA-256 of ${node.role}.ign`)
  expectEqual(reported('rootfs'), 'matches', 'rootfs')
  expectEqual(reported('disk'), '/dev/vda', 'disk')
  const kernelArguments = reported('arguments')
  expectMatch(kernelArguments, / initrd=main |^initrd=main /, 'kernel arguments')
  expectMatch(kernelArguments, / console=ttyS0( |$)/, 'kernel arguments')
  expectMatch(
    kernelArguments,
    new RegExp(`coreos\\.live\\.rootfs_url=\\S+${basename(rig.payload.rootfs)}`),
    'kernel arguments',
  )
  expectMatch(console, /^E2E finished$/m, 'last line')
}

/** The log has a line with the name of the node for each response to it. */
function checkLog(lines: readonly LogLine[], firmware: Firmware, phases: readonly Phase[]): void {
  const logged = lines.map(({ service = '', msg, file = '', bootFile = '' }) => {
    return `${service}: ${msg} ${basename(file)}${bootFile}`
  })
  const loaders: Readonly<Record<Firmware, readonly string[]>> = {
    uefi: ['tftp: file sent snponly.efi'],
    http: ['http: boot loader served snponly.efi'],
    bios: [],
    undi: ['tftp: file sent undionly.kpxe'],
  }
  const expected = [
    loaders[firmware],
    ['dhcp: address acknowledged http://', 'http: boot script served boot.ipxe'],
    ['live-kernel', 'live-initramfs', 'live-rootfs'].map((file) => `http: image file served .*${file}`),
    ['http: Ignition file served '],
  ].flat()
  for (const each of expected)
    expectMatch(logged.join('\n'), new RegExp(`^${each}`, 'm'), "the node's log lines")
  const dhcp = phases.find(({ name }) => name === 'iPXE DHCP')
  expect(
    dhcp !== undefined && dhcp.ms < ipxeDhcpLimitMs,
    `DHCP of iPXE took ${dhcp?.ms ?? 'an unknown number of'} ms, expected less than ${ipxeDhcpLimitMs} ms`,
  )
}

function comparedWithReference({ startedMs, endedMs, starvedMs }: Boot): string {
  const ownSeconds = (endedMs - startedMs - starvedMs) / 1000
  const text =
    `${seconds(endedMs - startedMs)} s, of which ${seconds(starvedMs)} s waiting for a processor; ` +
    `${uefiSeconds.reference} s with the reference servers`
  expect(ownSeconds <= uefiSeconds.limit, `slower than the limit of ${uefiSeconds.limit} s: ${text}`)
  return Math.round(ownSeconds) > uefiSeconds.reference ? `${text}: SLOWER THAN THE REFERENCE` : text
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

function undeclaredCheck(tap: string): Check {
  const mac = '52:54:00:00:00:99'
  return {
    name: 'firmware: an undeclared machine gets no reply, and the log has the reason',
    limitMs: 50_000,
    async run(rig) {
      await addClientAddress(rig)
      const since = rig.server.lines.length
      const end = new AbortController()
      const dir = join(rig.dir, 'vm-undeclared')
      const options = { firmware: 'uefi', mac, tap, dir, limitMs: 40_000, signal: end.signal } as const
      const machine = boot(rig.network, options)
      try {
        const line = await rig.server.waitFor(
          'a request of the undeclared machine',
          (each) => each.mac === mac,
          {
            since,
            limitMs: 30_000,
          },
        )
        expectMatch(line.reason ?? '', new RegExp(`no reservation for ${mac}`), 'the reason in the log')
        // OVMF collects offers for 4 s, then sends another DISCOVER.
        await sleep(6_000)
        end.abort()
        const console = (await machine).console.map(({ text }) => text).join('\n')
        expectNoMatch(console, /Station IP address|NBP filename|iPXE/, 'the console')
        const health = await rig.run('server', ['curl', '-sS', `http://${addresses.server}/health`])
        expectMatch(
          health.stdout,
          new RegExp(`"${mac}".*"PXEClient:Arch:00007`),
          'undeclared machines in /health',
        )
        return line.reason
      } finally {
        end.abort()
        await machine
      }
    },
  }
}
