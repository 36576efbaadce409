/**
 * Reads and switches the power of nodes through their BMCs, one operation at a time for each BMC. Only a command of an
 * administrator calls it; the log names the user.
 */
import { pause, type Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { bmcName, type BmcPlan, type BmcPlans, type BmcProtocol } from '../plan/bmc.ts'
import type { BmcCode } from './codes.ts'
import type { Bmc, BootTarget, Inventory, MachineReport, PowerAction, PowerState } from './machine.ts'
import { peerOf, withBmc, type OperationOptions } from './operation.ts'
import { ownerOf } from './owner.ts'
import { createPins } from './pins.ts'
import { BmcProblem } from './problem.ts'

export type PowerReport = MachineReport & {
  readonly node: string
  /** Name or address of the BMC. */
  readonly bmc: string
  readonly protocol: BmcProtocol
  /** Whether arming the node also restarts it from the network. */
  readonly isManaged: boolean
  /** When the BMC was read, in milliseconds since 1970. */
  readonly readAt: number
  /** What the administrator should know about the command. */
  readonly remarks?: readonly string[]
}

export type PowerRefusal = { readonly code: BmcCode; readonly reason: string }

export type PowerCommand = {
  /** Absent to set only the boot device. */
  readonly action?: PowerAction
  /** What the next start boots; by default, the firmware decides. */
  readonly boot?: BootTarget
  /** For the log. */
  readonly user: string
}

export type Power = {
  /** Returns what the BMC reports; a report that is some seconds old is returned again. */
  report(node: string): Promise<PowerReport | PowerRefusal>
  /** Also reads the MAC addresses, which can take some seconds more. */
  inventory(node: string): Promise<Inventory | PowerRefusal>
  command(node: string, command: PowerCommand): Promise<PowerReport | PowerRefusal>
  /** Accepts a new certificate. @param fingerprint that the BMC must show */
  trust(
    node: string,
    fingerprint: string,
    user: string,
  ): Promise<{ readonly fingerprint: string } | PowerRefusal>
  /** Returns the last report of a node. */
  lastReport(node: string): PowerReport | undefined
  /** Whether arming the node also restarts it from the network. */
  isManaged(node: string): boolean
}

export type PowerOptions = {
  readonly plans: () => BmcPlans
  /** Returns the key of the declared node with a MAC address; without it, machines are not compared. */
  readonly nodeOf?: (mac: string) => string | undefined
  /** State directory. */
  readonly directory: string | undefined
  /** Whether nothing is written to it: a certificate that was not seen before is accepted, and not kept. */
  readonly isReading?: boolean
  readonly clock: Clock
  readonly log: Log
  readonly limits?: OperationOptions['limits']
  /** Time until a machine that was switched must have the new state. */
  readonly settleMs?: number
}

/** Clients that poll a node read its BMC at most this often. */
const reportAgeMs = 3000
const pollMs = 2000
const defaultSettleMs = 20_000

const reachedBy: Readonly<Partial<Record<PowerAction, PowerState>>> = {
  on: 'on',
  off: 'off',
  'force-off': 'off',
}

export function isPowerRefusal(result: object): result is PowerRefusal {
  return 'reason' in result
}

export function createPower(options: PowerOptions): Power {
  const { plans, clock, log, settleMs = defaultSettleMs } = options
  const operation: OperationOptions = {
    clock,
    pins: createPins(options.directory, options.isReading),
    ...(options.limits && { limits: options.limits }),
  }
  const queues = new Map<string, Promise<unknown>>()
  const last = new Map<string, PowerReport>()

  /** Runs the operations of a BMC one after the other: it has few sessions, and one machine has one state. */
  function inTurn<T>(plan: BmcPlan, run: () => Promise<T>): Promise<T> {
    const name = bmcName(plan)
    const result = (queues.get(name) ?? Promise.resolve()).then(run)
    const ended = result
      .catch(() => undefined)
      .finally(() => queues.get(name) === ended && queues.delete(name))
    queues.set(name, ended)
    return result
  }

  async function refusalOr<T>(node: string, run: (plan: BmcPlan) => Promise<T>): Promise<T | PowerRefusal> {
    const plan = plans().get(node)
    if (plan === undefined) {
      const reason = `the site declares no BMC for ${node}: add bmc with its address, then run "slipway reload"`
      return { code: 'bmc.not-declared', reason }
    }
    try {
      return await inTurn(plan, () => run(plan))
    } catch (error) {
      if (!(error instanceof BmcProblem)) throw error
      return { code: error.code, reason: error.message.replace('power trust NODE', `power trust ${node}`) }
    }
  }

  function keep(plan: BmcPlan, report: MachineReport, remarks: readonly string[] = []): PowerReport {
    const { node, protocol, isManaged } = plan
    const about = { node, bmc: bmcName(plan), protocol, isManaged, readAt: clock.now() }
    last.set(node, { ...report, ...about })
    return { ...report, ...about, ...(remarks.length > 0 && { remarks }) }
  }

  /**
   * Refuses to boot the machine of another node from the network, because its restart could stop a running cluster.
   * IPMI has no MAC addresses.
   */
  async function checkMachine(bmc: Bmc, plan: BmcPlan): Promise<void> {
    const { node } = plan
    if (options.nodeOf === undefined || plan.protocol === 'ipmi') return
    const { macs } = await bmc.inventory()
    const owner = ownerOf(node, macs, options.nodeOf)
    if (owner.kind !== 'other') return
    throw new BmcProblem(
      'bmc.other-machine',
      `BMC ${bmcName(plan)} has the machine of ${owner.node} (MAC address ${owner.mac}), not of ${node}: correct bmc.address or mac of both nodes, then run "slipway reload"`,
    )
  }

  /** Switches, then waits until the machine has the new state. */
  async function switchPower(bmc: Bmc, action: PowerAction | undefined): Promise<MachineReport> {
    const wanted = action && reachedBy[action]
    // A machine that is on can have been restarted, or not.
    const isProof = action !== 'cycle'
    let lost: BmcProblem | undefined
    try {
      if (action !== undefined) await bmc.power(action)
    } catch (error) {
      if (!(error instanceof BmcProblem) || error.code !== 'bmc.connection-lost' || !isProof) throw error
      lost = error
    }
    const endMs = clock.monotonic() + settleMs
    for (;;) {
      const report = await bmc.report()
      if (wanted === undefined || report.power === wanted) return report
      if (clock.monotonic() >= endMs) {
        if (lost !== undefined) throw lost
        return report
      }
      await pause(clock, pollMs)
    }
  }

  return {
    report: (node) =>
      refusalOr(node, async (plan) => {
        const known = last.get(node)
        if (known !== undefined && clock.now() - known.readAt < reportAgeMs) return known
        return keep(plan, await withBmc(plan, operation, (bmc) => bmc.report()))
      }),

    inventory: (node) => refusalOr(node, (plan) => withBmc(plan, operation, (bmc) => bmc.inventory())),

    async command(node, { action, boot, user }) {
      const result = await refusalOr(node, (plan) =>
        withBmc(plan, operation, async (bmc) => {
          if (boot === 'network') await checkMachine(bmc, plan)
          const remarks = boot === undefined ? [] : await bmc.boot({ ...plan, target: boot })
          return keep(plan, await switchPower(bmc, action), remarks)
        }),
      )
      const facts = { node, action, boot, user }
      if (isPowerRefusal(result)) log.warn({ ...facts, ...result }, 'power command failed')
      else log.info({ ...facts, bmc: result.bmc, power: result.power }, 'power command sent')
      return result
    },

    trust: (node, fingerprint, user) =>
      refusalOr(node, async (plan) => {
        const { readFingerprint } = await import('./redfish/connection.ts')
        const actual = await readFingerprint(peerOf(plan), options.limits?.connectMs ?? pollMs * 4)
        if (actual !== fingerprint.toUpperCase()) {
          throw new BmcProblem(
            'bmc.certificate-changed',
            `BMC ${bmcName(plan)} has the fingerprint ${actual}, not ${fingerprint}: compare it with the certificate in the web page of the BMC, and repeat the command with the right one`,
          )
        }
        await operation.pins.set(bmcName(plan), actual)
        log.info({ node, bmc: bmcName(plan), fingerprint: actual, user }, 'BMC certificate accepted')
        return { fingerprint: actual }
      }),

    lastReport: (node) => last.get(node),
    isManaged: (node) => plans().get(node)?.isManaged ?? false,
  }
}
