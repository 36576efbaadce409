/**
 * Secure Boot with the keys of Microsoft: the signed chain of Debian (shim, GRUB, kernel) boots, installs, and boots the
 * installed disk; the firmware refuses a loader without a signature, and the timeline names that. The machines
 * belong to a second appliance with its own site.
 */
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectMatch, expectNoMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import { lastLines, output } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway, startServer, waitForLogFlush, type Server } from '../server.ts'
import { boot, type Boot, type VmOptions } from '../vm.ts'

type Machine = {
  readonly name: string
  readonly mac: string
  readonly address: string
  readonly loader: string
}

const signed = machine('s1', 71, 'loader: auto')
const unsigned = machine('s2', 72, 'loader: snponly')
const plain = machine('s3', 73, 'loader: grub')
const machines = [signed, unsigned, plain]

function machine(name: string, lastOctet: number, loader: string): Machine {
  return { name, mac: `52:54:00:00:00:${lastOctet}`, address: `172.16.0.${lastOctet}`, loader }
}

/** For one complete boot with an emulated processor. */
const bootLimitMs = 240_000

export const secureBootChecks: readonly Check[] = [
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
        expectMatch(await show(rig, signed), /installed/, 'its state')
        await waitForLogFlush()
        const sent = server.lines.filter(({ node }) => node === `signed/${signed.name}`)
        const files = sent.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
        for (const file of [
          'image-signed/shimx64.efi',
          'image-signed/grubx64.efi',
          'boot/signed/s1/boot.grub',
        ])
          expectMatch(files, new RegExp(`^tftp: file sent /?${file}$`, 'm'), 'the log')
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
        const text = await show(rig, unsigned)
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

function textOf({ console }: Boot): string {
  return console.map(({ text }) => text).join('\n')
}

async function power(
  rig: Rig,
  { name, mac, address }: Machine,
  firmware: VmOptions['firmware'],
  options: Partial<VmOptions> = {},
): Promise<Boot> {
  const dir = join(rig.dir, `vm-${name}`)
  const storageDir = join(rig.dir, `disk-${name}`)
  const fixed = { firmware, mac, address, tap: 'tap0', limitMs: bootLimitMs, dir, storageDir }
  return boot(rig.network, { ...fixed, ...options })
}

function siteFile({ dir }: Rig): string {
  return join(dir, 'secure-boot', 'site.yaml')
}

async function show(rig: Rig, { name }: Machine): Promise<string> {
  const command = slipway('node', 'show', name, '--control', controlSocket(siteFile(rig)))
  return output(rig.network.inside('peer', ...command))
}

/** Runs `body` with a second appliance. Its state is kept between the checks. */
async function withAppliance<T>(rig: Rig, body: (server: Server) => Promise<T>): Promise<T> {
  const sitePath = siteFile(rig)
  await createImage(rig, join(rig.dir, 'secure-boot', 'image'))
  await writeFile(sitePath, siteText(rig))
  const log = join(rig.dir, 'slipway-secure-boot.log')
  const server = await startServer(rig.network, sitePath, log, { namespace: 'peer' })
  try {
    return await body(server)
  } finally {
    await server.process.stop()
  }
}

/** The files of the other checks, with the signed loaders beside them. */
async function createImage({ payload }: Rig, dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  for (const name of await readdir(payload.imagesDir))
    await symlink(join(payload.imagesDir, name), join(dir, name))
  for (const name of ['shimx64.efi.signed', 'grubnetx64.efi.signed'])
    await cp(join(payload.signedDir, name), join(dir, name))
}

function siteText({ dir }: Rig): string {
  const node = ({ name, mac, address, loader }: Machine): string =>
    `      - { name: ${name}, role: worker, mac: "${mac}", address: ${address}, ${loader} }`
  return `\
site: signed
server: { interface: srv0, address: ${addresses.peer} }
subnets:
  - { cidr: 172.16.0.0/24 }
dns: { forward: [] }
images:
  signed: { dir: image }
clusters:
  - name: signed
    domain: example.localdomain
    image: signed
    ignition: ${JSON.stringify(join(dir, 'site/ignition'))}
    disk: /dev/vda
    order: false
    console: [ttyS0]
    kernelArguments: [e2e.install]
    loadBalancer: { api: ${addresses.api}, ingress: ${addresses.api} }
    nodes:
${machines.map(node).join('\n')}
`
}
