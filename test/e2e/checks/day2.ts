/**
 * Day 2 of the guide's cluster: one command turns a virtual machine into a Ready worker, another removes it. The cluster is
 * the stub of the life cycle checks; this file simulates the kubelet and the router of the machine.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../expect.ts'
import type { Guide } from '../guide.ts'
import { guide as site } from '../guide-site.ts'
import { rackTap } from '../network.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import { sha256 } from '../site.ts'
import { boot } from '../vm.ts'
import { waitUntil } from './client.ts'
import { approved, promptMs, untilFollowed, withGuide } from './csr.ts'
import { clientRequest, servingRequest } from './csr-requests.ts'
import { stopClients, withoutFailures, startClients } from './cluster-clients.ts'

const w4 = { name: 'w4', mac: '52:54:00:00:01:34', address: '172.16.0.34' } as const
const fqdn = `${w4.name}.${site.domain}`

const nodesPath = '/api/v1/nodes'
const secretsPath = '/api/v1/namespaces/openshift-machine-api/secrets'

/** Returns user data as the machine config operator writes it. @param authority CA certificate in PEM */
function userData(authority: string): string {
  const pem = Buffer.from(authority).toString('base64')
  return JSON.stringify({
    ignition: {
      config: { merge: [{ source: `https://api-int.${site.domain}:22623/config/worker`, verification: {} }] },
      security: {
        tls: { certificateAuthorities: [{ source: `data:text/plain;charset=utf-8;base64,${pem}` }] },
      },
      version: '3.4.0',
    },
    storage: {},
    systemd: {},
  })
}

let textBefore = ''

export const day2Checks: readonly Check[] = [
  {
    name: 'day2: one command turns a machine into a Ready worker, with the current Ignition file of its cluster',
    limitMs: 320_000,
    run: withGuide(async (guide, rig) => {
      const current = await prepare(guide, rig)
      textBefore = await guide.text()
      const lines: string[] = []
      const since = guide.server.lines.length
      const options = ['--role', 'worker', '--mac', w4.mac, '--address', w4.address, '--timeout', '4m']
      const add = rig.start(
        'appliance',
        'node-add',
        slipway('node', 'add', w4.name, ...options, '--control', guide.controlSocket, guide.sitePath),
        (line) => lines.push(line),
      )
      const printed = (text: RegExp): Promise<void> =>
        waitUntil(`node add to print ${text.source}`, () =>
          Promise.resolve(lines.some((line) => text.test(line))),
        )
      try {
        await printed(/armed/)
        const dir = join(rig.dir, `vm-${w4.name}`)
        const machine = { firmware: 'bios', tap: rackTap, mac: w4.mac, continuesAfterReset: true } as const
        const booting = boot(rig.network, { ...machine, dir, limitMs: 150_000 })
        const isInstalled = ({ msg, text }: { msg: string; text: string }): boolean =>
          msg === 'node state changed' && /"node":"ocp45\/w4".*"to":"installed"/.test(text)
        await guide.server.waitFor('that w4 is installed', isInstalled, { since, limitMs: 150_000 })
        // Certificate requests are approved only after the installed system has reported its start.
        const hasStarted = ({ msg, text }: { msg: string; text: string }): boolean =>
          msg === 'callback accepted' && /"node":"ocp45\/w4".*"stage":"started"/.test(text)
        await guide.server.waitFor('the first start of w4', hasStarted, { since, limitMs: 90_000 })
        const slowest = await joinCluster(guide)
        const { outcome, console } = await booting
        const screen = console.map(({ text }) => text).join('\n')
        expectEqual(outcome, 'powered off', `outcome, with the console:\n${lastLines(screen, 15)}\n`)
        expectMatch(screen, /^E2E booted from disk$/m, 'the console')
        const [, digest] = expectMatch(screen, /^E2E ignition (\w+)$/m, 'the console')
        expectEqual(digest, sha256(current), 'SHA-256 of the Ignition file that it received')
        expectEqual(await add.ended, 0, `exit code of node add, with the output:\n${lines.join('\n')}\n`)
        expectMatch(lines.join('\n'), /installed: .*\n(.*\n)*.*registered\n(.*\n)*.*\bReady$/m, 'node add')
        return `approved after at most ${slowest} ms`
      } finally {
        await add.stop()
      }
    }),
  },
  {
    name: 'day2: another command removes a worker when its connections have ended, and no request fails',
    limitMs: 90_000,
    run: withGuide(async (guide, rig) => {
      for (const { address } of [w4, { address: site.workers[0] }]) await startRouter(guide, rig, address)
      const isUp = async (): Promise<boolean> => {
        const { haproxy } = await guide.condition()
        const both = haproxy.servers.filter(({ server }) => server === w4.name || server === 'w1')
        return both.length === 4 && both.every((server) => server.isUp && server.isTested)
      }
      // w1 remains when w4 is removed.
      await waitUntil('w1 and w4 to be up in HAProxy', isUp, 40_000)
      await startClients(guide, 'http', 'https')
      const note = await withoutFailures(guide, async () => {
        const output = await guide.control('node', 'remove', w4.name, guide.sitePath)
        expectMatch(output, /workerhttps w4 removed/, 'node remove')
        expectMatch(output, new RegExp(`^left to do: oc delete node ${fqdn}$`, 'm'), 'node remove')
        expectEqual(
          await guide.text(),
          textBefore,
          'the site file, compared with the one before w4 was added',
        )
      })
      await stopClients(guide)
      const { haproxy } = await guide.condition()
      const remaining = haproxy.servers.filter(({ server }) => server === w4.name)
      expectEqual(remaining.length, 0, 'remaining servers of w4')
      return note
    }),
  },
]

/** Starts the API of a running cluster. @returns its current Ignition file for workers */
async function prepare(guide: Guide, rig: Rig): Promise<string> {
  const [master] = site.masters
  await guide.cluster.stop(master)
  await guide.cluster.start({ address: master, serves: 'control plane' })
  const current = userData(await readFile(guide.authority, 'utf8'))
  await writeFile(join(guide.dir, 'install/worker.ign'), userData('from the installation'))
  await guide.cluster.put(secretsPath, {
    metadata: { name: 'worker-user-data-managed', namespace: 'openshift-machine-api' },
    data: { userData: Buffer.from(current).toString('base64') },
  })
  const edit = (text: string): string =>
    text.replace('    disk: /dev/vda\n', '    disk: /dev/vda\n    kernelArguments: [e2e.install]\n')
  await guide.reload({ edit })
  await untilFollowed(guide)
  await rig.run('appliance', ['ip', 'neigh', 'flush', 'all'])
  return current
}

/** Simulates the kubelet. @returns the longest time until an approval, in milliseconds */
async function joinCluster(guide: Guide): Promise<number> {
  const nodeWith = (status: string) => ({
    metadata: { name: fqdn },
    status: {
      conditions: [
        {
          type: 'Ready',
          status,
          reason: 'Kubelet',
          message: 'container runtime network not ready',
          lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z`,
        },
      ],
    },
  })
  const client = await approved(guide, promptMs, 'w4-client', clientRequest(w4.name))
  await guide.cluster.put(nodesPath, nodeWith('False'))
  const serving = await approved(guide, promptMs, 'w4-serving', servingRequest(w4.name, w4.address))
  await guide.cluster.put(nodesPath, nodeWith('True'))
  return Math.max(client, serving)
}

async function startRouter(guide: Guide, rig: Rig, address: string): Promise<void> {
  await rig.run('cluster', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'mach0'])
  await rig.run('appliance', ['ip', 'neigh', 'flush', 'to', address])
  await guide.cluster.stop(address)
  await guide.cluster.start({ address, serves: 'ingress' })
}
