/** Worker thread of a reload: loads a site file, which takes seconds for thousands of nodes, and sends the result. */
import { parentPort, workerData } from 'node:worker_threads'
import { checkedSites } from './checked-site.ts'
import { loadSource, type SiteSource } from './site-file.ts'

parentPort?.postMessage(await loadSource(workerData as SiteSource, checkedSites()))
