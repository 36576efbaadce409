/** Worker thread of files.ts: decodes one Ignition file, and sends the result. */
import { parentPort, workerData } from 'node:worker_threads'
import { decodeIgnition } from './decode.ts'

const { octets, isLive } = workerData as { readonly octets: Uint8Array; readonly isLive: boolean }
parentPort?.postMessage(decodeIgnition(octets, isLive))
