/** What a BMC reports about its machine, and the operations that both protocols have. */
import type { NetworkBoot } from '../plan/bmc.ts'

export type PowerState = 'on' | 'off' | 'turning-on' | 'turning-off' | 'unknown'

/** `off` asks the operating system; `force-off` and `cycle` do not. */
export const powerActions = ['on', 'off', 'force-off', 'cycle'] as const
export type PowerAction = (typeof powerActions)[number]

/** What the next start boots: the network, or what the firmware is set to. */
export const bootTargets = ['network', 'normal'] as const
export type BootTarget = (typeof bootTargets)[number]

export type MachineReport = {
  readonly power: PowerState
  readonly manufacturer?: string
  readonly model?: string
  readonly serial?: string
  readonly sku?: string
  /** In lower case, as SMBIOS has it. */
  readonly uuid?: string
  /** What the firmware does, in the words of the BMC: `OSRunning`, `InPost`. */
  readonly progress?: string
  /** Device of the next start, if the BMC overrides the order of the firmware. */
  readonly bootOverride?: { readonly target: string; readonly isOnce: boolean }
  /** Health in the words of the BMC: `OK`, `Warning`, `Critical`. */
  readonly health?: string
  /** Memory in GiB. */
  readonly memoryGiB?: number
}

export type Inventory = MachineReport & {
  /** In lower case, in the order of the BMC. */
  readonly macs: readonly string[]
  /** Host name that the BMC has of the machine. */
  readonly hostName?: string
  /** Path of the Redfish system. */
  readonly system?: string
}

export type BootRequest = {
  readonly target: BootTarget
  readonly networkBoot: NetworkBoot
  /** For UEFI HTTP Boot on BMCs that take a URL. */
  readonly loaderUrl: string
}

/** An open connection to a BMC. Each function throws a BmcProblem. */
export type Bmc = {
  report(): Promise<MachineReport>
  inventory(): Promise<Inventory>
  /** Returns once the BMC accepted the command; one that changes nothing is not sent. */
  power(action: PowerAction): Promise<void>
  /** Sets the boot device, and reads it back. @returns remarks for the administrator */
  boot(request: BootRequest): Promise<readonly string[]>
}
