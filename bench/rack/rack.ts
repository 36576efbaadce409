/**
 * A rack of nodes that are switched on together and install: slipway beside dnsmasq (DHCP, TFTP, DNS) with nginx (images,
 * scripts, and Ignition files). The same program boots the nodes from both.
 */
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, TestedServer } from '../benchmark.ts'
import { prepareCheckout, ownCheckout, freshServeCommand } from '../slipway.ts'
import { image, writeSite, type Files, type Node } from '../site.ts'
import { relayedNodes, runClient, toMeasurement, type ClientResult } from './client.ts'
import { dnsmasqAndNginx } from './peer.ts'

/** A 32nd of the files of RHCOS 4.17; all other steps have their real size. */
const imageMiB = {
  'rhcos-live-kernel-x86_64': 0.5,
  'rhcos-live-initramfs.x86_64.img': 3,
  'rhcos-live-rootfs.x86_64.img': 34,
}
export const loader = '/usr/lib/ipxe/snponly.efi'
/** They boot before the measurement: booting again, they would boot their disks. */
const warmUpNodes = 40

export const rack = benchmarkOf(200)
export const bigRack = benchmarkOf(1000)

function benchmarkOf(count: number): Benchmark {
  const key = count === 200 ? 'rack' : `rack-${count}`
  const measured = relayedNodes(count)
  const warmingUp = relayedNodes(warmUpNodes, count)
  const declared = [...measured, ...warmingUp]
  const own = (files: Files): Files => filesOf(files, key)
  return {
    key,
    title: `Rack, ${count.toLocaleString('en-US')} nodes boot and install together`,
    unit: 's',
    work: 'node',
    better: 'less',
    port: { transport: 'tcp', number: 80 },
    slipway: slipwayForRack(declared, own),
    peers: [dnsmasqAndNginx(declared, own)],
    targets: [{ peer: 'dnsmasq + nginx', ratio: 1 / 0.7 }],
    prepare: (files) => writeFiles(own(files)),
    async warmUp(network, files) {
      await runClient(network, own(files), { steps: 'boot', nodes: warmingUp })
    },
    async measure(network, files) {
      const result = await runClient(network, own(files), { steps: 'boot', nodes: measured })
      logSteps(result)
      return toMeasurement(result, count)
    },
  }
}

/** Returns the directories of one benchmark. */
export function filesOf({ dir }: Files, key: string): Files {
  const web = join(dir, key, 'web')
  return { dir: join(dir, key), web, images: join(web, 'images', image), tftpRoot: join(dir, key, 'tftp') }
}

export async function writeFiles({ images, tftpRoot }: Files): Promise<void> {
  for (const each of [images, tftpRoot]) await mkdir(each, { recursive: true })
  for (const [name, size] of Object.entries(imageMiB))
    await writeFile(join(images, name), randomBytes(size * 1024 * 1024))
  await copyFile(loader, join(tftpRoot, 'snponly.efi'))
}

export function slipwayForRack(declared: readonly Node[], own: (files: Files) => Files): TestedServer {
  return {
    name: 'slipway',
    async prepare(files) {
      await prepareCheckout(ownCheckout, own(files).dir)
      await writeSite(own(files), { declared })
    },
    command: (files) => freshServeCommand(ownCheckout, own(files).dir),
  }
}

function logSteps({ steps, repeated }: ClientResult): void {
  const ms = (seconds: number) => Math.round(seconds * 1000)
  for (const { name, median, max } of steps ?? [])
    console.log(`         ${name.padEnd(22)} ${ms(median)} ms median, ${ms(max)} ms maximum`)
  const again = Object.entries(repeated).map(([name, count]) => `${name} ${count}`)
  if (again.length > 0) console.log(`         repeated: ${again.join(', ')}`)
}
