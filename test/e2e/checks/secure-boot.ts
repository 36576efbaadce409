/**
 * Secure Boot with the keys of Microsoft: the signed chain of Debian (shim, GRUB, kernel) boots, installs, and boots the
 * installed disk; the firmware refuses a loader without a signature, and the timeline names that. The machines
 * belong to a second appliance with its own site.
 */
import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { buildLiveIso } from '../live-iso.ts'
import { lastLines, output } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import {
  bootLimitMs,
  check,
  loaderMachine,
  power,
  show,
  textOf,
  withSecondAppliance,
  type SecondAppliance,
} from '../second-appliance.ts'
import { slipway, waitForLogFlush, type Server } from '../server.ts'

const signed = loaderMachine('s1', 71, 'loader: auto')
const unsigned = loaderMachine('s2', 72, 'loader: snponly')
const plain = loaderMachine('s3', 73, 'loader: grub')

const loaders = ['grubx64.efi', 'mmx64.efi', 'shimx64.efi']

/** The machines boot the loaders that the first check copied from a live ISO. */
function applianceOf(rig: Rig): SecondAppliance {
  const imageFiles = loaders.map((name) => join(storeOf(rig), 'signed', name))
  return { name: 'signed', machines: [signed, unsigned, plain], imageFiles }
}

function storeOf({ dir }: Rig): string {
  return join(dir, 'loader-store')
}

function withAppliance<T>(rig: Rig, body: (server: Server) => Promise<T>): Promise<T> {
  return withSecondAppliance(rig, applianceOf(rig), body)
}

export const secureBootChecks: readonly Check[] = [
  {
    name: 'secure-boot: "slipway images loaders" copies shim, GRUB, and the key manager from a live ISO with the layout of CoreOS',
    async run(rig) {
      const { imagesDir, signedDir } = rig.payload
      const image = join(storeOf(rig), 'signed')
      await rm(storeOf(rig), { recursive: true, force: true })
      await mkdir(image, { recursive: true })
      for (const file of await readdir(imagesDir)) await symlink(join(imagesDir, file), join(image, file))
      const iso = await buildLiveIso(rig.dir, signedDir)
      const shown = await output(slipway('images', 'loaders', '--dir', storeOf(rig), 'signed', iso))
      expectMatch(
        shown,
        /^signed: copied shimx64\.efi, grubx64\.efi, mmx64\.efi \(EFI\/boot\)/,
        'the command',
      )
      expectMatch(shown, /^shimx64\.efi: signed by .*Microsoft/m, 'the command')
      const copied = (await readdir(image)).filter((name) => name.endsWith('.efi')).sort()
      expectEqual(copied.join(' '), loaders.join(' '), 'the directory of the image')
      return undefined
    },
  },
  {
    name: 'secure-boot: shim, GRUB, and a signed kernel install a machine, which then boots its disk',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      withAppliance(rig, async (server) => {
        const first = await power(rig, signed, 'secure', { continuesAfterReset: true })
        const console = textOf(first)
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /NBP filename is image-signed\/shimx64\.efi/, where)
        expectMatch(console, /slipway signed\/s1: installs as worker on \/dev\/vda/, where)
        expectMatch(console, /^E2E written$/m, where)
        expectMatch(console, /^E2E reported$/m, where)
        expectMatch(console, /^E2E booted from disk$/m, where)
        expectMatch(console, /^E2E secure boot$/m, where)
        expectMatch(await show(rig, applianceOf(rig), signed), /installed/, 'its state')
        await waitForLogFlush()
        const sent = server.lines.filter(({ node }) => node === `signed/${signed.name}`)
        const files = sent.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
        for (const file of [
          'image-signed/shimx64.efi',
          'image-signed/grubx64.efi',
          'boot/signed/s1/boot.grub',
        ])
          expectMatch(files, new RegExp(`^tftp: file sent /?${file}$`, 'm'), 'the log')
        const shown = await check(rig, applianceOf(rig))
        expectMatch(
          shown,
          /image-signed\/shimx64\.efi +signed by .*Microsoft.*; SBAT shim \d/,
          'slipway check',
        )
        expectMatch(
          shown,
          /image-signed\/grubx64\.efi +signed by Debian Secure Boot CA; SBAT grub \d/,
          'slipway check',
        )
        return `${((first.endedMs - first.startedMs) / 1000).toFixed(0)} s`
      }),
  },
  {
    name: 'secure-boot: the installed machine boots its disk through the network boot, and is not installed again',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      withAppliance(rig, async () => {
        const console = textOf(await power(rig, signed, 'secure'))
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /slipway signed\/s1: boots from its local disk/, where)
        expectMatch(console, /^E2E booted from disk$/m, where)
        expectNoMatch(console, /^E2E rootfs/m, where)
        return undefined
      }),
  },
  {
    name: 'secure-boot: the firmware refuses a loader without a signature, and the status explains it',
    limitMs: 2 * bootLimitMs,
    run: (rig) =>
      withAppliance(rig, async (server) => {
        const since = server.lines.length
        const end = new AbortController()
        const booting = power(rig, unsigned, 'secure', { signal: end.signal })
        const served = ({ msg, node }: { msg: string; node?: string }) =>
          msg === 'boot loader served' && node === `signed/${unsigned.name}`
        await server.waitFor('that HTTP Boot tried it too', served, { since, limitMs: bootLimitMs })
        const text = await show(rig, applianceOf(rig), unsigned)
        end.abort()
        const console = textOf(await booting)
        expectMatch(console, /Security Violation|Access Denied/, `the console:\n${lastLines(console, 25)}\n`)
        expectNoMatch(console, /iPXE/, 'the console')
        return expectMatch(text, /(the firmware rejected .*)/, 'slipway node show')[1]
      }),
  },
  {
    name: 'secure-boot: GRUB without shim installs a machine without Secure Boot',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      withAppliance(rig, async () => {
        const console = textOf(await power(rig, plain, 'uefi', { continuesAfterReset: true }))
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /NBP filename is image-signed\/grubx64\.efi/, where)
        expectMatch(console, /^E2E written$/m, where)
        expectMatch(console, /^E2E booted from disk$/m, where)
        return undefined
      }),
  },
]
