/**
 * UEFI HTTP Boot with Secure Boot: shim, then GRUB 2.12, which reads its script, kernel, and initramfs over HTTP. The signed
 * packages of Debian 13 have it; GRUB of Debian 12 does not set up its network after HTTP Boot.
 */
import { join } from 'node:path'
import { filesOfDebian13 } from '../debian13.ts'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { lastLines } from '../process.ts'
import type { Check } from '../runner.ts'
import {
  bootLimitMs,
  loaderMachine,
  power,
  show,
  textOf,
  withSecondAppliance,
  type SecondAppliance,
} from '../second-appliance.ts'
import { waitForLogFlush } from '../server.ts'

const machine = loaderMachine('h1', 79, 'loader: shim')

const signedFiles = [
  'usr/lib/shim/shimx64.efi.signed',
  'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
]

export const secureHttpBootCheck: Check = {
  name: 'secure-boot: shim and GRUB 2.12 install a machine over UEFI HTTP Boot, without TFTP',
  limitMs: 4 * bootLimitMs,
  async run(rig) {
    const packages = ['shim-signed', 'grub-efi-amd64-signed']
    const imageFiles = await filesOfDebian13(join(rig.dir, '..'), 'signed-trixie', packages, signedFiles)
    const site: SecondAppliance = { name: 'http', machines: [machine], imageFiles }
    return withSecondAppliance(rig, site, async (server) => {
      const done = await power(rig, machine, 'secure-http')
      const console = textOf(done)
      const where = `the console:\n${lastLines(console, 25)}\n`
      expectMatch(console, /slipway http\/h1: installs as worker on \/dev\/vda/, where)
      expectMatch(console, /^E2E written$/m, where)
      expectMatch(await show(rig, site, machine), /installed/, 'its state')
      await waitForLogFlush()
      const sent = server.lines.filter(({ node }) => node === `http/${machine.name}`)
      const files = sent.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
      for (const file of ['shimx64', 'grubnetx64'])
        expectMatch(
          files,
          new RegExp(`^http: boot loader served \\S*${file}\\.efi\\.signed$`, 'm'),
          'the log',
        )
      expectMatch(files, /^http: boot script served \/boot\/http\/h1\/boot\.grub$/m, 'the log')
      expectNoMatch(files, /^tftp: file sent/m, 'the log')
      expectEqual(done.outcome, 'powered off', where)
      return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
    })
  },
}
