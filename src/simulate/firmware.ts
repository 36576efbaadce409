/** Simulates firmware: DHCP, then the boot loader by PXE (TFTP) or UEFI HTTP Boot. */
import { arm64, x64 } from '../plan/dhcp/boot-table.ts'
import type { LoaderName } from '../plan/facts.ts'
import type { NodeModel } from '../plan/model.ts'
import { absoluteUrl, urlPaths } from '../plan/urls.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import { BootProblem } from './timeline.ts'
import { bootsOverHttp, firmwareProfile, type Firmware } from './dhcp-profiles.ts'
import { bootFileOf, checkHttpOffer, checkPxeOffer } from './dhcp-reply.ts'
import { openHttpClient } from './http-client.ts'
import { requestBootFile, pathOf, wrongBootFile, type Machine } from './machine.ts'
import { probeSize, readFile } from './tftp-client.ts'

/** Simulates the boot from power-on until the loader is downloaded. */
export async function startLoader(machine: Machine): Promise<void> {
  if (bootsOverHttp(machine.firmware)) await fetchByHttp(machine, await askHttpDhcp(machine))
  else await fetchByTftp(machine, await askPxeDhcp(machine))
}

async function askPxeDhcp(machine: Machine): Promise<string> {
  const { node, firmware, rack } = machine
  return machine.timeline.step('DHCP firmware', async () => {
    const { reply, leased, octets } = await requestBootFile(machine, firmwareProfile(firmware), checkPxeOffer)
    const file = bootFileOf(reply)
    const wanted = loaderOf(node, firmware)
    if (file !== wanted) throw wrongBootFile(wanted, file, node)
    const { address } = rack.model.endpoint
    if (reply.siaddr !== address) {
      throw new BootProblem(`next server ${formatIpv4(address)}`, formatIpv4(reply.siaddr), 'server.address')
    }
    return { value: file, octets, text: `${leased}, ${file}` }
  })
}

async function askHttpDhcp(machine: Machine): Promise<string> {
  const { node, firmware, rack } = machine
  return machine.timeline.step('DHCP firmware', async () => {
    const { reply, leased, octets } = await requestBootFile(
      machine,
      firmwareProfile(firmware),
      checkHttpOffer,
    )
    const url = bootFileOf(reply)
    const wanted = absoluteUrl(rack.model.endpoint, urlPaths.loader(loaderOf(node, firmware)))
    if (url !== wanted) throw wrongBootFile(wanted, url, node)
    return { value: url, octets, text: `${leased}, its loader's URL` }
  })
}

async function fetchByHttp({ node, firmware, rack, timeline }: Machine, url: string): Promise<void> {
  const client = openHttpClient('UefiHttpBoot/1.0 (slipway simulate)')
  try {
    await timeline.step('HTTP loader', async () => {
      // OVMF allocates memory for the length in the response to HEAD, then downloads the file.
      const announced = await client.size(url)
      const sent = await client.fetch(url)
      if (announced !== sent.octets) {
        const expected = `${announced} bytes, the length in the response to HEAD ${url}`
        throw new BootProblem(expected, `${sent.octets}`, 'the server, and report this bug')
      }
      await rack.disk.compare(sent, rack.model.facts.loaders.get(loaderOf(node, firmware)))
      return { value: undefined, octets: sent.octets, text: pathOf(url) }
    })
  } finally {
    client.close()
  }
}

async function fetchByTftp({ firmware, rack, timeline }: Machine, file: string): Promise<void> {
  await timeline.step('TFTP loader', async () => {
    // OVMF requests the size, aborts, and starts again. The block sizes are those of OVMF and of BIOS ROMs.
    const wanted: [string, string][] =
      firmware === 'bios' ? [['blksize', '1456']] : [['blksize', '1468'], ['windowsize', '4']] // prettier-ignore
    const size = await probeSize(rack.tftp, { file, options: new Map([['tsize', '0'], ...wanted]) })
    const sent = await readFile(rack.tftp, { file, options: new Map(wanted) })
    if (size !== sent.octets) {
      throw new BootProblem(
        `${size} bytes, the tsize of ${file}`,
        `${sent.octets}`,
        'the server, and report this bug',
      )
    }
    await rack.disk.compare(sent, rack.model.facts.loaders.get(file as LoaderName))
    const window = sent.windowsize === 1 ? '' : ` x ${sent.windowsize}`
    return { value: undefined, octets: sent.octets, text: `${file} by ${sent.blksize}${window}` }
  })
}

function loaderOf(node: NodeModel, firmware: Firmware): LoaderName {
  switch (firmware) {
    case 'bios':
      return 'bios/undionly.kpxe'
    case 'uefi':
    case 'uefi-http':
      return x64(node)
    case 'arm64':
    case 'arm64-http':
      return arm64(node)
  }
}
