/** Decodes a Redfish ComputerSystem (DSP0268) with the deviations of vendors (docs/bmc.md). Pure. */
import { defined } from '../../text/defined.ts'
import type { MachineReport, PowerState } from '../machine.ts'
import { at, linkAt, linksAt, textAt, textsAt, type Json } from './json.ts'
import { adapterPaths, progressPaths } from './vendors.ts'

export type System = {
  readonly path: string
  readonly report: MachineReport
  readonly hostName?: string
  readonly reset: {
    readonly path: string
    /** Absent if the resource does not list them. */
    readonly types?: readonly string[]
    /** Resource that lists the types. */
    readonly info?: string
  }
  readonly boot: Boot
  readonly interfaces?: string
  /** Where the network adapters are. */
  readonly adapters: {
    /** NetworkInterfaces of the system. */
    readonly interfaces?: string
    readonly chassis: readonly string[]
    /** Collection that the vendor added. */
    readonly vendor?: string
  }
  /** For `If-Match`. */
  readonly etag?: string
  /** Resource that takes changes for the next start, on BMCs of AMI. */
  readonly settings?: string
}

export type Boot = {
  readonly enabled?: string
  readonly target?: string
  readonly mode?: string
  /** Absent if the resource does not list them. */
  readonly targets?: readonly string[]
  readonly hasMode: boolean
  readonly takesUri: boolean
}

const powerStates: Readonly<Record<string, PowerState>> = {
  On: 'on',
  Off: 'off',
  PoweringOn: 'turning-on',
  PoweringOff: 'turning-off',
}

export function decodeSystem(path: string, body: Json, etag: string | undefined): System {
  const reset = at(body, 'Actions', '#ComputerSystem.Reset')
  return {
    path,
    report: decodeReport(body),
    ...defined({ hostName: textAt(body, 'HostName') }),
    reset: {
      path: textAt(reset, 'target') ?? `${path.replace(/\/$/, '')}/Actions/ComputerSystem.Reset`,
      ...defined({
        types: textsAt(reset, 'ResetType@Redfish.AllowableValues'),
        info: textAt(reset, '@Redfish.ActionInfo'),
      }),
    },
    boot: decodeBoot(body),
    adapters: {
      chassis: linksAt(body, 'Links', 'Chassis'),
      ...defined({
        interfaces: linkAt(body, 'NetworkInterfaces'),
        vendor: adapterPaths.map((keys) => linkAt(body, ...keys)).find((path) => path !== undefined),
      }),
    },
    ...defined({
      interfaces: linkAt(body, 'EthernetInterfaces'),
      etag: etag ?? textAt(body, '@odata.etag'),
      settings: linkAt(body, '@Redfish.Settings', 'SettingsObject'),
    }),
  }
}

/** Firmware that has not counted its memory yet reports 0. */
function memoryOf(body: Json): number | undefined {
  const total = at(body, 'MemorySummary', 'TotalSystemMemoryGiB')
  return typeof total === 'number' && total > 0 ? total : undefined
}

/** A board that was not configured has a UUID of only zeros or ones. */
function uuidOf(body: Json): string | undefined {
  const uuid = textAt(body, 'UUID')?.toLowerCase()
  return uuid === undefined || /^[0-]+$|^[f-]+$/.test(uuid) ? undefined : uuid
}

/** `OEM` refers to another property. */
function isKnownProgress(text: string | undefined): boolean {
  return text !== undefined && text !== 'OEM'
}

function decodeReport(body: Json): MachineReport {
  const { enabled, target } = decodeBoot(body)
  const isOverridden = target !== undefined && enabled !== undefined && enabled !== 'Disabled'
  return {
    power: powerStates[textAt(body, 'PowerState') ?? ''] ?? 'unknown',
    ...defined({
      manufacturer: textAt(body, 'Manufacturer'),
      model: textAt(body, 'Model'),
      serial: textAt(body, 'SerialNumber'),
      sku: textAt(body, 'SKU'),
      uuid: uuidOf(body),
      progress: progressPaths.map((keys) => textAt(body, ...keys)).find(isKnownProgress),
      bootOverride: isOverridden ? { target, isOnce: enabled === 'Once' } : undefined,
      health: textAt(body, 'Status', 'Health'),
      memoryGiB: memoryOf(body),
    }),
  }
}

export function decodeBoot(body: Json): Boot {
  const boot = at(body, 'Boot')
  return {
    ...defined({
      enabled: textAt(boot, 'BootSourceOverrideEnabled'),
      target: textAt(boot, 'BootSourceOverrideTarget'),
      mode: textAt(boot, 'BootSourceOverrideMode'),
      targets: textsAt(boot, 'BootSourceOverrideTarget@Redfish.AllowableValues'),
    }),
    hasMode: at(boot, 'BootSourceOverrideMode') !== undefined,
    takesUri: at(boot, 'HttpBootUri') !== undefined,
  }
}
