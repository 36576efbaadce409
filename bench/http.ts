/** HTTP: images, and boot scripts with wrk; the peer is nginx. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../test/e2e/process.ts'
import type { TestedServer, Benchmark } from './benchmark.ts'
import { clientAddress, serverAddress, subnet, type Network } from './network.ts'
import { parseWrk } from './load-output.ts'
import { nginxConf } from './nginx.ts'
import { relayedNodes, runClient, toMeasurement, type ClientResult } from './rack/client.ts'
import { cluster, image, nodes, writeSite, type Files, type Node } from './site.ts'
import { slipway } from './slipway.ts'

const rootfs = 'rhcos-live-rootfs.x86_64.img'
const rootfsMiB = 512
const readers = relayedNodes(8)
export const imageUrl = `http://${serverAddress}/images/${image}/${rootfs}`

const [node] = nodes as [Node]
const scriptPath = `/boot/${cluster}/${node.name}/boot.ipxe`
/** About the size of a boot script; nginx serves a file of this size. */
const scriptOctets = 1300
const scriptSeconds = 3

const port = { transport: 'tcp', number: 80 } as const

export const images: Benchmark = {
  key: 'images',
  title: 'Images, 8 x 512 MiB in parallel',
  unit: 's',
  work: 'MiB',
  better: 'less',
  port,
  slipway: {
    ...slipway,
    async prepare(files) {
      await slipway.prepare?.(files)
      await writeSite(files, { declared: [...nodes, ...readers] })
    },
  },
  peers: [nginx()],
  targets: [{ peer: 'nginx', ratio: 1.25 }],
  noMoreProcessorThan: 'nginx',
  maxMemoryMiB: 400,
  async prepare({ images: dir }) {
    const file = await open(join(dir, rootfs), 'w')
    for (let written = 0; written < rootfsMiB; written++) await file.write(randomBytes(1024 * 1024))
    await file.close()
    for (const name of ['rhcos-live-kernel-x86_64', 'rhcos-live-initramfs.x86_64.img']) {
      await writeFile(join(dir, name), randomBytes(1024 * 1024))
    }
  },
  warmUp: async (network, files) => {
    await download(network, files)
  },
  async measure(network, files) {
    const result = await download(network, files)
    return { ...toMeasurement(result, readers.length), done: readers.length * rootfsMiB }
  },
}

/** The kernel discards the bytes: a client that copies them uses more processor time than the servers. */
function download(network: Network, files: Files): Promise<ClientResult> {
  return runClient(network, files, { steps: 'download', url: imageUrl, nodes: readers })
}

export const scripts: Benchmark = {
  key: 'scripts',
  title: 'Boot scripts, 32 connections',
  unit: 'responses/s',
  work: 'response',
  better: 'more',
  port,
  peers: [nginx()],
  targets: [{ peer: 'nginx', ratio: 1 }],
  warmUp: async (network) => {
    await fetchScripts(network, 2)
  },
  async measure(network) {
    const { requestsPerSecond, failed } = await fetchScripts(network, scriptSeconds)
    const done = requestsPerSecond * scriptSeconds
    return { value: requestsPerSecond, done, lostPercent: (100 * failed) / done }
  },
}

async function fetchScripts(network: Network, seconds: number) {
  // slipway sends the script only to the node itself; with `rehearse`, the request starts no installation.
  const restore = await becomeNode(network)
  try {
    const url = `http://${serverAddress}${scriptPath}?rehearse`
    const command = ['wrk', '-t', '1', '-c', '32', '-d', `${seconds}s`, url]
    return parseWrk(await output(network.onClient(0, ...command)))
  } finally {
    await restore()
  }
}

/**
 * Gives a client the MAC address and the address of the node. Returns the function that restores its own: with two
 * interfaces of one MAC address, the bridge sends the replies of other benchmarks to the wrong one.
 */
async function becomeNode(network: Network): Promise<() => Promise<void>> {
  const ip = (...command: string[]): Promise<string> => output(network.onClient(0, 'ip', ...command))
  const own = await output(network.onClient(0, 'cat', '/sys/class/net/eth0/address'))
  await ip('link', 'set', 'eth0', 'address', node.mac)
  await ip('addr', 'replace', `${node.address}/21`, 'dev', 'eth0')
  await ip('route', 'replace', subnet, 'dev', 'eth0', 'src', node.address)
  return async () => {
    await ip('addr', 'del', `${node.address}/21`, 'dev', 'eth0')
    await ip('route', 'replace', subnet, 'dev', 'eth0', 'src', clientAddress(0))
    await ip('link', 'set', 'eth0', 'address', own.trim())
  }
}

function nginx(): TestedServer {
  return {
    name: 'nginx',
    async prepare({ dir, web }) {
      await mkdir(join(web, scriptPath, '..'), { recursive: true })
      await writeFile(join(web, scriptPath), '#!ipxe\n'.padEnd(scriptOctets, '#'))
      await writeFile(join(dir, 'nginx.conf'), nginxConf(dir, web))
    },
    command: ({ dir }) => ['nginx', '-e', 'stderr', '-c', join(dir, 'nginx.conf')],
  }
}
