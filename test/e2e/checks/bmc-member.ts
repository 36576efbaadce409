/** The API of the cluster of config/examples/libvirt.yaml, simulated: it reports a machine as a Ready node when a check says so. */
import { join } from 'node:path'
import { remote } from '../remote-calls.ts'
import { start, type Running } from '../process.ts'
import { stub } from '../rig.ts'
import type { ClusterCalls } from '../stubs/cluster.ts'
import { waitUntil } from './client.ts'

const domain = 'rig.example.localdomain'

export type Member = {
  /** Of the API. */
  readonly address: string
  readonly kubeconfig: string
  /** @param inside command line that runs a command in the namespace with the address */
  start(inside: readonly string[]): Promise<void>
  becomeReady(node: string): Promise<void>
  stop(): Promise<void>
}

export function createMember(dir: string): Member {
  const address = '192.168.130.2'
  const socket = join(dir, 'cluster.sock')
  const files = join(dir, 'cluster')
  const cluster = remote<ClusterCalls>(socket)
  let running: Running | undefined
  return {
    address,
    kubeconfig: join(files, 'auth/kubeconfig'),
    async start(inside) {
      running = start([...inside, process.execPath, stub('cluster'), socket, files, domain], {
        logFile: join(dir, 'cluster.log'),
      })
      const isReachable = () =>
        cluster.requests().then(
          () => true,
          () => false,
        )
      await waitUntil('the API of the cluster to respond', isReachable, 20_000)
      await cluster.start({ address, serves: 'control plane' })
    },
    async becomeReady(node) {
      const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`
      const condition = {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: '',
        lastTransitionTime,
      }
      await cluster.put('/api/v1/nodes', {
        metadata: { name: `${node}.${domain}` },
        status: { conditions: [condition] },
      })
    },
    async stop() {
      await running?.stop()
    },
  }
}
