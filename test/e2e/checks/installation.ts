/**
 * Installations: a machine waits for its turn, installs once, then boots from its disk, and is reinstalled on command. With
 * both firmwares, and with a disk that is kept between power cycles.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { routerInterface, type Namespace } from '../network.ts'
import { lastLines, type Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check, Stage } from '../runner.ts'
import type { LogLine } from '../server.ts'
import { nodes, type SiteNode } from '../site.ts'
import { stopControlPlane, startControlPlane } from '../control-plane.ts'
import { addClientAddress } from './client.ts'
import { control } from './control.ts'
import { reload } from './reload.ts'
import { boot, type Firmware, type VmOptions } from '../vm.ts'

type Machine = { readonly firmware: Firmware; readonly node: SiteNode; readonly tap: string }

const uefi: Machine = { firmware: 'uefi', node: nodes.d1, tap: 'tap0' }
const bios: Machine = { firmware: 'bios', node: nodes.d2, tap: 'tap1' }
const early: Machine = { firmware: 'bios', node: nodes.d3, tap: 'tap0' }

/** For one complete boot. UEFI tries PXE and HTTP Boot before the disk. */
const bootLimitMs = 120_000
/** A boot can take up to twice as long on a busy machine. */
const checkLimitMs = 2 * bootLimitMs + 10_000

const written = /^E2E written$/m
const fromDisk = /^E2E booted from disk$/m

export const installationStages: readonly Stage[] = [
  [[orderCheck()]],
  [[startControlPlaneCheck()]],
  [installationChecks(uefi), installationChecks(bios)],
  [[stopControlPlaneCheck()]],
]

/** A master is powered on before any other machine of the cluster runs. */
function orderCheck(): Check {
  const { node } = early
  const isOf = (line: LogLine): boolean => line.node === `ocp45/${node.name}`
  return {
    name: 'installation: a master that is powered on before the bootstrap waits, then continues automatically',
    limitMs: 2 * bootLimitMs,
    async run(rig) {
      await answerRouterSolicitations(rig)
      await reload(rig, { order: true })
      const since = rig.server.lines.length
      const end = new AbortController()
      const dir = join(rig.dir, `vm-${node.name}`)
      const running = boot(rig.network, { ...vm(early), dir, signal: end.signal })
      let bootstrap: Running | undefined
      try {
        const waits = (line: LogLine): boolean => isOf(line) && /"boot":"wait"/.test(line.text)
        await rig.server.waitFor('that the master waits', waits, { since, limitMs: 60_000 })
        bootstrap = await startControlPlane(rig, nodes.bs)
        const kernel = (line: LogLine): boolean => isOf(line) && /live-kernel/.test(line.file ?? '')
        await rig.server.waitFor('that the master got its kernel', kernel, { since, limitMs: 60_000 })
      } finally {
        end.abort()
        if (bootstrap !== undefined) await stopControlPlane(rig, nodes.bs, bootstrap)
      }
      const console = (await running).console.map(({ text }) => text).join('\n')
      const message = expectMatch(console, /slipway ocp45\/d3: (waits until ocp45\/bs .*)/, 'the console')
      return message[1]
    },
  }
}

/** Workers wait until a master runs. */
let master: Running | undefined
function startControlPlaneCheck(): Check {
  return {
    name: 'installation: a master runs',
    async run(rig) {
      master = await startControlPlane(rig, nodes.m1)
      return undefined
    },
  }
}

function stopControlPlaneCheck(): Check {
  return {
    name: 'installation: the simulated master is stopped',
    async run(rig) {
      if (master !== undefined) await stopControlPlane(rig, nodes.m1, master)
      await reload(rig)
      return undefined
    },
  }
}

function installationChecks(machine: Machine): Check[] {
  const { firmware, node } = machine
  const title = `installation: ${firmware} ${node.name}`
  return [
    {
      name: `${title} installs, then boots from its disk through the network boot`,
      limitMs: checkLimitMs,
      async run(rig) {
        const console = await power(rig, machine, { continuesAfterReset: true })
        expectMatch(console, written, 'the first boot')
        expectMatch(console, /^E2E reported$/m, 'the report that the disk is written')
        expectMatch(console, fromDisk, 'after the reset')
        expectEqual(await modeOf(rig, node), 'installed', `mode of ${node.name}`)
        return await checkIgnitionAccess(rig, console, node)
      },
    },
    {
      name: `${title} is not installed again by three more power cycles`,
      limitMs: 3 * checkLimitMs,
      async run(rig) {
        for (let cycle = 1; cycle <= 3; cycle++) {
          const console = await power(rig, machine)
          expectMatch(console, fromDisk, `cycle ${cycle}`)
          expectNoMatch(console, /^E2E rootfs|coreos\.inst/m, `cycle ${cycle}`)
        }
        expectEqual(await modeOf(rig, node), 'installed', `mode of ${node.name}`)
        return undefined
      },
    },
    {
      name: `${title} is installed again by "slipway node install", once`,
      limitMs: checkLimitMs,
      async run(rig) {
        await control(rig, 'node', 'install', node.name)
        expectEqual(await modeOf(rig, node), 'install', `mode of ${node.name}`)
        const console = await power(rig, machine, { continuesAfterReset: true })
        expectEqual(console.match(/^E2E written$/gm)?.length, 1, 'number of disk writes')
        expectMatch(console, fromDisk, 'after the reset')
        expectEqual(await modeOf(rig, node), 'installed', `mode of ${node.name}`)
        return undefined
      },
    },
    {
      name: `${title}: its timeline has all steps`,
      async run(rig) {
        const output = await control(rig, 'node', 'show', node.name)
        await writeFile(join(rig.dir, `timeline-${node.name}.txt`), output)
        for (const step of timelineSteps) expectMatch(output, step, 'slipway node show')
        return undefined
      },
    },
  ]
}

/** In any order; test/fixtures has the complete texts. */
const timelineSteps = [/script/, /kernel/, /initramfs/, /rootfs/, /Ignition/, /disk written/, /from disk/]

/** Powers on the machine with its previous disk. Resolves when it has powered off. */
async function power(rig: Rig, machine: Machine, options: Partial<VmOptions> = {}): Promise<string> {
  const dir = join(rig.dir, `vm-${machine.node.name}`)
  const storageDir = join(rig.dir, `disk-${machine.node.name}`)
  const done = await boot(rig.network, { ...vm(machine), dir, storageDir, ...options })
  const console = done.console.map(({ text }) => text).join('\n')
  const where = `outcome, with the last lines of the console (in ${dir}):\n${lastLines(console, 15)}\n`
  expectEqual(done.outcome, 'powered off', where)
  return console
}

function vm({ firmware, node, tap }: Machine): Omit<VmOptions, 'dir'> {
  const { mac, address } = node
  return { firmware, mac, address, tap, limitMs: bootLimitMs }
}

/**
 * Checks that the URL of the Ignition file on the kernel command line is refused to other clients, without its token, and
 * to the node itself after the installation.
 */
async function checkIgnitionAccess(rig: Rig, console: string, node: SiteNode): Promise<string> {
  await addClientAddress(rig)
  const [, url = ''] = expectMatch(console, /coreos\.inst\.ignition_url=(\S+)/, 'the kernel command line')
  expectMatch(url, /\/boot\/ocp45\/d\d\/[\w-]{22,}\/worker\.ign$/, 'the URL')
  expectEqual(await statusOf(rig, 'client', url), '403', 'for another address')
  const bare = url.replace(/[\w-]{22,}\/worker\.ign$/, 'worker.ign')
  expectMatch(await statusOf(rig, 'client', bare), /^40[34]$/, 'without its token')
  await rig.run('machines', ['ip', 'addr', 'replace', `${node.address}/24`, 'dev', 'mach0'])
  // The virtual machine used the address before.
  await rig.run('server', ['ip', 'neigh', 'flush', 'to', node.address])
  try {
    const own = ['--interface', node.address]
    expectEqual(await statusOf(rig, 'machines', url, ...own), '403', 'for the node itself after use')
  } finally {
    await rig.run('machines', ['ip', 'addr', 'del', `${node.address}/24`, 'dev', 'mach0'])
  }
  return 'its Ignition URL is refused to others, and to the node after use'
}

async function statusOf(rig: Rig, namespace: Namespace, url: string, ...options: string[]): Promise<string> {
  const command = ['curl', '-sS', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', ...options, url]
  return (await rig.run(namespace, command)).stdout
}

async function modeOf(rig: Rig, { name }: SiteNode): Promise<string | undefined> {
  const { nodes } = JSON.parse(await control(rig, 'status', '--json')) as {
    nodes: { node: string; mode: string }[]
  }
  return nodes.find(({ node }) => node === `ocp45/${name}`)?.mode
}

/** iPXE of Debian waits 15 s for an IPv6 router. A router advertisement with lifetime 0 ends the wait. */
async function answerRouterSolicitations(rig: Rig): Promise<void> {
  const file = join(rig.dir, 'radvd.conf')
  const settings = 'AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;'
  await writeFile(file, `interface ${routerInterface} { ${settings} };\n`)
  const options = ['-n', '-m', 'stderr', '-C', file, '-p', join(rig.dir, 'radvd.pid')]
  rig.start('router', 'radvd', ['radvd', ...options])
}
