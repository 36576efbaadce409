/**
 * What the inventory system reports about a machine, as JSON from an untrusted network: unknown keys are dropped, and sizes,
 * counts, and characters are limited. Pure.
 */
import { z } from 'zod'
import { parseIp } from '../proto/address/ip.ts'
import { parseMac, type Mac } from '../proto/address/mac.ts'
import { printableAscii } from '../text/lines.ts'

const maxInterfaces = 64
const maxDisks = 128
const maxTextLength = 120

/** Empty text is an absent value. */
const text = z
  .string()
  .max(1000)
  .transform((value) => printableAscii(value.trim(), maxTextLength) || undefined)
  .optional()
const amount = z.int().min(0).optional()
const mac = z
  .string()
  .max(64)
  .transform((value, context): Mac => {
    const parsed = parseMac(value)
    if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not a MAC address' })
    return parsed as Mac
  })

const reportSchema = z.object({
  version: z.literal(1),
  vendor: text,
  product: text,
  serial: text,
  uuid: text,
  cpus: amount,
  memoryMiB: amount,
  interfaces: z
    .array(
      z.object({ name: text, mac, hasLink: z.boolean().optional(), speedMbps: z.int().min(0).optional() }),
    )
    .min(1)
    .max(maxInterfaces),
  disks: z
    .array(
      z.object({
        name: z.string().regex(/^\/dev\/[\w/-]{1,60}$/),
        bytes: z.int().min(0),
        model: text,
        serial: text,
        wwn: text,
        rotational: z.boolean().optional(),
      }),
    )
    .max(maxDisks),
  bmc: z
    .object({
      address: text.transform((value) =>
        value !== undefined && parseIp(value) !== undefined ? value : undefined,
      ),
      mac: mac.optional(),
    })
    .optional(),
})

export type InventoryReport = z.output<typeof reportSchema>

/** @returns `undefined` if the text is not a report of this machine: it must list the MAC address that has the lease */
export function parseReport(body: string, sender: Mac): InventoryReport | undefined {
  const { success, data } = reportSchema.safeParse(readJson(body))
  return success && data.interfaces.some(({ mac }) => mac === sender) ? data : undefined
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
