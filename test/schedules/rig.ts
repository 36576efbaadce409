/** Two appliances, and three members of etcd that they share, on loopback. What is killed or paused is repaired later. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'node:http'
import { cluster, createAppliance, nodeAddress, type Appliance } from './appliance.ts'
import { startEtcd, type EtcdCluster } from './etcd.ts'
import { createPorts } from './ports.ts'

export type Rig = {
  readonly dir: string
  readonly appliances: readonly [Appliance, Appliance]
  readonly etcd: EtcdCluster
  /** Kills or pauses a process; nothing happens to one that already is. */
  readonly harm: (target: Target, how: 'kill' | 'pause') => void
  readonly repair: (target: Target) => void
  /** Repairs everything, and resolves when all serve. */
  repairAll(): Promise<void>
  /** Returns the boot script that an appliance sends to a node. */
  scriptOf(appliance: Appliance, index: number): Promise<string>
  close(): Promise<void>
}

export const targets = ['a', 'b', 'etcd1', 'etcd2', 'etcd3'] as const
export type Target = (typeof targets)[number]

export const keyOf = (index: number): string => `${cluster}/w${index}`

/** @param nodes number of machines that the site declares */
export async function createRig(nodes: number): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'slipway-schedules-'))
  // Below the ports that Linux uses for outgoing connections, different in every process.
  const ports = createPorts(24_000 + 40 * (process.pid % 100))
  await mkdir(join(dir, 'etcd'))
  const etcd = await startEtcd(join(dir, 'etcd'), ports)
  const addresses = ['127.0.10.1', '127.0.10.2'] as const
  const create = (name: string, address: string) =>
    createAppliance({ dir, ports, name, address, peers: addresses, nodes, etcd: etcd.site })
  const appliances = [await create('a', addresses[0]), await create('b', addresses[1])] as const
  for (const each of appliances) each.start()
  const harmed = new Map<Target, 'kill' | 'pause'>()

  const find = (target: Target) =>
    [...appliances, ...etcd.members].find(({ name }) => name === target) as
      Appliance | EtcdCluster['members'][number]

  function repair(target: Target): void {
    const how = harmed.get(target)
    harmed.delete(target)
    if (how === 'pause') find(target).process().signal('SIGCONT')
    if (how === 'kill') find(target).start()
  }

  async function repairAll(): Promise<void> {
    for (const target of [...harmed.keys()]) repair(target)
    for (const each of appliances) await each.ready()
  }

  const rig: Rig = {
    dir,
    appliances,
    etcd,
    repair,
    repairAll,
    harm(target, how) {
      if (harmed.has(target)) return
      harmed.set(target, how)
      find(target)
        .process()
        .signal(how === 'kill' ? 'SIGKILL' : 'SIGSTOP')
    },
    scriptOf: ({ url }, index) => get(`${url}/boot/${keyOf(index)}/boot.ipxe`, nodeAddress(index)),
    async close() {
      for (const target of [...harmed.keys()]) repair(target)
      for (const each of [...appliances, ...etcd.members]) {
        if (each.process().isRunning()) each.process().signal('SIGKILL')
        await each.process().ended
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
  try {
    await repairAll()
    return rig
  } catch (error) {
    await rig.close()
    throw error
  }
}

function get(url: string, localAddress: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sending = request(url, { localAddress, agent: false, timeout: 10_000 }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    response.on('end', () => resolve(text)).on('error', reject)
  })
  sending.on('timeout', () => sending.destroy(new Error('no answer'))).on('error', reject)
  sending.end()
  return promise
}
