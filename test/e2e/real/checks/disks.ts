/**
 * Machines that hold an operating system: a Ready worker that boots from the network boots its disk, and after a total
 * loss of slipway's state the disk check of the live system saves the disk.
 */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch } from '../../expect.ts'
import { startServer, type Server } from '../../server.ts'
import type { Check } from '../../runner.ts'
import { addresses, nodes, type RealNode } from '../network.ts'
import type { RealRig } from '../rig.ts'
import { saveCredentials } from './csr.ts'
import { deleteNode, lastHeartbeat, pollUntil, waitForReady } from './cluster.ts'
import { installationLimitMs, minuteMs } from './installation.ts'

export const diskChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: a Ready worker that boots from the network boots its disk, and is Ready again',
    limitMs: 10 * minuteMs,
    async run(rig) {
      const node = nodes.w1
      const machine = await rig.machine(node)
      await machine.shutDown()
      await saveCredentials(rig, machine)
      const before = await lastHeartbeat(rig, node)
      const since = machine.console.length
      const logged = rig.server.lines.length
      rig.account.say(`${node.name} is powered on again, and boots from the network first`)
      await machine.powerOn('network')
      await machine.waitForConsole('GRUB of its disk', /GRUB boots the disk/, {
        since,
        limitMs: 4 * minuteMs,
      })
      await pollUntil(
        'the kubelet to report again',
        async () => (await lastHeartbeat(rig, node)) > before,
        5 * minuteMs,
      )
      await waitForReady(rig, node, minuteMs)
      const console = textSince(machine.console, since)
      expectNoMatch(console, /installs as|ignition\.firstboot|coreos-installer/, 'the console')
      const log = textSince(rig.server.lines, logged)
      expectNoMatch(log, /live-rootfs|Ignition file served/, "slipway's log")
      const status = await rig.slipway('status')
      expectMatch(status, new RegExp(`^ocp45/${node.name} .*installed`, 'm'), 'slipway status')
      // A restart within 40 s never makes the node NotReady, so the latest step can be the start from the disk.
      expectMatch(status, /^ocp45: 3 of 3 nodes Ready/m, 'slipway status')
      return undefined
    },
  },
  {
    name: 'real: after a total loss of state, a disk that holds an operating system is not overwritten',
    limitMs: 12 * minuteMs,
    async run(rig) {
      const node = nodes.w2
      const machine = await rig.machine(node)
      await machine.shutDown()
      // Nothing remembers the machine: neither slipway, nor its cluster.
      await deleteNode(rig, node)
      await rig.restart('SIGTERM', {
        between: async () => {
          rig.account.say('the state of slipway is deleted')
          await rm(join(rig.site.dir, 'state'), { recursive: true })
        },
      })
      const since = machine.console.length
      rig.account.say(`${node.name} is powered on again, and boots from the network first`)
      await machine.powerOn('network')
      const line = await machine.waitForConsole('that the disk is kept', /slipway: \/dev\/sda holds/, {
        since,
        limitMs: installationLimitMs / 2,
      })
      const status = await rig.slipway('status')
      expectMatch(joined(status), keptLine(node), 'slipway status')
      const served = rig.server.lines.filter(({ msg }) => msg === 'Ignition file served')
      expectNoMatch(textSince(served, 0), /worker\.ign/, 'the Ignition files that slipway served')
      return line.text.replace(/^.*slipway: /, '')
    },
  },
  {
    name: 'real: "slipway node install" overwrites this disk once, with two appliances side by side',
    limitMs: installationLimitMs + 6 * minuteMs,
    async run(rig) {
      const node = nodes.w2
      const machine = await rig.machine(node)
      expect(machine.isOn(), `${node.name} is off`)
      const peer = await startPeer(rig)
      const since = machine.console.length
      await rig.slipway('node', 'install', node.name)
      await waitForReady(rig, node, installationLimitMs)
      const console = textSince(machine.console, since)
      expectEqual(console.match(/Install complete/g)?.length, 1, 'number of installations')
      const answered = peer.lines.filter(({ node: of }) => of === `ocp45/${node.name}`)
      expectNoMatch(textSince(answered, 0), /"boot":"install"|\.ign/, 'the log of the second appliance')
      await peer.process.stop()
      expectMatch(
        console,
        /slipway: the installer starts: an administrator started this installation/,
        'the console',
      )
      expectNoMatch(joined(await rig.slipway('status')), keptLine(node), 'slipway status')
      return `the second appliance has ${answered.length} log lines about it`
    },
  },
]

/** Starts a second appliance with the same site, which does not install nodes. */
async function startPeer({ dir, network, site, account }: RealRig): Promise<Server> {
  const own = join(dir, 'peer')
  await cp(site.dir, own, {
    recursive: true,
    filter: (from) => !/\.sock$|\/state(?:\/|$)/.test(from),
  })
  const text = await readFile(site.sitePath, 'utf8')
  const changed = text
    .replace(`address: ${addresses.appliance}, peers`, `address: ${addresses.peer}, peers`)
    .replace(/^haproxy:.*$/m, '')
  await writeFile(join(own, 'site.yaml'), changed)
  account.say('a second appliance starts')
  const resolver = join(dir, 'resolv.conf')
  return startServer(network, join(own, 'site.yaml'), join(dir, 'slipway-peer.log'), {
    namespace: 'peer',
    resolver,
  })
}

function keptLine({ name }: RealNode): RegExp {
  return new RegExp(
    `ocp45/${name}: /dev/sda holds Red Hat Enterprise Linux CoreOS or Fedora CoreOS \\(partitions .*boot, root\\): ` +
      `run "slipway node install ocp45/${name}" to overwrite it`,
  )
}

/** Joins the lines of the status, which are wrapped. */
function joined(status: string): string {
  return status.replaceAll(/\n\s+/g, ' ')
}

function textSince(lines: readonly { readonly text: string }[], since: number): string {
  return lines
    .slice(since)
    .map(({ text }) => text)
    .join('\n')
}
