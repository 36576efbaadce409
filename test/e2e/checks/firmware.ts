/** Machines with real firmware and an empty disk boot all the way; one that nobody declared gets nothing. */
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch, expectNoMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { lastLines } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check, Stage } from '../runner.ts'
import { type LogLine, settleLog } from '../server.ts'
import { domain, gateway, leaseSeconds, nodes, type SiteNode } from '../site.ts'
import { phasesOf, type Phase } from '../timeline.ts'
import { settleClient } from './client.ts'
import { boot, type Boot, type Firmware } from '../vm.ts'

/** Phases by boot, filled as the boots end. */
export const timelines = new Map<string, readonly Phase[]>()

/**
 * What a UEFI boot took with dnsmasq and nginx on two cores: 33 s, of which 13 s are Debian's iPXE waiting
 * for an IPv6 router. What a busy machine adds is taken off; beyond the limit something is wrong with the server.
 */
const uefiSeconds = { reference: 33, limit: 60 }
const bootLimitMs = 180_000

/** iPXE waits three seconds for a ProxyDHCP server unless option 175 tells it that there is none. */
const ipxeDhcpLimitMs = 2_000

/** Lines on the console that show which way the firmware went: OVMF takes to HTTP Boot by itself when PXE fails. */
const roads: Readonly<Record<Firmware, { readonly seen: readonly RegExp[]; readonly never?: RegExp }>> = {
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

/** The boot that is compared with the reference has the machine to itself, the others go two by two. */
export const firmwareStages: readonly Stage[] = [
  [[bootCheck('uefi', nodes.bs, 'tap0')]],
  [
    [
      besidePxeServer(bootCheck('uefi', nodes.w2, 'tap0'), nodes.w2),
      bootCheck('http', nodes.m2, 'tap0'),
      strangerCheck('tap0'),
    ],
    [bootCheck('bios', nodes.m1, 'tap1'), bootCheck('undi', nodes.w1, 'tap1')],
  ],
]

function bootCheck(firmware: Firmware, node: SiteNode, tap: string): Check {
  const title = `${firmware} ${node.name}`
  const settings = node.settings === undefined ? '' : `, ${node.settings}`
  return {
    name: `firmware: ${title} (${node.role}${settings}) boots, and finds everything that an installation needs`,
    limitMs: bootLimitMs + 10_000,
    async run(rig) {
      const since = rig.server.lines.length
      const dir = join(rig.dir, `vm-${node.name}`)
      const { mac, address } = node
      const done = await boot(rig.network, { firmware, mac, address, tap, dir, limitMs: bootLimitMs })
      // The machine may be off before the server's last lines are written: they go out together, a moment late.
      await settleLog()
      const lines = rig.server.lines.slice(since).filter((line) => concerns(line, node))
      timelines.set(title, phasesOf(done, firmware, lines))
      try {
        judgeConsole(rig, done, firmware, node)
        judgeLog(lines, firmware, timelines.get(title) ?? [])
      } catch (error) {
        const tail = lastLines(done.console.map(({ text }) => text).join('\n'), 25)
        const found = (error as Error).message
        throw new Unexpected(`${found}\nthe console ended with (all of it in ${dir}):\n${tail}`, {
          cause: error,
        })
      }
      return firmware === 'uefi' ? comparedWithReference(done) : `${seconds(done.endedMs - done.startedMs)} s`
    },
  }
}

/** The same beside another PXE server, which wins over plain replies: its file is not there to boot. */
function besidePxeServer(check: Check, { mac }: SiteNode): Check {
  return {
    ...check,
    name: `${check.name}, beside another PXE server`,
    async run(rig) {
      await rig.at('machines', ['ip', 'addr', 'replace', `${addresses.pxeServer}/24`, 'dev', 'mach0'])
      const offers: string[] = []
      const command = [process.execPath, stub('pxe-server'), addresses.pxeServer, mac]
      const other = rig.beside('machines', 'pxe-server', command, (line) => offers.push(line))
      try {
        const note = await check.run(rig)
        expect(offers.length > 0, 'the other PXE server offered nothing')
        return note
      } finally {
        await other.stop()
        await rig.at('machines', ['ip', 'addr', 'del', `${addresses.pxeServer}/24`, 'dev', 'mach0'])
      }
    },
  }
}

function concerns(line: LogLine, node: SiteNode): boolean {
  return line.node === `ocp45/${node.name}` || line.mac === node.mac
}

function judgeConsole(rig: Rig, done: Boot, firmware: Firmware, node: SiteNode): void {
  expectEqual(done.outcome, 'powered off', 'how it ended')
  const console = done.console.map(({ text }) => text).join('\n')
  const { seen, never } = roads[firmware]
  for (const pattern of seen) expectMatch(console, pattern, 'the way it booted')
  if (never !== undefined) expectNoMatch(console, never, 'the way it booted')

  const says = (key: string): string => new RegExp(`^E2E ${key} (.*)$`, 'm').exec(console)?.[1] ?? '(nothing)'
  const fqdn = `${node.name}.${domain}`
  expectMatch(says('hostname'), new RegExp(`^${node.name}(\\.${domain})?$`), 'host name from option 12')
  const lease = {
    ...{ ip: node.address, mask: '24', router: gateway, dns: addresses.server, domain },
    ...{ ntp: addresses.server, seconds: leaseSeconds },
  }
  const fields = Object.entries(lease).map(([name, value]) => `${name}=${value}`)
  expectEqual(says('lease'), fields.join(' '), 'lease')
  expectEqual(says('forward'), node.address, `address of ${fqdn}`)
  expectEqual(says('reverse'), fqdn, `name of ${node.address}`)
  expectEqual(says('api-int'), addresses.apiInternal, 'api-int')
  expectEqual(says('apps'), addresses.api, 'a name under apps')
  expectEqual(says('ignition'), rig.site.ignitionDigests[node.role], `SHA-256 of ${node.role}.ign`)
  expectEqual(says('rootfs'), 'matches', 'rootfs')
  expectEqual(says('disk'), '/dev/vda', 'disk')
  const given = says('arguments')
  expectMatch(given, / initrd=main |^initrd=main /, 'kernel arguments')
  expectMatch(given, / console=ttyS0( |$)/, 'kernel arguments')
  expectMatch(
    given,
    new RegExp(`coreos\\.live\\.rootfs_url=\\S+${basename(rig.payload.rootfs)}`),
    'kernel arguments',
  )
  expectMatch(console, /^E2E finished$/m, 'last line')
}

/** One line for each thing that the node was given, with the node's name in it. */
function judgeLog(lines: readonly LogLine[], firmware: Firmware, phases: readonly Phase[]): void {
  const given = lines.map(({ service = '', msg, file = '', bootFile = '' }) => {
    return `${service}: ${msg} ${basename(file)}${bootFile}`
  })
  const loaders: Readonly<Record<Firmware, readonly string[]>> = {
    uefi: ['tftp: file sent snponly.efi'],
    http: ['http: boot loader served snponly.efi'],
    bios: [],
    undi: ['tftp: file sent undionly.kpxe'],
  }
  const wanted = [
    loaders[firmware],
    ['dhcp: address acknowledged http://', 'http: boot script served boot.ipxe'],
    ['live-kernel', 'live-initramfs', 'live-rootfs'].map((file) => `http: image file served .*${file}`),
    ['http: Ignition file served '],
  ].flat()
  for (const each of wanted)
    expectMatch(given.join('\n'), new RegExp(`^${each}`, 'm'), "the node's log lines")
  const dhcp = phases.find(({ name }) => name === 'iPXE DHCP')
  expect(dhcp !== undefined && dhcp.ms < ipxeDhcpLimitMs, `iPXE's DHCP took ${dhcp?.ms ?? 'no'} ms`)
}

function comparedWithReference({ startedMs, endedMs, starvedMs }: Boot): string {
  const ownSeconds = (endedMs - startedMs - starvedMs) / 1000
  const text =
    `${seconds(endedMs - startedMs)} s, ${seconds(starvedMs)} s of them waiting for a processor; ` +
    `${uefiSeconds.reference} s with the reference servers`
  expect(ownSeconds <= uefiSeconds.limit, `too slow: ${text}`)
  return Math.round(ownSeconds) > uefiSeconds.reference ? `${text}: SLOWER THAN THE REFERENCE` : text
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

function strangerCheck(tap: string): Check {
  const mac = '52:54:00:00:00:99'
  return {
    name: 'firmware: a machine that nobody declared gets nothing, and the log says why',
    limitMs: 50_000,
    async run(rig) {
      await settleClient(rig)
      const since = rig.server.lines.length
      const end = new AbortController()
      const dir = join(rig.dir, 'vm-stranger')
      const options = { firmware: 'uefi', mac, tap, dir, limitMs: 40_000, signal: end.signal } as const
      const machine = boot(rig.network, options)
      try {
        const line = await rig.server.waitFor('a stranger', (each) => each.mac === mac, {
          since,
          limitMs: 30_000,
        })
        expectMatch(line.reason ?? '', new RegExp(`no reservation for ${mac}`), 'the reason in the log')
        // OVMF collects offers for four seconds, then asks again.
        await sleep(6_000)
        end.abort()
        const console = (await machine).console.map(({ text }) => text).join('\n')
        expectNoMatch(console, /Station IP address|NBP filename|iPXE/, 'the console')
        const health = await rig.at('server', ['curl', '-sS', `http://${addresses.server}/health`])
        expectMatch(health.stdout, new RegExp(`"${mac}".*"PXEClient:Arch:00007`), 'strangers in /health')
        return line.reason
      } finally {
        end.abort()
        await machine
      }
    },
  }
}
