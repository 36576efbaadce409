import t from 'tap'
import { addressOf } from '../../src/proto/dhcp/values/number.ts'
import { macFromOctets, parseMac, type Mac } from '../../src/proto/address/mac.ts'
import { decodeMessage } from '../../src/proto/dhcp/message.ts'
import { OptionCode } from '../../src/proto/dhcp/option-table.ts'
import type { DhcpOption } from '../../src/proto/dhcp/option.ts'
import {
  firmwareProfile,
  ipxeProfile,
  selection,
  systemProfile,
  type DhcpProfile,
} from '../../src/simulate/dhcp-profiles.ts'
import { captured } from '../support/dhcp-captures.ts'

/** Options whose values belong to the captured machine (97) or its build of iPXE (175). */
const ownValues: readonly number[] = [OptionCode.clientMachineIdentifier, OptionCode.ipxe]

const cases: { profile: DhcpProfile; capture: string }[] = [
  { profile: firmwareProfile('uefi'), capture: 'OVMF PXE' },
  { profile: firmwareProfile('uefi-http'), capture: 'OVMF HTTP Boot' },
  { profile: ipxeProfile('bios'), capture: 'iPXE BIOS (e1000 ROM)' },
  { profile: ipxeProfile('uefi'), capture: 'iPXE EFI' },
  { profile: ipxeProfile('uefi-http'), capture: 'iPXE EFI' },
  { profile: systemProfile, capture: 'udhcpc' },
]
for (const { profile, capture } of cases) {
  t.test(`the ${profile.name} sends the options of the capture ${capture}`, (t) => {
    for (const type of ['DISCOVER', 'REQUEST'] as const) {
      const real = decodeMessage(captured(`${capture} ${type}`))
      const mac = macFromOctets(real.chaddr)
      const options =
        type === 'DISCOVER' ? profile.discover(mac) : profile.request(mac, selectionOf(real.options))
      t.equal(profile.flags, real.flags, `${type} flags`)
      t.same(
        options.map(({ code }) => code),
        real.options.map(({ code }) => code).filter((code) => code !== OptionCode.messageType),
        `${type} order`,
      )
      for (const { code, value } of options.filter(({ code }) => !ownValues.includes(code))) {
        t.same(value, real.options.find((option) => option.code === code)?.value, `${type} option ${code}`)
      }
    }
    t.end()
  })
}

function selectionOf(options: readonly DhcpOption[]) {
  const value = (code: number) => addressOf(options.find((option) => option.code === code)!)
  return selection(value(OptionCode.serverIdentifier), value(OptionCode.requestedAddress))
}

t.test('every firmware sends its architecture in options 93 and 60 (RFC 4578 §2.1)', (t) => {
  const mac = parseMac('00:00:5e:00:53:11') as Mac
  const names = (['bios', 'uefi', 'uefi-http', 'arm64', 'arm64-http'] as const).map((firmware) => {
    const options = firmwareProfile(firmware).discover(mac)
    const value = (code: number) => options.find((option) => option.code === code)!.value
    return [...value(OptionCode.clientArchitecture), Buffer.from(value(OptionCode.vendorClass)).toString()]
  })
  t.same(names, [
    [0, 0, 'PXEClient:Arch:00000:UNDI:002001'],
    [0, 7, 'PXEClient:Arch:00007:UNDI:003000'],
    [0, 16, 'HTTPClient:Arch:00016:UNDI:003000'],
    [0, 11, 'PXEClient:Arch:00011:UNDI:003000'],
    [0, 19, 'HTTPClient:Arch:00019:UNDI:003000'],
  ])
  t.end()
})
