/** Decodes the output of ipmitool. Pure. */
import { defined } from '../../text/defined.ts'
import type { MachineReport, PowerState } from '../machine.ts'

/** @param text of `chassis power status`: `Chassis Power is on` */
export function decodePower(text: string): PowerState {
  const [, state] = /^Chassis Power is (on|off)$/m.exec(text) ?? []
  return state === 'on' || state === 'off' ? state : 'unknown'
}

/** @param text of `fru print 0`: ` Product Serial        : ABC123` */
export function decodeFru(text: string): Pick<MachineReport, 'manufacturer' | 'model' | 'serial' | 'sku'> {
  const value = (...names: string[]): string | undefined =>
    names
      .map((name) => new RegExp(`^ *${name} *: *(\\S.*?) *$`, 'm').exec(text)?.[1])
      .find((each) => each !== undefined)
  return defined({
    manufacturer: value('Product Manufacturer', 'Board Mfg'),
    model: value('Product Name', 'Board Product'),
    serial: value('Product Serial', 'Chassis Serial', 'Board Serial'),
    sku: value('Product Part Number'),
  })
}

/** @param text of `mc guid`: `System GUID  : 4c4c4544-…` */
export function decodeGuid(text: string): string | undefined {
  return /^System GUID *: *([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/im.exec(text)?.[1]?.toLowerCase()
}

/** @param text of `chassis bootparam get 5` (IPMI 2.0 §28.13, boot flags) */
export function decodeOverride(text: string): MachineReport['bootOverride'] {
  const [, device] = /Boot Device Selector : (.+)$/m.exec(text) ?? []
  if (device === undefined || device.startsWith('No override') || /Boot Flag Invalid/.test(text))
    return undefined
  return { target: device.replace(/^Force /, ''), isOnce: /apply to only next boot/i.test(text) }
}
