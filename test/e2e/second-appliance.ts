/**
 * A second appliance with a site of its own, whose machines boot through other loaders than those of the first. It runs in
 * the namespace `peer`, and its state is kept between the checks.
 */
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from './network.ts'
import { output } from './process.ts'
import type { Rig } from './rig.ts'
import { controlSocket, slipway, startServer, type Server } from './server.ts'
import { boot, type Boot, type VmOptions } from './vm.ts'

export type SecondAppliance = {
  /** Name of its site, its cluster, its image, and its directory. */
  readonly name: string
  readonly machines: readonly LoaderMachine[]
  /** Directory with the files of its image; by default those of the other checks. */
  readonly imagesDir?: string
  /** Paths of files to add to its image. */
  readonly imageFiles?: readonly string[]
  /** Architecture of its image; x86_64 by default. */
  readonly architecture?: string
  /** More sections of its site file. */
  readonly sections?: string
}

export type LoaderMachine = {
  readonly name: string
  readonly mac: string
  readonly address: string
  /** More keys of the node. */
  readonly settings: string
}

/** For one complete boot with an emulated processor. */
export const bootLimitMs = 240_000

export function loaderMachine(name: string, lastOctet: number, settings: string): LoaderMachine {
  return { name, mac: `52:54:00:00:00:${lastOctet}`, address: `172.16.0.${lastOctet}`, settings }
}

export function textOf({ console }: Boot): string {
  return console.map(({ text }) => text).join('\n')
}

export async function power(
  rig: Rig,
  { name, mac, address }: LoaderMachine,
  firmware: VmOptions['firmware'],
  options: Partial<VmOptions> = {},
): Promise<Boot> {
  const dir = join(rig.dir, `vm-${name}`)
  const storageDir = join(rig.dir, `disk-${name}`)
  const fixed = { firmware, mac, address, tap: 'tap0', limitMs: bootLimitMs, dir, storageDir }
  return boot(rig.network, { ...fixed, ...options })
}

/** Returns what `slipway node show` prints. */
export async function show(rig: Rig, site: SecondAppliance, { name }: LoaderMachine): Promise<string> {
  const command = slipway('node', 'show', name, '--control', controlSocket(siteFile(rig, site)))
  return output(rig.network.inside('peer', ...command))
}

/** Returns what `slipway check` prints about the site. */
export async function check(rig: Rig, site: SecondAppliance): Promise<string> {
  return output(rig.network.inside('peer', ...slipway('check', siteFile(rig, site))))
}

/** Runs `body` while the appliance serves. */
export async function withSecondAppliance<T>(
  rig: Rig,
  site: SecondAppliance,
  body: (server: Server) => Promise<T>,
): Promise<T> {
  const sitePath = siteFile(rig, site)
  await createImage(rig, site)
  await writeFile(sitePath, siteText(rig, site))
  const log = join(rig.dir, `slipway-${site.name}.log`)
  const server = await startServer(rig.network, sitePath, log, { namespace: 'peer' })
  try {
    return await body(server)
  } finally {
    await server.process.stop()
  }
}

function siteFile({ dir }: Rig, { name }: SecondAppliance): string {
  return join(dir, name, 'site.yaml')
}

/** The files of the other checks, with the loaders beside them. */
async function createImage({ payload, dir }: Rig, given: SecondAppliance): Promise<void> {
  const { name, imagesDir = payload.imagesDir, imageFiles = [] } = given
  const image = join(dir, name, 'image')
  await rm(image, { recursive: true, force: true })
  await mkdir(image, { recursive: true })
  for (const file of await readdir(imagesDir)) await symlink(join(imagesDir, file), join(image, file))
  for (const file of imageFiles) await cp(file, join(image, file.slice(file.lastIndexOf('/') + 1)))
}

function siteText({ dir }: Rig, given: SecondAppliance): string {
  const { name: site, machines, architecture = 'x86_64', sections = '' } = given
  const node = ({ name, mac, address, settings }: LoaderMachine): string =>
    `      - { name: ${name}, role: worker, mac: "${mac}", address: ${address}, ${settings} }`
  return `\
site: ${site}
server: { interface: srv0, address: ${addresses.peer} }
subnets:
  - { cidr: 172.16.0.0/24 }
dns: { forward: [] }
images:
  ${site}: { dir: image, architecture: ${architecture} }
clusters:
  - name: ${site}
    domain: example.localdomain
    image: ${site}
    ignition: ${JSON.stringify(join(dir, 'site/ignition'))}
    disk: /dev/vda
    order: false
    console: [ttyS0]
    kernelArguments: [e2e.install]
    loadBalancer: { api: ${addresses.api}, ingress: ${addresses.api} }
    nodes:
${machines.map(node).join('\n')}
${sections}`
}
