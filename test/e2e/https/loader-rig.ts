/**
 * The environment of the checks of iPXE over HTTPS: the network of `systems:`, a slipway with `server.tls` that serves the
 * iPXE of Debian 13, which has HTTPS and trusts the CAs of the firmware, and a virtual machine with UEFI.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openIndex } from '../debian-index.ts'
import { buildPayload } from '../payload.ts'
import { output, start, type Running } from '../process.ts'
import { cached } from '../real/cache.ts'
import { controlSocket, slipway, startServer, type Server } from '../server.ts'
import {
  addresses,
  createSystemsNetwork,
  routerInterface,
  tap,
  web1,
  type SystemsNetwork,
} from '../systems/network.ts'
import { boot, type Boot, type VmOptions } from '../vm.ts'
import { writeSignatureList } from './signature-list.ts'

export type LoaderRig = {
  readonly network: SystemsNetwork
  server: Server
  /** In the Ignition file of the node. */
  readonly secret: string
  readonly authorities: {
    /** The CA of slipway, as a list for the firmware. */
    readonly own: string
    readonly other: string
  }
  /**
   * Powers on a machine with empty firmware variables.
   *
   * @param authority the CA that its firmware trusts
   * @param until its power is cut at such a line of its console
   */
  boot(name: string, options: BootOptions): Promise<Boot & { readonly packets: Buffer }>
  /**
   * Restarts slipway without DHCP, and starts a DHCP server that names iPXE on slipway by HTTPS, as the setup of a firmware
   * can, too.
   */
  namedByHttps(): Promise<void>
  /** Runs a slipway command against the running slipway. @throws {Error} if it fails */
  slipway(...args: string[]): Promise<string>
  close(): Promise<void>
}

type BootOptions = {
  readonly firmware: VmOptions['firmware']
  readonly authority?: string
  readonly until: RegExp
  readonly limitMs: number
}

const cluster = 'ocp45'
export const nodeKey = `${cluster}/${web1.name}`

const secret = 'this-is-the-pull-secret-of-the-cluster'

const contents = { source: `data:,${secret}` }

export async function createLoaderRig(workDir: string): Promise<LoaderRig> {
  const { imagesDir } = await buildPayload(workDir)
  const loader = join(await buildLoader(), 'snponly.efi')
  const dir = join(workDir, 'https-loader')
  await rm(dir, { recursive: true, force: true })
  const siteDir = join(dir, 'site')
  await mkdir(join(siteDir, 'ignition'), { recursive: true })
  const ignition = { ignition: { version: '3.2.0' }, storage: { files: [{ path: '/etc/secret', contents }] } }
  await writeFile(join(siteDir, 'ignition/worker.ign'), JSON.stringify(ignition), { mode: 0o600 })
  const sitePath = join(siteDir, 'site.yaml')
  await writeFile(sitePath, siteText(imagesDir, loader))

  const network = await createSystemsNetwork()
  const running: Running[] = []
  const close = async (): Promise<void> => {
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    const serve = async (): Promise<Server> => {
      const started = await startServer(network, sitePath, join(dir, 'slipway.log'), {
        namespace: 'appliance',
      })
      running.push(started.process)
      return started
    }
    const server = await serve()
    const authorities = { own: join(dir, 'own.esl'), other: join(dir, 'other.esl') }
    await writeSignatureList(join(siteDir, 'state/https-ca.crt'), authorities.own)
    const otherCa = join(dir, 'other-ca.crt')
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null']
    await output(['openssl', 'req', '-x509', ...key, '-subj', '/CN=other', '-out', otherCa])
    await writeSignatureList(otherCa, authorities.other)
    const rig: LoaderRig = {
      network,
      server,
      authorities,
      secret,
      close,
      async boot(name, { firmware, authority, until, limitMs }) {
        const file = join(dir, `${name}.pcap`)
        const options = ['-i', 'br0', '-U', '-n', '--immediate-mode', '-Z', 'root', '-w', file]
        const capture = start(network.inside('bridge', 'tcpdump', ...options), {
          logFile: join(dir, `tcpdump-${name}.log`),
        })
        running.push(capture)
        await sleep(1000)
        const cut = new AbortController()
        const result = await boot(network, {
          firmware,
          mac: web1.mac,
          tap,
          dir: join(dir, name),
          limitMs,
          signal: cut.signal,
          onLine: (text) => until.test(text) && cut.abort(),
          ...(authority !== undefined && { trustedCas: authority }),
        })
        await capture.stop()
        return { ...result, packets: await readFile(file) }
      },
      async namedByHttps() {
        await rig.server.process.stop()
        await writeFile(sitePath, siteText(imagesDir, loader, 'ports: { dhcp: 1067, dhcpClient: 1068 }, '))
        rig.server = await serve()
        await network.ip('router', `addr add ${dhcpServer}/24 dev ${routerInterface}`)
        const command = network.inside('router', 'dnsmasq', ...dnsmasqOptions(dir))
        running.push(start(command, { logFile: join(dir, 'dnsmasq.log') }))
      },
      slipway: (...args) =>
        output(network.inside('appliance', ...slipway(...args), '--control', controlSocket(sitePath)), {
          limitMs: 60_000,
        }),
    }
    return rig
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the directory with the iPXE of Debian 13. That of Debian 12 has no HTTPS. */
function buildLoader(): Promise<string> {
  return cached({
    name: 'ipxe-debian-13',
    inputs: ['snponly.efi'],
    async build(dir) {
      const work = await mkdtemp(join(tmpdir(), 'slipway-ipxe-'))
      const index = await openIndex(work, { architecture: 'amd64', suites: ['trixie'] })
      const root = await index.unpack(['ipxe'])
      await copyFile(join(root, 'usr/lib/ipxe/snponly.efi'), join(dir, 'snponly.efi'))
      await rm(work, { recursive: true })
    },
  })
}

const dhcpServer = '172.16.0.254'

function dnsmasqOptions(dir: string): string[] {
  return [
    ...['--keep-in-foreground', '--log-facility=-', '--conf-file=/dev/null', '--port=0', '--user=root'],
    ...[`--pid-file=${join(dir, 'dnsmasq.pid')}`, `--dhcp-leasefile=${join(dir, 'dnsmasq.leases')}`],
    ...[`--interface=${routerInterface}`, '--dhcp-range=172.16.0.0,static', '--log-dhcp'],
    `--dhcp-host=${web1.mac},${web1.address}`,
    '--dhcp-vendorclass=set:http,HTTPClient',
    '--dhcp-option-force=tag:http,60,HTTPClient',
    `--dhcp-boot=tag:http,https://${addresses.appliance}:8444/loaders/efi/snponly.efi`,
  ]
}

/** @param ports of the server, in the syntax of its section */
const siteText = (imagesDir: string, loader: string, ports = ''): string => `\
site: https
server: { interface: srv0, address: ${addresses.appliance}, ${ports}tls: { ca: generated } }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
tftp: { loaders: { x64: ${JSON.stringify(loader)} } }
images:
  rhcos-4.17: { dir: ${JSON.stringify(imagesDir)} }
clusters:
  - name: ${cluster}
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition
    disk: /dev/vda
    requireDhcp: ${ports === ''}
    loadBalancer: { api: 172.16.0.111, ingress: 172.16.0.111 }
    console: [ttyS0]
    nodes: [{ name: ${web1.name}, role: worker, mac: "${web1.mac}", address: ${web1.address} }]
`
