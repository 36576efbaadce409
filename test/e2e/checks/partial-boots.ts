/** Boots that are stopped before the kernel runs: with ProxyDHCP beside another DHCP server, and with TFTP on one port. */
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

/** Declared only in the site of the second appliance. */
const uefi = machine('p1', 81)
const bios = machine('p2', 82)
const http = machine('p3', 83)
const eager = { ...machine('p4', 84), settings: 'pxeOptions: true' }
const machines = [uefi, bios, http, eager]

function machine(name: string, lastOctet: number): Machine {
  return { name, mac: `52:54:00:00:00:${lastOctet}`, address: `172.16.0.${lastOctet}` }
}

/** Four times the duration of a boot on an idle machine. */
const bootLimitMs = 120_000

export const partialBootChecks: readonly Check[] = [
  {
    name: 'firmware: beside another DHCP server, UEFI, UEFI HTTP Boot, and BIOS machines get their boot file (dhcp: proxy)',
    limitMs: 250_000,
    run: (rig) =>
      withProxy(rig, async (proxy) => {
        const follow = (node: Machine, firmware: Firmware, tap: string, isReached: typeof isKernel) =>
          followBoot(rig, proxy, node, firmware, tap, isReached)
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
          expectMatch(console ?? '', /NBP filename is efi\/ipxe\.efi/, 'the boot path on the console')
        }
        expectMatch(ofHttp ?? '', /Start HTTP Boot over IPv4/, 'the boot path on the console')
        expectMatch(ofBios ?? '', /Booting from ROM/, 'the boot path on the console')

        const loader = 'efi/ipxe.efi'
        const offered = (file: string): string => `boot file offered ${file}`
        // UEFI firmware also sends a REQUEST to port 4011, unless option 43 disables that.
        expectEqual(dhcpReplies(proxy, uefi)[0], offered(loader), 'UEFI')
        expectEqual(dhcpReplies(proxy, uefi)[1], `boot file acknowledged ${loader}`, 'UEFI at port 4011')
        expectEqual(dhcpReplies(proxy, eager)[0], offered(loader), 'UEFI with pxeOptions')
        expectEqual(
          dhcpReplies(proxy, http)[0],
          offered(`http://${addresses.peer}/loaders/${loader}`),
          'HTTP Boot',
        )
        for (const node of machines) {
          const script = `http://${addresses.peer}/boot/proxied/${node.name}/boot.ipxe`
          expectEqual(dhcpReplies(proxy, node).at(-1), offered(script), `iPXE of ${node.name}`)
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
        expectEqual(sent?.node, `ocp45/${nodes.m3.name}`, 'the node that received the loader')
        return undefined
      } finally {
        await reload(rig)
      }
    },
  },
]

/** Returns the DHCP replies to a machine, in order. */
function dhcpReplies(proxy: Server, { mac }: Machine): string[] {
  const own = proxy.lines.filter((line) => line.service === 'dhcp' && line.mac === mac)
  return own.map(({ msg, bootFile = '' }) => `${msg} ${bootFile}`)
}

function isScript({ bootFile = '' }: LogLine): boolean {
  return bootFile.endsWith('/boot.ipxe')
}

function isKernel({ msg, file = '' }: LogLine): boolean {
  return msg === 'image file served' && file.includes('kernel')
}

/** Boots a machine until the server has logged a matching line about it. @returns the console */
async function followBoot(
  rig: Rig,
  server: Server,
  { name, mac }: Machine,
  firmware: Firmware,
  tap: string,
  isReached: (line: LogLine) => boolean,
): Promise<string> {
  const since = server.lines.length
  const end = new AbortController()
  const dir = join(rig.dir, `vm-${name}`)
  const booting = boot(rig.network, { firmware, mac, tap, dir, limitMs: bootLimitMs, signal: end.signal })
  const isAbout = (line: LogLine): boolean => line.mac === mac || line.node?.endsWith(`/${name}`) === true
  const reached = server.waitFor(`the expected step of ${name}`, (line) => isAbout(line) && isReached(line), {
    since,
    limitMs: bootLimitMs,
  })
  let failure: Error | undefined
  try {
    // The boot ends early after a fatal console line.
    await Promise.race([reached, booting.then(({ outcome }) => Promise.reject(new Error(outcome)))])
  } catch (error) {
    failure = error as Error
  }
  end.abort()
  const done = await booting
  await reached.catch(() => {})
  const console = done.console.map(({ text }) => text).join('\n')
  if (failure === undefined) return console
  throw new Unexpected(
    `${firmware} ${name}: ${failure.message}\nlast lines of the console:\n${lastLines(console, 15)}`,
  )
}

/** Runs `body` with a DHCP server without boot options, and a second appliance that only sends boot files. */
async function withProxy<T>(rig: Rig, body: (proxy: Server) => Promise<T>): Promise<T> {
  const dir = join(rig.dir, 'proxy')
  await mkdir(dir, { recursive: true })
  const sitePath = join(dir, 'site.yaml')
  await writeFile(sitePath, siteText(rig))
  await rig.run('machines', ['ip', 'addr', 'add', `${addresses.dhcpServer}/24`, 'dev', 'mach0'])
  const dnsmasq = rig.start('machines', 'dnsmasq-plain', [
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', '--no-ping'],
    ...['--interface=mach0', '--bind-interfaces', '--dhcp-range=172.16.0.0,static,10m'],
    ...machines.map(({ mac, address }) => `--dhcp-host=${mac},${address}`),
    ...['--user=root', `--dhcp-leasefile=${join(dir, 'dnsmasq.leases')}`, '--pid-file'],
  ])
  try {
    const proxy = await startServer(rig.network, sitePath, join(rig.dir, 'slipway-proxy.log'), {
      namespace: 'peer',
    })
    try {
      return await body(proxy)
    } finally {
      await proxy.process.stop()
    }
  } finally {
    await dnsmasq.stop()
    await rig.run('machines', ['ip', 'addr', 'del', `${addresses.dhcpServer}/24`, 'dev', 'mach0'])
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
