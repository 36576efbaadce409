/**
 * A signed iPXE behind a shim of its own, as the iPXE project publishes them, with Secure Boot on. No package has these
 * files, so a shim of Debian replaces that shim: it starts `snponly.efi` in place of `grubx64.efi`, from the directory that
 * it was fetched from. It and iPXE of Debian 13 are signed with the test key of ovmf. Debian signed the kernel: the firmware
 * does not trust it, but the shim that runs does, so iPXE does not download the shim of the script.
 */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { filesOfDebian13 } from '../debian13.ts'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { createRevokedShim, createSigner, removeSignatures } from '../own-key.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
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

export const signedIpxePrefix = 'signed-ipxe:'

const machine = loaderMachine('i1', 82, 'loader: shim-ipxe')
const revoked = loaderMachine('i2', 83, 'loader: shim')

/** Returns the loaders of the image. */
async function signLoaders(rig: Rig): Promise<string[]> {
  const dir = join(rig.dir, 'signed-ipxe')
  await rm(dir, { recursive: true, force: true })
  const sign = await createSigner(dir)
  const [ipxe = ''] = await filesOfDebian13(
    join(rig.dir, '..'),
    'ipxe-trixie',
    ['ipxe'],
    ['usr/lib/ipxe/snponly.efi'],
  )
  const path = (name: string): string => join(dir, name)
  await sign(ipxe, path('snponly.efi'))
  const plain = path('plain.efi')
  await cp(join(rig.payload.signedDir, 'shimx64.efi.signed'), plain)
  await removeSignatures(plain)
  await sign(plain, path('shimx64.efi'))
  await writeFile(plain, await startingSnponly(plain))
  await sign(plain, path('snponly-shimx64.efi'))
  return ['snponly-shimx64.efi', 'snponly.efi', 'shimx64.efi'].map(path)
}

/** Returns a shim whose second stage is `snponly.efi`, a name of the same length. */
async function startingSnponly(shim: string): Promise<Buffer> {
  const content = await readFile(shim)
  const [from, to] = ['grubx64.efi', 'snponly.efi'].map((name) => Buffer.from(name, 'utf16le')) as [
    Buffer,
    Buffer,
  ]
  let count = 0
  for (let at = content.indexOf(from); at !== -1; at = content.indexOf(from, at)) {
    to.copy(content, at)
    count++
  }
  expect(count > 0, `${shim} does not contain the name of its second stage`)
  return content
}

const httpLine = (file: string): RegExp => new RegExp(`^http: boot loader served \\S+/${file}$`, 'm')

/** @param sent returns the line of the log about a loader */
function bootCheck(
  name: string,
  firmware: 'own-keys' | 'own-keys-http',
  sent: (file: string) => RegExp,
): Check {
  return {
    name: `${signedIpxePrefix} ${name}`,
    limitMs: 3 * bootLimitMs,
    async run(rig) {
      const site = { name: 'ipxe', machines: [machine], imageFiles: await signLoaders(rig) }
      return withSecondAppliance(rig, site, async (server) => {
        const end = new AbortController()
        const onLine = (text: string) => {
          if (text === 'E2E init') end.abort()
        }
        const done = await power(rig, machine, firmware, { signal: end.signal, onLine })
        const console = textOf(done)
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /Secure boot enabled/i, where)
        expectMatch(console, /^E2E init$/m, where)
        await waitForLogFlush()
        const lines = server.lines.filter(({ node }) => node === `ipxe/${machine.name}`)
        const log = lines.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
        const wanted = [
          sent('snponly-shimx64.efi'),
          sent('snponly.efi'),
          /^http: boot script served \/boot\/ipxe\/i1\/boot\.ipxe$/m,
          /^http: image file served \S+live-initramfs\S+$/m,
        ]
        for (const pattern of wanted) expectMatch(log, pattern, 'the log')
        return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
      })
    },
  }
}

/** The status explains it after 2 minutes without a request, which is too long for the group `secure-boot:`. */
const revokedShimCheck: Check = {
  name: `${signedIpxePrefix} the status explains that a revoked shim turned the machine off`,
  limitMs: 2 * bootLimitMs,
  async run(rig) {
    const imageFiles = [await createRevokedShim(rig), join(rig.payload.signedDir, 'grubnetx64.efi.signed')]
    const site: SecondAppliance = { name: 'stopped', machines: [revoked], imageFiles }
    return withSecondAppliance(rig, site, async () => {
      const done = await power(rig, revoked, 'own-keys')
      const console = textOf(done)
      const where = `the console:\n${lastLines(console, 25)}\n`
      expectMatch(console, /SBAT self-check failed: Security Policy Violation/, where)
      expectEqual(done.outcome, 'powered off', where)
      const end = performance.now() + bootLimitMs
      let shown = await show(rig, site, revoked)
      while (!shown.includes('requested nothing afterwards') && performance.now() < end) {
        await pause(5000)
        shown = await show(rig, site, revoked)
      }
      expectMatch(shown, /fetched \S+\/shimx64\.efi .*requested nothing afterwards/, 'slipway node show')
      const likely = /shim found itself revoked \(SBAT[^)]*\) and turned the machine off/
      return expectMatch(shown.replace(/\s+/g, ' '), likely, 'slipway node show')[0]
    })
  },
}

export const signedIpxeChecks: readonly Check[] = [
  bootCheck(
    'shim fetches a signed iPXE by TFTP, which runs the script with the command shim and starts a signed kernel',
    'own-keys',
    (file) => new RegExp(`^tftp: file sent image-ipxe/${file}$`, 'm'),
  ),
  bootCheck('the same chain starts over UEFI HTTP Boot', 'own-keys-http', httpLine),
  revokedShimCheck,
]
