/**
 * Boots the nodes of a site over real packets, in the order of real firmware: DHCP, loader, DHCP again as iPXE, script, kernel,
 * and initramfs. The live system follows with DHCP, names, system image, and Ignition file.
 */
import { randomInt } from 'node:crypto'
import type { InterfaceAddresses } from '../host/attached-networks.ts'
import type { Clock } from '../host/clock.ts'
import type { Sockets } from '../host/udp.ts'
import { ignitionFact } from '../plan/boot/installation.ts'
import { ignitionFileNames, type DeclaredImageFacts, type IgnitionKind } from '../plan/facts.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { ignitionUrlOf } from '../plan/tls.ts'
import { absoluteUrl, scriptPath, tokenPlaceholder, urlPaths } from '../plan/urls.ts'
import { defined } from '../text/defined.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { checkEnding } from './boot-result.ts'
import { openDhcpClients } from './dhcp-client.ts'
import { ipxeProfile, systemProfile, type Firmware } from './dhcp-profiles.ts'
import { bootFileOf, checkIpxeOffer, checkLease } from './dhcp-reply.ts'
import { checkName, dnsQuestions } from './dns-client.ts'
import { openHttpClient } from './http-client.ts'
import { askSystemDhcp6, openIpv6Network, startLoader6 } from './ipv6-boot.ts'
import {
  mergedFile,
  readIgnition,
  readInstallation,
  type CoreosInstallation,
  type Installation,
} from './installer.ts'
import { followScripts, syntaxOf, type LoaderChoice } from './follow-scripts.ts'
import type { ScriptOutcome } from './ipxe-script.ts'
import {
  fetchFile,
  fileName,
  lease,
  openDiskFiles,
  requestBootFile,
  startLoader,
  wrongBootFile,
  type Machine,
  type SimulationContext,
} from './machine.ts'
import { BootProblem, Timeline, type SimulatedBoot, type Simulation } from './timeline.ts'

export const firmwareChoices = ['uefi', 'http', 'bios', 'mixed'] as const
/** `http` is UEFI HTTP Boot; `mixed` alternates between the nodes. ARM machines, and nodes that boot over IPv6, use UEFI instead of a BIOS. */
export type FirmwareChoice = (typeof firmwareChoices)[number]

/** `arm64` is aarch64. */
export const machineChoices = ['x86_64', 'arm64'] as const
export type MachineChoice = (typeof machineChoices)[number]

export type SimulateOptions = {
  readonly sockets: Sockets
  readonly clock: Clock
  /** Source address of the nodes, see {@link chooseSource}. */
  readonly source: string
  /** The nodes to boot, in this order. */
  readonly nodes: readonly NodeModel[]
  readonly firmware: FirmwareChoice
  /** Address of this machine that acts as the relay agent; by default, the nodes are on the network of the server. */
  readonly relay?: Ipv4
  /** Architecture of the firmware of all nodes; by default that of the image of each node. */
  readonly machine?: MachineChoice
  /** The loader whose scripts all nodes follow; by default that of each node. */
  readonly loader?: LoaderChoice
  /** Returns the addresses of this machine's interfaces, for nodes that boot over IPv6; by default those of the system. */
  readonly interfaces?: () => InterfaceAddresses
  /** Maximum number of nodes that boot at the same time. */
  readonly parallel: number
  /** Called when the boot of a node ends, in the order of `nodes`. */
  readonly onBooted: (boot: SimulatedBoot) => void
}

/** @throws {CannotListen} when the DHCP client port is not available */
export async function simulate(model: Model, options: SimulateOptions): Promise<Simulation> {
  const { sockets, clock, source, nodes, firmware, machine, loader, relay, parallel, onBooted } = options
  const started = clock.monotonic()
  const { dhcp, tftp, dns } = await openServerClients(model, {
    sockets,
    clock,
    source,
    ...defined({ relay }),
  })
  const ipv6 = await openIpv6Network(model, nodes, options).catch(async (error: unknown) => {
    await dhcp.close()
    throw error
  })
  const context: SimulationContext = {
    model,
    clock,
    dhcp,
    tftp,
    dns,
    disk: openDiskFiles(),
    ...defined({ ipv6 }),
  }
  const boots = nodes.map((): SimulatedBoot | undefined => undefined)
  let next = 0
  let reported = 0
  const bootOthers = async (): Promise<void> => {
    for (let index = next++; index < nodes.length; index = next++) {
      const node = nodes[index] as NodeModel
      const isArm = (machine ?? machineOf(model, node)) === 'arm64'
      const kind = firmwareOf(isArm, firmwareFor(node, firmware), index)
      const chosen = node.silentFirmware !== undefined ? 'ppc64le' : kind
      boots[index] = await bootNode(node, chosen, context, loader)
      for (let done = boots[reported]; done !== undefined; done = boots[++reported]) onBooted(done)
    }
  }
  try {
    await Promise.all(Array.from({ length: parallel }, bootOthers))
  } finally {
    await Promise.all([dhcp.close(), ipv6?.dhcp.close()])
  }
  return { boots: boots.filter((boot) => boot !== undefined), durationMs: clock.monotonic() - started }
}

/** @throws {CannotListen} when the DHCP client port is not available */
export async function openServerClients(
  { endpoint: { address, ports } }: Model,
  { sockets, clock, source, relay }: Pick<SimulateOptions, 'sockets' | 'clock' | 'source' | 'relay'>,
): Promise<Pick<SimulationContext, 'dhcp' | 'tftp' | 'dns'>> {
  const server = formatIpv4(address)
  const dhcp = await openDhcpClients({
    sockets,
    clock,
    source,
    server: { address, port: ports.dhcp, clientPort: ports.dhcpClient },
    ...defined({ relay }),
    randomXid: () => randomInt(2 ** 32),
  })
  return {
    dhcp,
    tftp: { sockets, clock, source, server: { address: server, port: ports.tftp } },
    dns: { sockets, clock, source, server: { address: server, port: ports.dns } },
  }
}

function machineOf({ site }: Model, { image }: NodeModel): MachineChoice {
  return site.images[image]?.architecture === 'aarch64' ? 'arm64' : 'x86_64'
}

/** BIOS firmware cannot boot over IPv6. */
function firmwareFor({ bootsOverIpv6 }: NodeModel, choice: FirmwareChoice): FirmwareChoice {
  return bootsOverIpv6 === true && choice !== 'http' ? 'uefi' : choice
}

/** Returns the firmware that boots as the caller chose. */
export function firmwareOf(isArm: boolean, choice: FirmwareChoice, index: number): Firmware {
  switch (choice === 'mixed' ? turns[index % turns.length] : choice) {
    case 'http':
      return isArm ? 'arm64-http' : 'uefi-http'
    case 'bios':
      return isArm ? 'arm64' : 'bios'
    default:
      return isArm ? 'arm64' : 'uefi'
  }
}

const turns = ['uefi', 'bios', 'http'] as const

/** Does not reject when the server behaves wrongly: the problem is the last event of the boot. */
async function bootNode(
  node: NodeModel,
  firmware: Firmware,
  context: SimulationContext,
  choice: LoaderChoice | undefined,
): Promise<SimulatedBoot> {
  const timeline = new Timeline(context.clock)
  const loader = openHttpClient('iPXE/1.0.0+ (slipway simulate)')
  const system = openHttpClient('CoreOS (slipway simulate)')
  let ending = ''
  try {
    const syntax = syntaxOf(node, firmware, choice)
    ending = await powerOn({ node, firmware, syntax, context, timeline, loader, system })
  } catch (error) {
    if (!(error instanceof BootProblem)) throw error
    timeline.fail(error.message)
  } finally {
    loader.close()
    system.close()
  }
  return timeline.finish(node, firmware, ending)
}

/** @returns a text that describes the end of the boot */
async function powerOn(machine: Machine): Promise<string> {
  const scriptUrl = await startScript(machine)
  const outcome = await followScripts(machine, scriptUrl)
  const isForeign = machine.node.script !== undefined
  if (outcome.kind === 'chain' || (isForeign && outcome.kind === 'boot'))
    return 'starts the installer that its script names'
  if (outcome.kind !== 'boot') return checkEnding(outcome, machine.node)
  const installation = await fetchKernel(machine, outcome)
  await askSystemDhcp(machine)
  await askNames(machine)
  if (installation.kind === 'system') {
    await expectGuardedAnswers(machine, installation.answers)
    return 'starts its installer'
  }
  await fetchInstallation(machine, installation)
  return installation.kind === 'agent' ? 'starts its agent' : `installs to ${installation.disk}`
}

async function startScript(machine: Machine): Promise<string> {
  const { node, syntax, context } = machine
  const script = absoluteUrl(context.model.endpoint, scriptPath(node, syntax), node)
  if (node.bootsOverIpv6 === true) {
    await startLoader6(machine, script)
    return script
  }
  await startLoader(machine)
  // Only iPXE requests an address. The first file of the others is sent to the node itself, so the simulation skips it.
  return syntax === 'ipxe' ? askIpxeDhcp(machine) : script
}

async function askIpxeDhcp(machine: Machine): Promise<string> {
  const { node, firmware, context } = machine
  return machine.timeline.step('DHCP iPXE', async () => {
    const { reply, leased, octets } = await requestBootFile(machine, ipxeProfile(firmware), checkIpxeOffer)
    const url = bootFileOf(reply)
    const wanted = absoluteUrl(context.model.endpoint, urlPaths.bootScript(node))
    if (url !== wanted) throw wrongBootFile(wanted, url, node)
    return { value: url, octets, text: `${leased}, the script's URL` }
  })
}

async function fetchKernel(
  machine: Machine,
  { kernel, initrds }: Extract<ScriptOutcome, { kind: 'boot' }>,
): Promise<Installation> {
  const image = imageOf(machine)
  await fetchFile(machine, machine.loader, 'HTTP kernel', kernel.url, image?.kernel)
  for (const { url } of initrds) {
    // The initramfs of an agent image contains keys. Its URL needs a token, which a simulation does not get.
    if (url.includes(tokenPlaceholder) && isGuarded(machine)) {
      await machine.timeline.step('HTTP initramfs', async () => {
        await machine.loader.expectRefusal(url)
        return { value: undefined, octets: 0, text: `${fileName(url)}, only for the node` }
      })
    } else {
      await fetchFile(machine, machine.loader, 'HTTP initramfs', url, image?.initramfs)
    }
  }
  return readInstallation(kernel, initrds, machine.node, image?.style)
}

/** Returns nothing for the script of another installer, whose files other servers have. */
function imageOf({ node, context }: Machine): DeclaredImageFacts | undefined {
  const image = context.model.facts.images.get(node.image)
  return image?.style === 'script' ? undefined : image
}

async function askSystemDhcp(machine: Machine): Promise<void> {
  const { node } = machine
  if (node.bootsOverIpv6 === true) return askSystemDhcp6(machine)
  if (node.subnet?.dhcp === 'proxy') return
  await machine.timeline.step('DHCP system', async () => {
    const { ack, octets } = await lease(machine, systemProfile)
    checkLease(ack, node, machine.context.model, true)
    return { value: undefined, octets, text: machine.node.fqdn }
  })
}

async function askNames({ node, context, timeline }: Machine): Promise<void> {
  if (!context.model.site.dns.serve) return
  await timeline.step('DNS names', async () => {
    let octets = 0
    const questions = dnsQuestions(node, context.model)
    for (const question of questions) octets += await checkName(context.dns, question)
    const ofCluster = node.system === undefined ? ', api, api-int, apps' : ''
    return { value: undefined, octets, text: `own, reverse${ofCluster}` }
  })
}

/** Only the node gets its answer files, so the simulation must not. */
async function expectGuardedAnswers(machine: Machine, url: string | undefined): Promise<void> {
  if (url === undefined) return
  await machine.timeline.step('HTTP answers', async () => {
    await machine.system.expectRefusal(url)
    return { value: undefined, octets: 0, text: 'only for the node' }
  })
}

async function fetchInstallation(machine: Machine, installation: CoreosInstallation): Promise<void> {
  const { system } = installation
  const { node, context, timeline } = machine
  const image = imageOf(machine)
  const systemFact = image?.style === 'installer' ? image.metal : image?.rootfs
  await fetchFile(machine, machine.system, `HTTP ${system.kind}`, system.url, systemFact)
  if (installation.kind === 'agent') return
  const { ignitionUrl } = installation
  await timeline.step('HTTP Ignition', async () => {
    const kind = node.ignition
    const wanted = ignitionUrlOf(context.model.endpoint, node, kind)
    if (ignitionUrl !== wanted) {
      throw new BootProblem(`the Ignition URL ${wanted}`, ignitionUrl, `role of ${node.key}`)
    }
    if (isGuarded(machine)) {
      await machine.system.expectRefusal(ignitionUrl)
      return { value: undefined, octets: 0, text: `${kind}.ign, only for the node` }
    }
    const sent = await machine.system.fetch(ignitionUrl, { asText: true })
    const role = node.files.length === 0 ? sent : mergedFile(sent.text, ignitionUrl)
    const fact = ignitionFact(context.model, node, kind)
    if (fact.kind !== 'asked') await context.disk.compare(role, fact)
    const version = readIgnition(sent.text, ignitionUrl)
    return {
      value: undefined,
      octets: sent.octets,
      text: `${kind in ignitionFileNames ? ignitionFileNames[kind as IgnitionKind] : fileName(fact.path)}, version ${version}`,
    }
  })
}

/** Whether only a node that is being installed gets secrets; a simulated node does not. */
function isGuarded({ node, context }: Machine): boolean {
  const cluster = context.model.site.clusters.find(({ name }) => name === node.cluster)
  return cluster?.ignitionAccess !== 'open'
}
