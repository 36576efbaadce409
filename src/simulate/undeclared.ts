/**
 * Boots a machine that the site does not declare: its firmware asks for an address, and if the site has an inventory boot, iPXE
 * follows the script to the kernel and initramfs. It never requests a lease and sends no report, so slipway keeps nothing of it.
 */
import { inventoryHere } from '../plan/dhcp/inventory.ts'
import type { Model } from '../plan/model.ts'
import { absoluteUrl, urlPaths } from '../plan/urls.ts'
import { defined } from '../text/defined.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'
import type { Site } from '../site/schema.ts'
import { NoReply, type DhcpClients, type Reply } from './dhcp-client.ts'
import {
  bootsOverHttp,
  firmwareProfile,
  ipxeProfile,
  type DhcpProfile,
  type Firmware,
} from './dhcp-profiles.ts'
import { bootFileOf, checkHttpOffer, checkIpxeOffer, checkPxeOffer } from './dhcp-reply.ts'
import { openHttpClient, type HttpClient } from './http-client.ts'
import { runScript } from './ipxe-script.ts'
import {
  fetchByHttp,
  fetchByTftp,
  fetchFile,
  loaderOf,
  openDiskFiles,
  pathOf,
  type SimulationContext,
} from './machine.ts'
import { openServerClients, type SimulateOptions } from './simulate.ts'
import { BootProblem, Timeline, type TimedBoot } from './timeline.ts'

/** What the site file declares for an undeclared machine. */
export type UndeclaredAnswer =
  | { readonly kind: 'inventory' }
  /** `hints` are sentences: what the administrator could change. */
  | {
      readonly kind: 'none'
      readonly code: string
      readonly reason: string
      readonly hints: readonly string[]
    }

export type UndeclaredBoot = TimedBoot & { readonly mac: Mac }

type UndeclaredMachine = {
  readonly mac: Mac
  readonly firmware: Firmware
  readonly context: Omit<SimulationContext, 'dns' | 'ipv6'>
  readonly timeline: Timeline
}

export type UndeclaredOptions = Pick<SimulateOptions, 'sockets' | 'clock' | 'source' | 'relay'> & {
  readonly mac: Mac
  readonly firmware: Firmware
  readonly expected: UndeclaredAnswer['kind']
}

/**
 * @returns whose `isBooted` is false if the server does something else than `expected`
 * @throws {CannotListen} when the DHCP client port is not available
 */
export async function simulateUndeclared(
  model: Model,
  { sockets, clock, source, relay, mac, firmware, expected }: UndeclaredOptions,
): Promise<UndeclaredBoot> {
  const { dhcp, tftp } = await openServerClients(model, { sockets, clock, source, ...defined({ relay }) })
  const context = { model, clock, dhcp, tftp, disk: openDiskFiles() }
  const timeline = new Timeline(clock)
  const client = openHttpClient('iPXE/1.0.0+ (slipway simulate)')
  const machine = { mac, firmware, context, timeline }
  let ending = ''
  try {
    await checkServer(machine, client)
    if (expected === 'none') {
      await expectNoAnswer(machine)
      ending = 'gets no answer'
    } else {
      await bootInventory(machine, client)
      ending = 'boots the inventory system'
    }
  } catch (error) {
    if (!(error instanceof BootProblem)) throw error
    timeline.fail(error.message)
  } finally {
    client.close()
    await dhcp.close()
  }
  return { mac, ...timeline.end(firmware, ending) }
}

/** Without it, a server that is not running could not be distinguished from one that does not answer. */
async function checkServer({ context, timeline }: UndeclaredMachine, client: HttpClient): Promise<void> {
  await timeline.step('HTTP health', async () => {
    const { octets } = await client.fetch(absoluteUrl(context.model.endpoint, urlPaths.health))
    return { value: undefined, octets, text: 'the server runs' }
  })
}

async function expectNoAnswer({ mac, firmware, context, timeline }: UndeclaredMachine): Promise<void> {
  await timeline.step('DHCP firmware', async () => {
    const reply = await offered(context.dhcp, firmwareProfile(firmware), mac)
    if (!(reply instanceof NoReply)) {
      throw new BootProblem(
        `no reply to the undeclared machine ${mac}, as the site file declares`,
        `an offer of ${formatIpv4(reply.message.yiaddr)}`,
        'whether the server loaded the site file (slipway reload)',
      )
    }
    return { value: undefined, octets: 0, text: reply.got }
  })
}

async function bootInventory(machine: UndeclaredMachine, client: HttpClient): Promise<void> {
  const { firmware, context, timeline } = machine
  const { endpoint, facts } = context.model
  const loader = loaderOf({ loader: undefined, image: '' }, firmware)
  const isHttp = bootsOverHttp(firmware)
  const wanted = isHttp ? absoluteUrl(endpoint, urlPaths.loader(loader)) : loader
  await askOffer(
    machine,
    'DHCP firmware',
    firmwareProfile(firmware),
    wanted,
    isHttp ? checkHttpOffer : checkPxeOffer,
  )
  if (isHttp) await fetchByHttp(machine, wanted, loader)
  else await fetchByTftp(machine, loader)

  const url = absoluteUrl(endpoint, urlPaths.inventoryScript)
  await askOffer(machine, 'DHCP iPXE', ipxeProfile(firmware), url, checkIpxeOffer)
  const { kernel, initrds } = await timeline.step('HTTP script', async () => {
    const { octets, text } = await client.fetch(url, { asText: true })
    const value = runScript(text, url, new Map([['netX/mac', machine.mac]]))
    if (value.kind !== 'boot') {
      const got = value.kind === 'refused' ? value.reason : `a script that ends with ${value.kind}`
      throw new BootProblem('a script that boots the inventory system', got, url)
    }
    return { value, octets, text: pathOf(url) }
  })
  await fetchFile(machine, client, 'HTTP kernel', kernel.url, facts.inventory?.kernel)
  for (const initrd of initrds)
    await fetchFile(machine, client, 'HTTP initramfs', initrd.url, facts.inventory?.initrd)
}

/** Requests an offer, and checks its address and boot file. */
async function askOffer(
  { mac, context, timeline }: UndeclaredMachine,
  step: string,
  profile: DhcpProfile,
  bootFile: string,
  check: (offer: Reply['message']) => void,
): Promise<void> {
  await timeline.step(step, async () => {
    const reply = await offered(context.dhcp, profile, mac)
    if (reply instanceof NoReply) {
      throw new BootProblem(
        `an offer for the inventory boot of the undeclared machine ${mac}`,
        reply.got,
        'slipway status and slipway doctor: whether another DHCP server is on the network, whether all of ' +
          'inventory.addresses are in use, and whether the server loaded the site file (slipway reload)',
      )
    }
    const { message, octets } = reply
    checkRange(context.model, message.yiaddr)
    check(message)
    const file = bootFileOf(message)
    if (file !== bootFile) {
      throw new BootProblem(
        `boot file ${bootFile}`,
        file ?? 'none',
        'server.ports, and whether the server loaded the site file',
      )
    }
    const text = `${formatIpv4(message.yiaddr)}, ${file.includes('/inventory/') ? "the script's URL" : file}`
    return { value: undefined, octets, text }
  })
}

function checkRange({ site }: Model, address: Ipv4): void {
  // Without the section, the site declares no answer.
  const { from, to } = (inventoryHere(site) as NonNullable<Site['inventory']>).addresses
  if (address >= from && address <= to) return
  const range = `${formatIpv4(from)} to ${formatIpv4(to)}`
  throw new BootProblem(
    `an address of inventory.addresses (${range})`,
    formatIpv4(address),
    'whether the server loaded the site file (slipway reload)',
  )
}

/** Returns the offer of the server, or that it sends none. */
async function offered(dhcp: DhcpClients, profile: DhcpProfile, mac: Mac): Promise<Reply | NoReply> {
  try {
    return await dhcp.offer(profile, mac)
  } catch (error) {
    if (error instanceof NoReply) return error
    throw error
  }
}
