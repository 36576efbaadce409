/**
 * Secure Boot with a key of the administrator, the test key of the package ovmf: the firmware starts an iPXE and a kernel
 * that are signed with it, and refuses the same iPXE without a signature. A shim that is itself revoked turns the machine off.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { createRevokedShim, createSigner, signImage } from '../own-key.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import {
  bootLimitMs,
  loaderMachine,
  power,
  textOf,
  withSecondAppliance,
  type SecondAppliance,
} from '../second-appliance.ts'
import { waitForLogFlush } from '../server.ts'

const ipxe = '/usr/lib/ipxe/snponly.efi'

const machine = loaderMachine('o1', 80, 'loader: snponly')
const revoked = loaderMachine('o2', 81, 'loader: shim')

/** Signs iPXE and the kernel of the other checks. @returns the directory of the image, and the path of iPXE */
async function signChain(rig: Rig): Promise<{ readonly imagesDir: string; readonly signed: string }> {
  const dir = join(rig.dir, 'own-keys')
  const imagesDir = join(dir, 'images')
  await rm(dir, { recursive: true, force: true })
  const sign = await createSigner(dir)
  await signImage(rig, sign, imagesDir)
  const signed = join(dir, 'snponly.efi')
  await sign(ipxe, signed)
  return { imagesDir, signed }
}

export const ownKeyChecks: readonly Check[] = [
  {
    name: 'secure-boot: the firmware starts iPXE and a kernel that are signed with a key of its own',
    limitMs: 4 * bootLimitMs,
    async run(rig) {
      const { imagesDir, signed } = await signChain(rig)
      const sections = `tftp: { loaders: { x64: ${JSON.stringify(signed)} } }\n`
      const site: SecondAppliance = { name: 'own', machines: [machine], imagesDir, sections }
      return withSecondAppliance(rig, site, async () => {
        const end = new AbortController()
        const onLine = (text: string) => {
          if (text === 'E2E init') end.abort()
        }
        const done = await power(rig, machine, 'own-keys', { signal: end.signal, onLine })
        const console = textOf(done)
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /iPXE/, where)
        expectMatch(console, /Secure boot enabled/i, where)
        expectMatch(console, /^E2E init$/m, where)
        return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
      })
    },
  },
  {
    name: 'secure-boot: the same firmware refuses iPXE without a signature',
    limitMs: 2 * bootLimitMs,
    run: (rig) =>
      withSecondAppliance(rig, { name: 'own', machines: [machine] }, async (server) => {
        const since = server.lines.length
        const end = new AbortController()
        const booting = power(rig, machine, 'own-keys', { signal: end.signal })
        const served = ({ msg, node }: { msg: string; node?: string }) =>
          msg === 'boot loader served' && node === `own/${machine.name}`
        await server.waitFor('that HTTP Boot tried it too', served, { since, limitMs: bootLimitMs })
        end.abort()
        const console = textOf(await booting)
        expectMatch(console, /Security Violation|Access Denied/, `the console:\n${lastLines(console, 25)}\n`)
        expectNoMatch(console, /iPXE/, 'the console')
        return undefined
      }),
  },
  {
    name: 'secure-boot: a shim that is itself revoked turns the machine off and requests nothing',
    limitMs: 2 * bootLimitMs,
    async run(rig) {
      const shim = await createRevokedShim(rig)
      const grub = join(rig.payload.signedDir, 'grubnetx64.efi.signed')
      const site: SecondAppliance = { name: 'revoked', machines: [revoked], imageFiles: [shim, grub] }
      return withSecondAppliance(rig, site, async (server) => {
        const done = await power(rig, revoked, 'own-keys')
        const console = textOf(done)
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /SBAT self-check failed/, where)
        expectEqual(done.outcome, 'powered off', where)
        await waitForLogFlush()
        const sent = server.lines.filter(({ node, service }) => node === 'revoked/o2' && service === 'tftp')
        expectMatch(sent.at(-1)?.file ?? '', /shimx64\.efi$/, 'the last file in the log')
        return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
      })
    },
  },
]
