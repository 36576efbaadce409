/** A declared cluster, and a connection to a test API server. */
import type { Test } from 'tap'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connection/client.ts'
import type { Credentials } from '../../src/cluster/kubeconfig/decode.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { loadSite } from '../../src/site/load.ts'
import type { Cluster, Site } from '../../src/site/schema.ts'
import { startApiServer, type ApiObject, type ApiServer } from './api-server.ts'
import { makeAuthority } from './certificates.ts'
import { nodeObject } from './cluster-objects.ts'
import { fakeClock, type FakeClock } from './fake-clock.ts'
import { siteText } from './site-folder.ts'

/** Returns the site of the tests, with its files in `folder`. */
export function declaredSite(folder = '/etc/slipway'): Site {
  const loaded = loadSite(siteText(), `${folder}/site.yaml`)
  if (loaded.kind !== 'site') throw new TypeError('the site of the tests has a problem')
  return loaded.site
}

/** `c1.example.net` with the api on 192.0.2.5. */
export function declaredCluster(): Cluster {
  return declaredSite().clusters[0]!
}

export const authority = makeAuthority()
const admin = authority.client('/O=system:masters/CN=system:admin')

export const nodesPath = apiPaths.nodes
export const node = (name: string, metadata: object = {}): ApiObject => nodeObject(name, [], metadata)

type Connected = { server: ApiServer; api: ClusterConnection; clock: FakeClock; credentials: Credentials }

/** Both are closed when the test ends. The clock does not move by itself. */
export async function connected(
  t: Test,
  change: Partial<Credentials> = {},
  pageItems?: number,
): Promise<Connected> {
  const server = await startApiServer(authority, undefined, pageItems)
  const credentials: Credentials = {
    server: new URL(`https://127.0.0.1:${server.port}`),
    authority: authority.certificate,
    ...admin,
    ...change,
  }
  const clock = fakeClock()
  const api = connectCluster({ kubeconfig: { credentials: () => credentials }, clock, random: () => 1 })
  t.teardown(async () => {
    api.close()
    await server.close()
  })
  return { server, api, clock, credentials }
}

/** Waits until the next timer of the client's clock has this length, while real sockets work. */
export async function untilPaused(clock: FakeClock, delayMs: number): Promise<void> {
  const end = performance.now() + maxWorkMs
  while (clock.nextDelay() !== delayMs) {
    if (performance.now() > end)
      throw new Error(`the next timer is ${clock.nextDelay()} ms, expected ${delayMs} ms`)
    await new Promise(setImmediate)
  }
}

/** More than sockets on loopback need on a busy machine. */
const maxWorkMs = 20_000
