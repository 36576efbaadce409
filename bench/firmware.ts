/**
 * A virtual machine boots by PXE with the firmware OVMF and Debian's iPXE, until iPXE has the boot script and requests the
 * kernel. The virtual machine is that of the end-to-end tests.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { output } from '../test/e2e/process.ts'
import { boot } from '../test/e2e/vm.ts'
import type { Benchmark, Measurement, TestedServer } from './benchmark.ts'
import type { Client, Network } from './network.ts'
import { dnsmasqAndNginx, localSubnet, peerName } from './rack/peer.ts'
import { filesOf, slipwayForRack, writeFiles } from './rack/rack.ts'
import { nodes, type Files } from './site.ts'

/** Its network has the virtual machine instead of a load program. */
const client: Client = 2
const tap = 'tap0'
const limitMs = 110_000
/** iPXE prints the URL when it starts the download. */
const kernelLine = /rhcos-live-kernel/

const declared = nodes.slice(0, 1)
const own = (files: Files): Files => filesOf(files, 'firmware')

export const firmware: Benchmark = {
  key: 'firmware',
  title: 'UEFI PXE boot of a virtual machine, until iPXE requests the kernel',
  unit: 's',
  work: 'boot',
  better: 'less',
  port: { transport: 'tcp', number: 80 },
  slipway: withRadvd(slipwayForRack(declared, own)),
  peers: [
    dnsmasqAndNginx(declared, own, localSubnet),
    { ...slipwayForRack(declared, own), name: 'slipway, no radvd' },
  ],
  targets: [{ peer: peerName, ratio: 1 / 0.55 }],
  prepare: (files) => writeFiles(own(files)),
  warmUp: async () => {},
  async measure(network, files) {
    const ip = (text: string) => output(network.onClient(client, 'ip', ...text.split(' ')))
    await ip('link add vm0 type bridge stp_state 0 forward_delay 0')
    await ip(`tuntap add ${tap} mode tap`)
    try {
      for (const each of ['eth0', tap]) await ip(`link set ${each} master vm0 up`)
      await ip('link set vm0 up')
      return await bootOnce(network, own(files))
    } finally {
      await ip(`tuntap del ${tap} mode tap`)
      await ip('link del vm0')
    }
  },
}

/** Adds the router advertisements that docs/troubleshooting.md recommends: iPXE waits for one. */
function withRadvd(server: TestedServer): TestedServer {
  const path = (files: Files, name: string) => join(own(files).dir, name)
  return {
    ...server,
    async prepare(files) {
      await server.prepare?.(files)
      const settings = 'AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;'
      await writeFile(path(files, 'radvd.conf'), `interface br0 { ${settings} };\n`)
    },
    command: (files) => [
      ...['sh', '-c', 'radvd -n -m stderr -C "$0" -p "$0.pid" & exec "$@"', path(files, 'radvd.conf')],
      ...server.command(files),
    ],
  }
}

async function bootOnce(network: Network, { dir }: Files): Promise<Measurement> {
  const stopping = new AbortController()
  const inClient = { inside: (_: string, ...command: string[]) => network.onClient(client, ...command) }
  const vmDir = join(dir, 'vm')
  // Its console would show the last boot.
  await rm(vmDir, { recursive: true, force: true })
  const [node] = declared as [(typeof nodes)[0]]
  const booting = boot(inClient, {
    ...{ firmware: 'uefi', mac: node.mac, tap, dir: vmDir, limitMs, signal: stopping.signal },
  })
  const reachedMs = await untilPrinted(join(vmDir, 'console.raw'))
  stopping.abort()
  const { startedMs, starvedMs, console: printed } = await booting
  if (reachedMs === undefined) {
    const last = printed.slice(-5).map(({ text }) => text)
    throw new Error(`iPXE requested no kernel; the end of the console: ${last.join(' / ')}`)
  }
  return {
    value: (reachedMs - startedMs - starvedMs) / 1000,
    done: 1,
    extras: { 'delay by other programs s': starvedMs / 1000 },
  }
}

/** Returns the time at which the console has the line, in milliseconds since 1970. */
async function untilPrinted(consoleFile: string): Promise<number | undefined> {
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline) {
    if (kernelLine.test(await readFile(consoleFile, 'latin1').catch(() => ''))) return Date.now()
    await sleep(50)
  }
  return undefined
}
