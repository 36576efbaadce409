/**
 * A strict schema for the parts of an Ignition file that slipway writes
 * (https://coreos.github.io/ignition/configuration-v3_1/). All are in version 3.1.0.
 */
import { z } from 'zod'

/** Base64 with padding. */
const dataUrl = z
  .string()
  .regex(/^data:;base64,(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
const resource = z.strictObject({ source: dataUrl })

export const ignitionSchema = z.strictObject({
  ignition: z.strictObject({
    version: z.string().regex(/^3\.[1-5]\.0$/),
    config: z.strictObject({ merge: z.array(resource) }).optional(),
  }),
  storage: z
    .strictObject({
      files: z
        .array(
          z.strictObject({
            path: z.string().startsWith('/'),
            overwrite: z.boolean(),
            mode: z.int().min(0).max(0o777),
            contents: resource,
          }),
        )
        .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, 'each path once'),
    })
    .optional(),
  systemd: z
    .strictObject({
      units: z.array(
        z.strictObject({
          name: z.string().regex(/^[\w.-]+\.(?:service|target)$/),
          enabled: z.boolean().optional(),
          contents: z.string().optional(),
          dropins: z
            .array(z.strictObject({ name: z.string().endsWith('.conf'), contents: z.string() }))
            .optional(),
        }),
      ),
    })
    .optional(),
})

/** Returns the content of a data URL. */
export function dataOf(url: string): string {
  return Buffer.from(dataUrl.parse(url).replace('data:;base64,', ''), 'base64').toString('latin1')
}
