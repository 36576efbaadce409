/** Reads machines from their BMCs for `slipway import --bmc`. Only reads: it never switches power or changes a boot device. */
import { resolve } from 'node:path'
import type { Inventory } from '../bmc/machine.ts'
import { withBmc, type OperationOptions } from '../bmc/operation.ts'
import { createPins, type Pins } from '../bmc/pins.ts'
import { BmcProblem } from '../bmc/problem.ts'
import { systemClock } from '../host/clock.ts'
import { noFacts, type Facts } from '../import/facts.ts'
import { bmcName, resolveBmc } from '../plan/bmc.ts'
import { bmcAddress, credentialsFile } from '../site/scalars.ts'
import { defined } from '../text/defined.ts'
import { UsageError } from './command.ts'

type BmcSource = { readonly name: string | undefined; readonly address: string }

export type BmcImport = {
  /** Each one is `ADDRESS` or `NAME=ADDRESS`. */
  readonly bmcs: readonly string[]
  /** A path, or the name of a systemd credential. */
  readonly credentials: string
  /** File with the CA that signs the certificates; without it, any certificate is accepted and its fingerprint noted. */
  readonly ca?: string
  /** For tests. */
  readonly limits?: OperationOptions['limits']
}

/** A BMC that cannot be read becomes a note, so that one failure does not lose the others. */
export async function readBmcs({ bmcs, ca, limits, ...more }: BmcImport): Promise<Facts> {
  const credentials = more.credentials.includes('/') ? resolve(more.credentials) : more.credentials
  if (!credentialsFile.safeParse(credentials).success)
    throw new UsageError(`--credentials ${more.credentials} is neither a path nor the name of a credential`)
  const sources = bmcs.map(parseSource)
  const pins = createPins(undefined)
  const options: OperationOptions = { clock: systemClock, pins, ...defined({ limits }) }
  const settings = { credentials, ...defined({ ca: ca === undefined ? undefined : resolve(ca) }) }
  const facts: Facts = { ...noFacts(), bmc: settings }
  // One after the other, because a locked user would be locked on all BMCs.
  for (const source of sources) await readOne(source, settings, options, facts)
  return facts
}

function parseSource(text: string): BmcSource {
  const [, name, address = text] = /^([a-z0-9][a-z0-9.-]*)=(.+)$/i.exec(text) ?? []
  if (bmcAddress.safeParse(address).success) return { name, address }
  throw new UsageError(`--bmc ${text} is not the address of a BMC: write ADDRESS or NAME=ADDRESS`)
}

async function readOne(
  { name, address }: BmcSource,
  settings: { readonly credentials: string; readonly ca?: string },
  options: OperationOptions,
  facts: Facts,
): Promise<void> {
  const target = resolveBmc({ address, ...settings })
  const at = { file: bmcName(target), line: 0 }
  try {
    const inventory = await withBmc(target, options, (bmc) => bmc.inventory())
    const [mac, ...otherMacs] = inventory.macs
    const known = name ?? inventory.hostName
    const machine = { addresses: [], otherMacs, bmc: address, ...defined({ name: known, mac }) }
    facts.machines.push({ ...at, ...machine })
    facts.notes.push({ ...at, text: await describe(known, inventory, at.file, options.pins) })
  } catch (error) {
    if (!(error instanceof BmcProblem)) throw error
    facts.notes.push({ ...at, text: `not read: ${error.message}` })
  }
}

/** Returns one line with what the BMC reports, and what it does not. */
async function describe(
  name: string | undefined,
  { manufacturer, model, serial, uuid, memoryGiB, macs }: Inventory,
  bmc: string,
  pins: Pins,
): Promise<string> {
  const fingerprint = await pins.get(bmc)
  const found: Readonly<Record<string, string | undefined>> = {
    manufacturer,
    model,
    'serial number': serial,
    UUID: uuid,
    memory: memoryGiB === undefined ? undefined : `${memoryGiB} GiB`,
    'MAC addresses': macs.length === 0 ? undefined : macs.join(' '),
  }
  const read = Object.entries({ ...found, 'certificate SHA-256': fingerprint })
  const facts = read.flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
  const missing = Object.keys(found).filter((key) => found[key] === undefined)
  const lacks = missing.length === 0 ? '' : `; the BMC does not report: ${missing.join(', ')}`
  return `${name ?? 'a machine without a name'}: ${facts.join(', ')}${lacks}`
}
