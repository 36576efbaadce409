/**
 * The installer of Debian is booted from the network with a preseed of slipway, and installs once. It writes an image of a disk
 * instead of packages, because a mirror with all parts of the installer is not available everywhere.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import type { Check, Stage } from '../runner.ts'
import type { LogLine } from '../server.ts'
import type { Boot } from '../vm.ts'
import { addresses } from './network.ts'
import { cloudInitChecks } from './checks/cloud-init.ts'
import { ignitionChecks } from './checks/ignition.ts'
import { kickstartChecks } from './checks/kickstart.ts'
import { preseedChecks } from './checks/preseed.ts'
import { talosChecks } from './checks/talos.ts'
import type { SystemsRig } from './rig.ts'

/** They need no machine. */
const validatorChecks: readonly Check<SystemsRig>[] = [
  ...kickstartChecks,
  ...preseedChecks,
  ...cloudInitChecks,
  ...ignitionChecks,
  ...talosChecks,
]

export const systemsPrefix = 'systems:'

const minuteMs = 60_000

const checks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: the installer of Debian asks for the disk, installs, reports it, and starts the disk',
    limitMs: 40 * minuteMs,
    async run(rig) {
      const boot = await rig.boot('install', 30 * minuteMs)
      const console = textOf(boot)
      expectMatch(console, /slipway: the installer starts: \/dev\/vda is empty/, 'the console')
      expectMatch(console, /E2E booted from disk/, `the console (${boot.outcome})`)
      const served = rig.server.lines.filter(({ msg }) => msg === 'answer file served')
      expectEqual(served.map(({ file }) => file).join(), 'preseed.cfg,slipway.sh', 'the served files')
      const token = /boot\/web\/web1\/([\w-]{22})\//.exec(console)?.[1]
      if (token !== undefined) expectNoMatch(logOf(rig.server.lines), new RegExp(token), "slipway's log")
      expectMatch(await rig.slipway('status'), /^web\/web1 .*installed/m, 'slipway status')
      const shown = await rig.slipway('node', 'show', 'web/web1')
      for (const step of ['answers', 'disk check', 'disk written']) {
        expectMatch(shown, new RegExp(step), 'slipway node show')
      }
      return `${((boot.endedMs - boot.startedMs) / 1000).toFixed(0)} s`
    },
  },
  {
    name: 'systems: no other machine gets the answer files',
    async run(rig) {
      for (const path of [
        'preseed.cfg',
        '@token-of-the-install@/preseed.cfg',
        `${'A'.repeat(22)}/slipway.sh`,
      ]) {
        const url = `http://${addresses.appliance}/boot/web/web1/${path}`
        const { stdout } = await rig.run('files', [
          'curl',
          '-s',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          url,
        ])
        expect(stdout === '403' || stdout === '404', `${path} was answered with ${stdout}`)
      }
      return undefined
    },
  },
  {
    name: 'systems: the next network boot starts the disk, and installs nothing',
    limitMs: 15 * minuteMs,
    async run(rig) {
      const logged = rig.server.lines.length
      const boot = await rig.boot('again', 10 * minuteMs)
      expectMatch(textOf(boot), /boots from its local disk/, 'the console')
      expectMatch(textOf(boot), /E2E booted from disk/, `the console (${boot.outcome})`)
      const log = logOf(rig.server.lines.slice(logged))
      expectNoMatch(log, /answer file served|"boot":"install"/, "slipway's log")
      return undefined
    },
  },
  {
    name: 'systems: after a loss of all records, the disk check keeps the disk',
    limitMs: 40 * minuteMs,
    async run(rig) {
      const before = await digest(rig.disk)
      await rig.restart(() => rm(join(rig.siteDir, 'state'), { recursive: true }))
      const cut = new AbortController()
      const booting = rig.boot('kept', 30 * minuteMs, cut.signal)
      const isKept = ({ msg, text }: LogLine): boolean => msg === 'disk checked' && text.includes('disk-kept')
      try {
        await rig.server.waitFor('that the disk is kept', isKept, { limitMs: 30 * minuteMs })
        expectMatch(await rig.slipway('status'), /web\/web1: \/dev\/vda holds/, 'slipway status')
      } finally {
        cut.abort()
      }
      const kept = /slipway: (\/dev\/vda holds .*)/.exec(textOf(await booting))?.[1]
      expect(kept !== undefined, 'the console did not show the reason')
      expectEqual(await digest(rig.disk), before, 'the content of the disk')
      return kept
    },
  },
]

function textOf({ console }: Boot): string {
  return console.map(({ text }) => text).join('\n')
}

function logOf(lines: readonly LogLine[]): string {
  return lines.map(({ text }) => text).join('\n')
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export const systemsStages: readonly Stage<SystemsRig>[] = [[[...validatorChecks, ...checks]]]
