/**
 * The life cycle of the guide's cluster with a real HAProxy: installation, end of the bootstrap, infra nodes, removal of
 * workers, failure of a master. Clients send requests continuously; no request fails during a planned change.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch, Unexpected } from '../expect.ts'
import { guideOf, type Condition, type Guide } from '../guide.ts'
import { guide as site, type GuideChanges } from '../guide-site.ts'
import type { Check } from '../runner.ts'
import { processOf } from './balancer.ts'
import { waitUntil } from './client.ts'
import {
  clientsOf,
  failuresOf,
  respondingAddresses,
  startClients,
  stopClients,
  summary,
  take,
  withoutFailures,
} from './cluster-clients.ts'

const configMaps = '/api/v1/namespaces/kube-system/configmaps'
const { bootstrap, masters, workers, infra } = site
const withInfra: GuideChanges = { hasInfra: true }
const infraOnly: GuideChanges = { hasInfra: true, unbalanced: ['w1', 'w2', 'w3'] }

/** With the default preset, HAProxy marks a server down or up after two checks, 10 s apart. */
const detectionMs = 2 * 10_000
/** Each client of the control plane loses at most one request. */
const maxLost = clientsOf('api', 'api-int', 'machine configs', 'API, persistent')
/** For the check itself, and until slipway reads the result. */
const slackMs = 8_000

export const clusterLifecycleChecks: readonly Check[] = [
  lifecycleCheck(
    'only the bootstrap serves the API and machine configs while masters install',
    async (guide) => {
      await startClients(guide, 'api', 'api-int', 'machine configs')
      await untilServers(guide, 'masters to be down', ({ server, isTested, isUp }) =>
        server === 'bs' ? isUp : !server.startsWith('m') || (isTested && !isUp),
      )
      await take(guide)
      await startClients(guide, 'bootstrap, persistent')
      return withoutFailures(guide, async () => {
        await sleep(2000)
        expectEqual(
          await respondingAddresses(guide, 'api', 'api-int', 'machine configs'),
          bootstrap,
          'responding addresses',
        )
      })
    },
  ),
  lifecycleCheck(
    'masters and workers get traffic when they are ready, and the bootstrap is only the backup',
    async (guide) =>
      withoutFailures(guide, async () => {
        for (const address of masters) await guide.cluster.start({ address, serves: 'control plane' }, false)
        for (const address of workers) await guide.cluster.start({ address, serves: 'ingress' })
        await sleep(500)
        expectEqual(
          await respondingAddresses(guide, 'api', 'api-int', 'machine configs'),
          bootstrap,
          'responding addresses',
        )
        for (const address of masters) await guide.cluster.setReady(address, true)
        await untilResponding(guide, masters, 'api', 'api-int', 'machine configs')
        await untilServers(guide, 'workers to be up', ({ server, isTested, isUp }) => {
          return !server.startsWith('w') || (isTested && isUp)
        })
        await startClients(guide, 'API, persistent', 'http', 'https', 'workers, persistent')
      }),
  ),
  lifecycleCheck(
    'the bootstrap is drained automatically when the cluster reports that it is complete',
    async (guide) => {
      const before = [await guide.reloads(), await processOf(guide.haproxySocket)].join()
      const note = await withoutFailures(guide, async () => {
        const data = { status: 'complete' }
        await guide.cluster.put(configMaps, { metadata: { name: 'bootstrap' }, data })
        await untilStatus(guide, 'bs', ['DRAIN', 'MAINT'])
        expectEqual(
          await respondingAddresses(guide, 'bootstrap, persistent'),
          bootstrap,
          'responding addresses on persistent connections',
        )
        await stopClients(guide, 'bootstrap, persistent')
        // The bootstrap stops its API server, on which slipway has connections.
        await guide.cluster.stop(bootstrap)
        await untilStatus(guide, 'bs', ['MAINT'])
        expectEqual(
          await respondingAddresses(guide, 'api', 'api-int', 'machine configs'),
          masters.join(),
          'responding addresses',
        )
      })
      expectEqual(
        [await guide.reloads(), await processOf(guide.haproxySocket)].join(),
        before,
        "reloads, and HAProxy's process",
      )
      const { bootstraps } = await guide.condition()
      expectMatch(
        bootstraps[site.cluster]?.reason ?? '',
        /ConfigMap bootstrap .* has status: complete/,
        'the reason',
      )
      return note
    },
  ),
  lifecycleCheck(
    'workers keep the traffic while the routers of declared infra nodes are not ready',
    async (guide) =>
      withoutFailures(guide, async () => {
        // One router that listens, but whose health check fails.
        await guide.cluster.start({ address: infra[0], serves: 'ingress' }, false)
        await guide.reload(withInfra)
        await untilServers(guide, 'infra nodes to be down', ({ server, isTested, isUp }) => {
          return !server.startsWith('i') || (isTested && !isUp)
        })
        const responding = (await respondingAddresses(guide, 'http', 'https')).split(',')
        expect(
          responding.every((address) => workers.some((worker) => worker === address)),
          responding.join(),
        )
      }),
  ),
  lifecycleCheck('infra nodes get the traffic when their routers are ready', async (guide) =>
    withoutFailures(guide, async () => {
      await guide.cluster.setReady(infra[0], true)
      for (const address of infra.slice(1)) await guide.cluster.start({ address, serves: 'ingress' })
      await untilResponding(guide, infra, 'http', 'https')
    }),
  ),
  lifecycleCheck('workers are drained without a reload, then removed from the site', async (guide) => {
    const before = await guide.reloads()
    return withoutFailures(guide, async () => {
      await guide.reload(infraOnly)
      await untilStatus(guide, 'w1', ['DRAIN', 'MAINT'])
      expectEqual(await guide.reloads(), before, 'reloads')
      const persistent = (await respondingAddresses(guide, 'workers, persistent')).split(',')
      expect(
        persistent.every((address) => workers.some((worker) => worker === address)),
        persistent.join(),
      )
      await stopClients(guide, 'workers, persistent')
      for (const server of ['w1', 'w2', 'w3']) await untilStatus(guide, server, ['MAINT'])
      for (const address of workers) await guide.cluster.stop(address)
      await guide.reload({ hasInfra: true, without: ['w1', 'w2', 'w3'] })
      await guide.reload(infraOnly)
    })
  }),
  lifecycleCheck('when a master fails and returns, each client loses at most one request', async (guide) => {
    const [, failed] = masters
    await take(guide)
    const failedAt = Date.now()
    await guide.cluster.stop(failed)
    await untilServers(
      guide,
      'the failed master to be down',
      ({ server, isUp }) => server !== 'm2' || !isUp,
      detectionMs + slackMs,
    )
    const detectedAfterMs = Date.now() - failedAt
    // By then, connections from before the detection have been redispatched to another master.
    await sleep(4000)
    const duringFailure = await take(guide)
    await guide.cluster.start({ address: failed, serves: 'control plane' })
    const returnedAt = Date.now()
    await untilResponding(guide, masters, 'api', 'api-int', 'machine configs')
    const duringReturn = await take(guide)
    expectEqual(failuresOf(duringReturn).length, 0, 'failed requests during the return')
    const failures = failuresOf(duringFailure)
    const last = Math.max(failedAt, ...failures.map(({ at, afterMs }) => at + afterMs)) - failedAt
    // Requests in flight and persistent connections fail. HAProxy sends new connections to another master immediately.
    expect(failures.length <= maxLost, `${failures.length} requests failed: ${JSON.stringify(failures)}`)
    expect(
      last <= 2000,
      `a request failed ${last} ms after the failure of the master: ${JSON.stringify(failures)}`,
    )
    return (
      `${summary(duringFailure)}, the last ${last} ms after the failure; down after ${(detectedAfterMs / 1000).toFixed(0)} s, ` +
      `up again after ${((Date.now() - returnedAt) / 1000).toFixed(0)} s`
    )
  }),
  lifecycleCheck(
    'an invalid site and one that HAProxy rejects change nothing, and the reason is logged',
    async (guide) => {
      const old = await readFile(guide.haproxyFile, 'utf8')
      const before = await guide.reloads()
      const invalid = join(guide.dir, 'invalid.cfg')
      return withoutFailures(guide, async () => {
        for (const { edit, reason } of invalidSites) {
          expectMatch(await rejectionOf(guide, { ...infraOnly, edit }), reason, 'the reason in the log')
        }
        await writeFile(invalid, 'frontend web\n  bnd :8404\n')
        try {
          await guide.reload({ ...infraOnly, haproxyWith: '[invalid.cfg, haproxy.cfg]' })
          const { applied } = (await guide.condition()).haproxy
          expectEqual(applied.outcome, 'refused', 'outcome')
          expectMatch(applied.reason ?? '', /invalid\.cfg:2\] : unknown keyword 'bnd'/, 'the reason')
          expectMatch(await guide.control('status'), /invalid\.cfg:2\]/, 'slipway status')
        } finally {
          await rm(invalid, { force: true })
          await guide.reload(infraOnly)
        }
        expectEqual(await readFile(guide.haproxyFile, 'utf8'), old, "HAProxy's file")
        expectEqual(await guide.reloads(), before, 'reloads')
        const { counters } = await guide.condition()
        expectEqual(counters['app.reloadsRefused'], invalidSites.length, 'rejected sites')
        expectEqual(counters['haproxy.refused'], 1, 'rejected configurations')
      })
    },
  ),
  lifecycleCheck('commands enable the bootstrap again and drain it again', async (guide) => {
    const before = await guide.reloads()
    return withoutFailures(guide, async () => {
      await guide.cluster.start({ address: bootstrap, serves: 'control plane' })
      expectMatch(
        await guide.control('cluster', 'bootstrap', 'keep', site.cluster),
        /stays in the load balancer/,
        'keep',
      )
      await untilServers(guide, 'the bootstrap to be up', ({ server, isUp }) => server !== 'bs' || isUp)
      expectMatch(await guide.control('cluster', 'bootstrap', 'watch', site.cluster), /will leave/, 'watch')
      await untilStatus(guide, 'bs', ['MAINT'])
      await guide.cluster.stop(bootstrap)
      expectEqual(await guide.reloads(), before, 'reloads')
      await stopClients(guide)
    })
  }),
]

const invalidSites = [
  { edit: (text: string) => text.replace('nodes:\n', 'nodes: [\n'), reason: /site\.yaml:\d+:\d+/ },
  {
    edit: (text: string) => text.replace(masters[1], masters[0]),
    reason: /site\.yaml:\d+:\d+ ocp45\/m2 address: .*172\.16\.0\.21/,
  },
]

/** On a failure, adds the last lines of the appliance's log. */
function lifecycleCheck(name: string, run: (guide: Guide) => Promise<string | undefined>): Check {
  return {
    name: `cluster: ${name}`,
    limitMs: 90_000,
    async run(rig) {
      const guide = await guideOf(rig)
      try {
        return await run(guide)
      } catch (error) {
        await take(guide)
        throw new Unexpected(
          `${(error as Error).message}\nlog of the guide's appliance:\n${guide.server.tail(12)}`,
        )
      }
    },
  }
}

type ServerState = Condition['haproxy']['servers'][number]

async function untilServers(
  guide: Guide,
  what: string,
  isReached: (server: ServerState) => boolean,
  limitMs = detectionMs + slackMs,
): Promise<void> {
  let last: Condition | undefined
  const condition = async (): Promise<boolean> => {
    last = await guide.condition()
    const { servers } = last.haproxy
    return servers.length > 0 && servers.every(isReached)
  }
  await waitUntil(what, condition, limitMs).catch((error: unknown) => {
    const sentences = last?.haproxy.servers.map(({ sentence }) => sentence).join('; ')
    throw new Unexpected(`${(error as Error).message}; last: ${sentences ?? ''}`)
  })
}

/** Waits for a status of the server in all backends. */
function untilStatus(guide: Guide, server: string, statuses: readonly string[]): Promise<void> {
  return untilServers(guide, `${server} to be ${statuses.join(' or ')}`, (each) => {
    return each.server !== server || statuses.includes(each.status)
  })
}

async function untilResponding(
  guide: Guide,
  addresses: readonly string[],
  ...groups: string[]
): Promise<void> {
  let last = ''
  const condition = async (): Promise<boolean> =>
    (last = await respondingAddresses(guide, ...groups)) === addresses.join()
  await waitUntil(`responses from ${addresses.join()}`, condition, detectionMs + slackMs).catch(
    (error: unknown) => {
      throw new Unexpected(`${(error as Error).message}; last: ${last}`)
    },
  )
}

/** Returns the logged reason for a rejected site. */
async function rejectionOf(guide: Guide, changes: GuideChanges): Promise<string> {
  const since = guide.server.lines.length
  await guide.write(changes)
  guide.server.process.signal('SIGHUP')
  const isRejection = ({ msg }: { msg: string }): boolean => msg === 'site reload rejected'
  return (await guide.server.waitFor('that the reload was rejected', isRejection, { since })).reason ?? ''
}
