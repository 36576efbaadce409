/**
 * A machine's life: it waits for its turn, installs once, boots from its disk ever after, and is installed
 * again when it is told to. On both firmwares, with a disk that stays from one power cycle to the next.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { routerInterface, type Place } from '../network.ts'
import { lastLines, type Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check, Stage } from '../runner.ts'
import type { LogLine } from '../server.ts'
import { nodes, type SiteChanges, type SiteNode } from '../site.ts'
import { fallControlPlane, standControlPlane } from '../stand-ins.ts'
import { settleClient } from './client.ts'
import { control } from './control.ts'
import { boot, type Firmware, type VmOptions } from '../vm.ts'

type Machine = { readonly firmware: Firmware; readonly node: SiteNode; readonly tap: string }

const uefi: Machine = { firmware: 'uefi', node: nodes.d1, tap: 'tap0' }
const bios: Machine = { firmware: 'bios', node: nodes.d2, tap: 'tap1' }
const early: Machine = { firmware: 'bios', node: nodes.d3, tap: 'tap0' }

/** One boot from the network to the end; on UEFI the way to the disk leads by PXE and by HTTP Boot. */
const bootLimitMs = 120_000

const written = /^E2E written$/m
const fromDisk = /^E2E booted from disk$/m

export const lifeStages: readonly Stage[] = [
  [[orderCheck()]],
  [[standCheck()]],
  [lifeOf(uefi), lifeOf(bios)],
  [[fallCheck()]],
]

/** Machines that are all switched on at once: nothing of the cluster stands yet. */
function orderCheck(): Check {
  const { node } = early
  const isOf = (line: LogLine): boolean => line.node === `ocp45/${node.name}`
  return {
    name: 'life: a master that is switched on before the bootstrap waits, and goes on by itself',
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
        await rig.server.waitFor('that it waits', waits, { since, limitMs: 60_000 })
        bootstrap = await standControlPlane(rig, nodes.bs)
        const kernel = (line: LogLine): boolean => isOf(line) && /live-kernel/.test(line.file ?? '')
        await rig.server.waitFor('that it has its kernel', kernel, { since, limitMs: 60_000 })
      } finally {
        end.abort()
        if (bootstrap !== undefined) await fallControlPlane(rig, nodes.bs, bootstrap)
      }
      const console = (await running).console.map(({ text }) => text).join('\n')
      const said = expectMatch(console, /slipway ocp45\/d3: (waits until ocp45\/bs .*)/, 'the screen')
      return said[1]
    },
  }
}

/** Workers wait for a master. */
let master: Running | undefined
function standCheck(): Check {
  return {
    name: 'life: a master stands',
    async run(rig) {
      master = await standControlPlane(rig, nodes.m1)
      return undefined
    },
  }
}

function fallCheck(): Check {
  return {
    name: 'life: what stood for it is gone again',
    async run(rig) {
      if (master !== undefined) await fallControlPlane(rig, nodes.m1, master)
      await reload(rig, {})
      return undefined
    },
  }
}

function lifeOf(machine: Machine): Check[] {
  const { firmware, node } = machine
  const title = `life: ${firmware} ${node.name}`
  return [
    {
      name: `${title} installs, and starts again from its disk by way of the network`,
      limitMs: bootLimitMs + 10_000,
      async run(rig) {
        const console = await power(rig, machine, { mayReset: true })
        expectMatch(console, written, 'the first boot')
        expectMatch(console, /^E2E reported$/m, 'its word that the disk is written')
        expectMatch(console, fromDisk, 'after the reset')
        expectEqual(await modeOf(rig, node), 'installed', `mode of ${node.name}`)
        return await readsIgnition(rig, console, node)
      },
    },
    {
      name: `${title} is not installed again by three more power cycles`,
      limitMs: 3 * bootLimitMs,
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
      limitMs: bootLimitMs + 10_000,
      async run(rig) {
        await control(rig, 'node', 'install', node.name)
        expectEqual(await modeOf(rig, node), 'install', `mode of ${node.name}`)
        const console = await power(rig, machine, { mayReset: true })
        expectEqual(console.match(/^E2E written$/gm)?.length, 1, 'how often it wrote its disk')
        expectMatch(console, fromDisk, 'after the reset')
        expectEqual(await modeOf(rig, node), 'installed', `mode of ${node.name}`)
        return undefined
      },
    },
    {
      name: `${title}: its timeline tells all of it`,
      async run(rig) {
        const told = await control(rig, 'node', 'show', node.name)
        await writeFile(join(rig.dir, `timeline-${node.name}.txt`), told)
        for (const step of timelineSteps) expectMatch(told, step, 'slipway node show')
        return undefined
      },
    },
  ]
}

/** In any order; the texts are in test/fixtures. */
const timelineSteps = [/script/, /kernel/, /initramfs/, /rootfs/, /Ignition/, /disk written/, /from disk/]

/** Switches the machine on with the disk that it had, and off when it has ended. */
async function power(rig: Rig, machine: Machine, options: Partial<VmOptions> = {}): Promise<string> {
  const dir = join(rig.dir, `vm-${machine.node.name}`)
  const keeps = join(rig.dir, `disk-${machine.node.name}`)
  const done = await boot(rig.network, { ...vm(machine), dir, keeps, ...options })
  const console = done.console.map(({ text }) => text).join('\n')
  const where = `how it ended; its console (all of it in ${dir}):\n${lastLines(console, 15)}\n`
  expectEqual(done.outcome, 'powered off', where)
  return console
}

function vm({ firmware, node, tap }: Machine): Omit<VmOptions, 'dir'> {
  const { mac, address } = node
  return { firmware, mac, address, tap, limitMs: bootLimitMs }
}

/**
 * The URL of the node's Ignition file, as it stood on the kernel's command line, is of no use to others, nor
 * to itself once it is installed; and without its token it never was.
 */
async function readsIgnition(rig: Rig, console: string, node: SiteNode): Promise<string> {
  await settleClient(rig)
  const [, url = ''] = expectMatch(console, /coreos\.inst\.ignition_url=(\S+)/, 'the kernel command line')
  expectMatch(url, /\/boot\/ocp45\/d\d\/[\w-]{22,}\/worker\.ign$/, 'the URL')
  expectEqual(await statusOf(rig, 'client', url), '403', 'for another address')
  const bare = url.replace(/[\w-]{22,}\/worker\.ign$/, 'worker.ign')
  expectMatch(await statusOf(rig, 'client', bare), /^40[34]$/, 'without its token')
  await rig.at('machines', ['ip', 'addr', 'replace', `${node.address}/24`, 'dev', 'mach0'])
  // The address was the virtual machine's a moment ago.
  await rig.at('server', ['ip', 'neigh', 'flush', 'to', node.address])
  try {
    const own = ['--interface', node.address]
    expectEqual(await statusOf(rig, 'machines', url, ...own), '403', 'for the node itself, after use')
  } finally {
    await rig.at('machines', ['ip', 'addr', 'del', `${node.address}/24`, 'dev', 'mach0'])
  }
  return 'its Ignition URL is refused to others, and to itself after use'
}

async function statusOf(rig: Rig, place: Place, url: string, ...options: string[]): Promise<string> {
  const command = ['curl', '-sS', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', ...options, url]
  return (await rig.at(place, command)).stdout
}

async function modeOf(rig: Rig, { name }: SiteNode): Promise<string | undefined> {
  const { nodes } = JSON.parse(await control(rig, 'status', '--json')) as {
    nodes: { node: string; mode: string }[]
  }
  return nodes.find(({ node }) => node === `ocp45/${name}`)?.mode
}

async function reload(rig: Rig, changes: SiteChanges): Promise<void> {
  await rig.site.write(changes)
  const since = rig.server.lines.length
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since })
}

/** Debian's iPXE waits 15 s for an IPv6 router; one that says that it is none spares it that. */
async function answerRouterSolicitations(rig: Rig): Promise<void> {
  const file = join(rig.dir, 'radvd.conf')
  const settings = 'AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;'
  await writeFile(file, `interface ${routerInterface} { ${settings} };\n`)
  const options = ['-n', '-m', 'stderr', '-C', file, '-p', join(rig.dir, 'radvd.pid')]
  rig.beside('router', 'radvd', ['radvd', ...options])
}
