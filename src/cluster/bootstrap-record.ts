/** Whether each cluster's bootstrap is done with, over restarts. */
import { z } from 'zod'
import { readRecord, type ByCluster } from './record-file.ts'

const stateShape = z.object({
  /** `waiting`: looked for. `out`: it has left. `kept`: it stays because the operator says so. */
  kind: z.enum(['waiting', 'out', 'kept']),
  /** Milliseconds since 1970. */
  since: z.number(),
  /** A sentence: what was seen, or who said so. */
  reason: z.string(),
  /** Of `waiting`, when it is installed anew: what is older is another installation's end. Milliseconds since 1970. */
  installedFrom: z.number().optional(),
})

export type BootstrapState = Readonly<z.output<typeof stateShape>>
export type BootstrapRecord = ByCluster<BootstrapState>

/** @throws as {@link readRecord} */
export function readBootstrapRecord(path: string): Promise<BootstrapRecord> {
  return readRecord(path, stateShape, 'bootstraps')
}
