/**
 * The second day of the guide's cluster: a virtual machine becomes a Ready worker by one command, and is removed by another.
 * The cluster behind it is the stub that the story has; kubelet and router of the machine are played here.
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
import { endClients, planned, startClients } from './story-clients.ts'

const w4 = { name: 'w4', mac: '52:54:00:00:01:34', address: '172.16.0.34' } as const
const fqdn = `${w4.name}.${site.domain}`

const nodesPath = '/api/v1/nodes'
const secretsPath = '/api/v1/namespaces/openshift-machine-api/secrets'

/** As the machine config operator writes it. @param authority PEM */
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
    name: 'day2: a machine becomes a Ready worker by one command, with the Ignition file that its cluster has today',
    limitMs: 200_000,
    run: withGuide(async (guide, rig) => {
      const today = await prepare(guide, rig)
      textBefore = await guide.text()
      const lines: string[] = []
      const since = guide.server.lines.length
      const options = ['--role', 'worker', '--mac', w4.mac, '--address', w4.address, '--timeout', '4m']
      const add = rig.beside(
        'appliance',
        'node-add',
        slipway('node', 'add', w4.name, ...options, '--control', guide.controlSocket, guide.sitePath),
        (line) => lines.push(line),
      )
      const said = (text: RegExp): Promise<void> =>
        waitUntil(`node add to say ${text.source}`, () =>
          Promise.resolve(lines.some((line) => text.test(line))),
        )
      try {
        await said(/armed/)
        const dir = join(rig.dir, `vm-${w4.name}`)
        const machine = { firmware: 'bios', tap: rackTap, mac: w4.mac, mayReset: true } as const
        const booting = boot(rig.network, { ...machine, dir, limitMs: 150_000 })
        const isInstalled = ({ msg, text }: { msg: string; text: string }): boolean =>
          msg === 'node changed its mode' && /"node":"ocp45\/w4".*"to":"installed"/.test(text)
        await guide.server.waitFor('that w4 is installed', isInstalled, { since, limitMs: 150_000 })
        const slowest = await joinCluster(guide)
        const { outcome, console } = await booting
        const screen = console.map(({ text }) => text).join('\n')
        expectEqual(outcome, 'powered off', `how it ended:\n${lastLines(screen, 15)}\n`)
        expectMatch(screen, /^E2E booted from disk$/m, 'its console')
        const [, digest] = expectMatch(screen, /^E2E ignition (\w+)$/m, 'its console')
        expectEqual(digest, sha256(today), 'the Ignition file that it got')
        expectEqual(await add.ended, 0, `exit code of node add, which said:\n${lines.join('\n')}\n`)
        expectMatch(lines.join('\n'), /installed: .*\n(.*\n)*.*registered\n(.*\n)*.*\bReady$/m, 'node add')
        return `approved after ${slowest} ms at most`
      } finally {
        await add.stop()
      }
    }),
  },
  {
    name: 'day2: a worker is removed by another command once its connections are over, and no client notices',
    limitMs: 90_000,
    run: withGuide(async (guide, rig) => {
      for (const { address } of [w4, { address: site.workers[0] }]) await standRouter(guide, rig, address)
      const isUp = async (): Promise<boolean> => {
        const { haproxy } = await guide.condition()
        const both = haproxy.servers.filter(({ server }) => server === w4.name || server === 'w1')
        return both.length === 4 && both.every((server) => server.isUp && server.isTested)
      }
      // One is left when w4 goes.
      await waitUntil('w1 and w4 to be up in HAProxy', isUp, 40_000)
      await startClients(guide, 'http', 'https')
      const note = await planned(guide, async () => {
        const told = await guide.control('node', 'remove', w4.name, guide.sitePath)
        expectMatch(told, /workerhttps w4 removed/, 'node remove')
        expectMatch(told, new RegExp(`^left to do: oc delete node ${fqdn}$`, 'm'), 'node remove')
        expectEqual(await guide.text(), textBefore, 'the site, as it was before w4 came')
      })
      await endClients(guide)
      const { haproxy } = await guide.condition()
      const left = haproxy.servers.filter(({ server }) => server === w4.name)
      expectEqual(left.length, 0, 'servers of w4 that are left')
      return note
    }),
  },
]

/** A cluster that runs and can be asked. @returns the Ignition file that it has for workers today */
async function prepare(guide: Guide, rig: Rig): Promise<string> {
  const [master] = site.masters
  await guide.cluster.fall(master)
  await guide.cluster.stand({ address: master, serves: 'control plane' })
  const today = userData(await readFile(guide.authority, 'utf8'))
  await writeFile(join(guide.dir, 'install/worker.ign'), userData('of the installation'))
  await guide.cluster.put(secretsPath, {
    metadata: { name: 'worker-user-data-managed', namespace: 'openshift-machine-api' },
    data: { userData: Buffer.from(today).toString('base64') },
  })
  const edit = (text: string): string =>
    text.replace('    disk: /dev/vda\n', '    disk: /dev/vda\n    kernelArguments: [e2e.install]\n')
  await guide.reload({ edit })
  await untilFollowed(guide)
  await rig.at('appliance', ['ip', 'neigh', 'flush', 'all'])
  return today
}

/** What its kubelet does. @returns how long an approval took at the most, in milliseconds */
async function joinCluster(guide: Guide): Promise<number> {
  const nodeWith = (status: string) => ({
    metadata: { name: fqdn },
    status: {
      conditions: [
        {
          ...{ type: 'Ready', status, reason: 'Kubelet', message: 'container runtime network not ready' },
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

async function standRouter(guide: Guide, rig: Rig, address: string): Promise<void> {
  await rig.at('cluster', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'mach0'])
  await rig.at('appliance', ['ip', 'neigh', 'flush', 'to', address])
  await guide.cluster.fall(address)
  await guide.cluster.stand({ address, serves: 'ingress' })
}
