/**
 * A complete, unattended installation: a control-plane node and two workers are powered on with empty disks, install
 * themselves, join the cluster, and are Ready. One of them has BIOS firmware.
 */
import { expectEqual, expectMatch, expectNoMatch } from '../../expect.ts'
import { slipway } from '../../server.ts'
import type { Check } from '../../runner.ts'
import { nodes, type RealNode } from '../network.ts'
import type { RealRig } from '../rig.ts'
import type { MachineFirmware } from '../machine.ts'
import { completeBootstrap, setVersion, waitForReady } from './cluster.ts'

export const minuteMs = 60_000
/** From power-on to Ready, on a busy machine. */
export const installationLimitMs = 20 * minuteMs

export const installationChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: a control-plane node with an empty disk installs itself and becomes Ready',
    limitMs: installationLimitMs,
    async run(rig) {
      await setVersion(rig, { isInstalled: false })
      return install(rig, nodes.m1, { firmware: 'uefi', first: 'network' })
    },
  },
  {
    name: 'real: the bootstrap completes, and its stand-in is removed',
    limitMs: 2 * minuteMs,
    async run(rig) {
      await completeBootstrap(rig)
      const waited = await rig.run(
        slipway('wait', '--timeout', '60s', 'bootstrap-complete', '--site', rig.site.sitePath),
      )
      expectEqual(waited.status, 0, `slipway wait bootstrap-complete (${waited.stdout}${waited.stderr})`)
      await rig.removeBootstrap()
      return undefined
    },
  },
  {
    name: 'real: a UEFI worker and a BIOS worker with empty disks install themselves and become Ready',
    limitMs: 2 * installationLimitMs,
    async run(rig) {
      const notes = await Promise.all([
        install(rig, nodes.w1, { firmware: 'uefi', first: 'disk' }),
        install(rig, nodes.w2, { firmware: 'bios', first: 'network' }),
      ])
      return notes.join('; ')
    },
  },
  {
    name: 'real: "slipway wait install-complete" succeeds, and "slipway status" reports all nodes as Ready',
    limitMs: 3 * minuteMs,
    async run(rig) {
      await setVersion(rig, { isInstalled: true })
      const waited = await rig.run(
        slipway('wait', '--timeout', '2m', 'install-complete', '--site', rig.site.sitePath),
        150_000,
      )
      expectEqual(waited.status, 0, `slipway wait install-complete (${waited.stdout}${waited.stderr})`)
      const status = await rig.slipway('status')
      for (const { name } of [nodes.m1, nodes.w1, nodes.w2]) {
        expectMatch(status, new RegExp(`^ocp45/${name} .*Ready`, 'm'), 'slipway status')
      }
      console.log(status.replace(/^/gm, '         '))
      expectNoMatch(status, /slipway render rbac/, 'slipway status')
      return undefined
    },
  },
]

/** Powers on an empty machine and waits until its node is Ready. */
async function install(
  rig: RealRig,
  node: RealNode,
  { firmware, first }: { readonly firmware: MachineFirmware; readonly first: 'network' | 'disk' },
): Promise<string> {
  const startedAt = Date.now()
  const machine = await rig.machine(node, firmware)
  rig.account.say(`${node.name} is powered on (${firmware}, ${first} first, empty disk)`)
  await machine.powerOn(first)
  await waitForReady(rig, node, installationLimitMs - 30_000)
  const console = machine.console.map(({ text }) => text).join('\n')
  expectMatch(console, /slipway: the installer starts: \/dev\/sda is empty/, `the console of ${node.name}`)
  expectMatch(console, /Install complete/, `the console of ${node.name}`)
  return `${node.name} in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`
}
