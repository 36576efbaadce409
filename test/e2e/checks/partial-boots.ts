/**
 * Boots that show something before the kernel runs, and are followed no further: beside another DHCP server, and
 * with TFTP on one port.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch, Unexpected } from '../expect.ts'
import { addresses } from '../network.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { startServer, type LogLine, type Server } from '../server.ts'
import { nodes, type SiteNode } from '../site.ts'
import { boot, type Firmware } from '../vm.ts'
import { reload } from './reload.ts'

type Machine = Pick<SiteNode, 'name' | 'mac' | 'address' | 'settings'>

/** Declared to the second appliance alone. */
const uefi = machine('p1', 81)
const bios = machine('p2', 82)
const http = machine('p3', 83)
const eager = { ...machine('p4', 84), settings: 'pxeOptions: true' }
const machines = [uefi, bios, http, eager]

function machine(name: string, lastOctet: number): Machine {
  return { name, mac: `52:54:00:00:00:${lastOctet}`, address: `172.16.0.${lastOctet}` }
}

/** Four times what a boot takes on an idle machine, as for the whole ones. */
const bootLimitMs = 120_000

export const partialBootChecks: readonly Check[] = [
  {
    name: 'firmware: beside another DHCP server, UEFI, UEFI HTTP Boot and BIOS machines are told what to boot (dhcp: proxy)',
    limitMs: 250_000,
    run: (rig) =>
      withProxy(rig, async (proxy) => {
        const follow = (node: Machine, firmware: Firmware, tap: string, isEnough: typeof isKernel) =>
          followBoot(rig, proxy, node, firmware, tap, isEnough)
        const lanes = [
          async () => [
            await follow(uefi, 'uefi', 'tap0', isKernel),
            await follow(http, 'http', 'tap0', isScript),
          ],
          async () => [
            await follow(bios, 'bios', 'tap1', isKernel),
            await follow(eager, 'uefi', 'tap1', isScript),
          ],
        ]
        const [ofUefi, ofHttp, ofBios, ofEager] = (await Promise.all(lanes.map((lane) => lane()))).flat()
        for (const console of [ofUefi, ofEager]) {
          expectMatch(console ?? '', /NBP filename is efi\/ipxe\.efi/, 'the way it booted')
        }
        expectMatch(ofHttp ?? '', /Start HTTP Boot over IPv4/, 'the way it booted')
        expectMatch(ofBios ?? '', /Booting from ROM/, 'the way it booted')

        const loader = 'efi/ipxe.efi'
        const offered = (file: string): string => `boot file offered ${file}`
        // UEFI firmware asks again at port 4011, if it is not told with option 43 that it need not.
        expectEqual(told(proxy, uefi)[0], offered(loader), 'UEFI')
        expectEqual(told(proxy, uefi)[1], `boot file acknowledged ${loader}`, 'UEFI at port 4011')
        expectEqual(told(proxy, eager)[0], offered(loader), 'UEFI with pxeOptions')
        expectEqual(told(proxy, http)[0], offered(`http://${addresses.peer}/loaders/${loader}`), 'HTTP Boot')
        for (const node of machines) {
          const script = `http://${addresses.peer}/boot/proxied/${node.name}/boot.ipxe`
          expectEqual(told(proxy, node).at(-1), offered(script), `iPXE of ${node.name}`)
        }
        return undefined
      }),
  },
  {
    name: 'firmware: UEFI fetches its loader by TFTP on one port (singlePort), and starts it',
    limitMs: 130_000,
    async run(rig) {
      await reload(rig, { tftp: '{ singlePort: true }' })
      try {
        const console = await followBoot(rig, rig.server, nodes.m3, 'uefi', 'tap0', isScript)
        expectMatch(console, /NBP file downloaded successfully/, 'the console')
        const sent = rig.server.lines.findLast(
          ({ service, msg }) => service === 'tftp' && msg === 'file sent',
        )
        expectEqual(sent?.node, `ocp45/${nodes.m3.name}`, 'whom the loader was sent to')
        return undefined
      } finally {
        await reload(rig)
      }
    },
  },
]

/** What a machine was told by DHCP, firmware first. */
function told(proxy: Server, { mac }: Machine): string[] {
  const own = proxy.lines.filter((line) => line.service === 'dhcp' && line.mac === mac)
  return own.map(({ msg, bootFile = '' }) => `${msg} ${bootFile}`)
}

function isScript({ bootFile = '' }: LogLine): boolean {
  return bootFile.endsWith('/boot.ipxe')
}

function isKernel({ msg, file = '' }: LogLine): boolean {
  return msg === 'image file served' && file.includes('kernel')
}

/** Boots a machine until the server's log has a line about it that `isEnough`; @returns its console. */
async function followBoot(
  rig: Rig,
  server: Server,
  { name, mac }: Machine,
  firmware: Firmware,
  tap: string,
  isEnough: (line: LogLine) => boolean,
): Promise<string> {
  const since = server.lines.length
  const end = new AbortController()
  const dir = join(rig.dir, `vm-${name}`)
  const booting = boot(rig.network, { firmware, mac, tap, dir, limitMs: bootLimitMs, signal: end.signal })
  const isIts = (line: LogLine): boolean => line.mac === mac || line.node?.endsWith(`/${name}`) === true
  const wanted = server.waitFor(`that ${name} got so far`, (line) => isIts(line) && isEnough(line), {
    since,
    limitMs: bootLimitMs,
  })
  let failure: Error | undefined
  try {
    // A machine that gives up ends by itself.
    await Promise.race([wanted, booting.then(({ outcome }) => Promise.reject(new Error(outcome)))])
  } catch (error) {
    failure = error as Error
  }
  end.abort()
  const done = await booting
  await wanted.catch(() => {})
  const console = done.console.map(({ text }) => text).join('\n')
  if (failure === undefined) return console
  throw new Unexpected(
    `${firmware} ${name}: ${failure.message}\nthe console ended with:\n${lastLines(console, 15)}`,
  )
}

/** Runs `body` beside a DHCP server without boot options and a second appliance that leases nothing. */
async function withProxy<T>(rig: Rig, body: (proxy: Server) => Promise<T>): Promise<T> {
  const dir = join(rig.dir, 'proxy')
  await mkdir(dir, { recursive: true })
  const sitePath = join(dir, 'site.yaml')
  await writeFile(sitePath, siteText(rig))
  await rig.at('machines', ['ip', 'addr', 'add', `${addresses.dhcpServer}/24`, 'dev', 'mach0'])
  const dnsmasq = rig.beside('machines', 'dnsmasq-plain', [
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', '--no-ping'],
    ...['--interface=mach0', '--bind-interfaces', '--dhcp-range=172.16.0.0,static,10m'],
    ...machines.map(({ mac, address }) => `--dhcp-host=${mac},${address}`),
    ...['--user=root', `--dhcp-leasefile=${join(dir, 'dnsmasq.leases')}`, '--pid-file'],
  ])
  try {
    const proxy = await startServer(rig.network, sitePath, join(rig.dir, 'slipway-proxy.log'), {
      place: 'peer',
    })
    try {
      return await body(proxy)
    } finally {
      await proxy.process.stop()
    }
  } finally {
    await dnsmasq.stop()
    await rig.at('machines', ['ip', 'addr', 'del', `${addresses.dhcpServer}/24`, 'dev', 'mach0'])
  }
}

function siteText({ payload, dir }: Rig): string {
  const node = ({ name, mac, address, settings }: Machine): string => {
    const own = settings === undefined ? '' : `, ${settings}`
    return `      - { name: ${name}, role: worker, mac: "${mac}", address: ${address}${own} }`
  }
  return `\
site: proxied
server: { interface: srv0, address: ${addresses.peer} }
subnets:
  - { cidr: 172.16.0.0/24, dhcp: proxy }
dns: { serve: false }
images:
  rhcos-4.17: { dir: ${JSON.stringify(payload.imagesDir)} }
clusters:
  - name: proxied
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ${JSON.stringify(join(dir, 'site/ignition'))}
    disk: /dev/vda
    loader: ipxe
    console: [ttyS0]
    loadBalancer: { api: ${addresses.api}, ingress: ${addresses.api} }
    nodes:
${machines.map(node).join('\n')}
`
}
