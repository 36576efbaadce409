/**
 * The guide's whole story with a real HAProxy: a cluster is installed behind it and outgrows its bootstrap, its workers and
 * a master, while clients never stop asking. What is planned costs none of them anything.
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
  endClients,
  failuresOf,
  planned,
  startClients,
  summary,
  take,
  whoAnswers,
} from './story-clients.ts'

const configMaps = '/api/v1/namespaces/kube-system/configmaps'
const { bootstrap, masters, workers, infra } = site
const withInfra: GuideChanges = { hasInfra: true }
const infraAlone: GuideChanges = { hasInfra: true, unbalanced: ['w1', 'w2', 'w3'] }

/** Of the preset that is the default: two checks, ten seconds apart, to be found dead or well again. */
const noticedMs = 2 * 10_000
/** Every client of the control plane loses one request at most. */
const mostLost = clientsOf('api', 'api-int', 'machine configs', 'kept API')
/** What a check itself may take, and slipway to see it. */
const slackMs = 8_000

export const storyChecks: readonly Check[] = [
  chapter('the bootstrap alone serves the API and machine configs while masters install', async (guide) => {
    await startClients(guide, 'api', 'api-int', 'machine configs')
    await untilServers(guide, 'masters to be down', ({ server, isTested, isUp }) =>
      server === 'bs' ? isUp : !server.startsWith('m') || (isTested && !isUp),
    )
    await take(guide)
    await startClients(guide, 'kept by the bootstrap')
    return planned(guide, async () => {
      await sleep(2000)
      expectEqual(await whoAnswers(guide, 'api', 'api-int', 'machine configs'), bootstrap, 'who answers')
    })
  }),
  chapter('masters and workers come when they are ready, and the bootstrap steps back', async (guide) =>
    planned(guide, async () => {
      for (const address of masters) await guide.cluster.stand({ address, serves: 'control plane' }, false)
      for (const address of workers) await guide.cluster.stand({ address, serves: 'ingress' })
      await sleep(500)
      expectEqual(await whoAnswers(guide, 'api', 'api-int', 'machine configs'), bootstrap, 'who answers')
      for (const address of masters) await guide.cluster.ready(address, true)
      await untilAnswers(guide, masters, 'api', 'api-int', 'machine configs')
      await untilServers(guide, 'workers to be up', ({ server, isTested, isUp }) => {
        return !server.startsWith('w') || (isTested && isUp)
      })
      await startClients(guide, 'kept API', 'http', 'https', 'kept by workers')
    }),
  ),
  chapter('the cluster says that its bootstrap is complete, and it leaves by itself', async (guide) => {
    const before = [await guide.reloads(), await processOf(guide.haproxySocket)].join()
    const note = await planned(guide, async () => {
      const data = { status: 'complete' }
      await guide.cluster.put(configMaps, { metadata: { name: 'bootstrap' }, data })
      await untilStatus(guide, 'bs', ['DRAIN', 'MAINT'])
      expectEqual(
        await whoAnswers(guide, 'kept by the bootstrap'),
        bootstrap,
        'who answers on kept connections',
      )
      await endClients(guide, 'kept by the bootstrap')
      // It ends its API server itself, and with that what slipway asks there.
      await guide.cluster.fall(bootstrap)
      await untilStatus(guide, 'bs', ['MAINT'])
      expectEqual(await whoAnswers(guide, 'api', 'api-int', 'machine configs'), masters.join(), 'who answers')
    })
    expectEqual(
      [await guide.reloads(), await processOf(guide.haproxySocket)].join(),
      before,
      "reloads, and HAProxy's process",
    )
    const { bootstraps } = await guide.condition()
    expectMatch(bootstraps[site.cluster]?.reason ?? '', /ConfigMap bootstrap .* has status: complete/, 'the reason')
    return note
  }),
  chapter('infra nodes are declared before their routers run, and workers keep the traffic', async (guide) =>
    planned(guide, async () => {
      // One that listens already and says that it is not ready.
      await guide.cluster.stand({ address: infra[0], serves: 'ingress' }, false)
      await guide.reload(withInfra)
      await untilServers(guide, 'infra nodes to be down', ({ server, isTested, isUp }) => {
        return !server.startsWith('i') || (isTested && !isUp)
      })
      const answering = (await whoAnswers(guide, 'http', 'https')).split(',')
      expect(
        answering.every((address) => workers.some((worker) => worker === address)),
        answering.join(),
      )
    }),
  ),
  chapter('infra nodes take the traffic when their routers are ready', async (guide) =>
    planned(guide, async () => {
      await guide.cluster.ready(infra[0], true)
      for (const address of infra.slice(1)) await guide.cluster.stand({ address, serves: 'ingress' })
      await untilAnswers(guide, infra, 'http', 'https')
    }),
  ),
  chapter('workers leave the ingress without a reload, and then the site', async (guide) => {
    const before = await guide.reloads()
    return planned(guide, async () => {
      await guide.reload(infraAlone)
      await untilStatus(guide, 'w1', ['DRAIN', 'MAINT'])
      expectEqual(await guide.reloads(), before, 'reloads')
      const kept = (await whoAnswers(guide, 'kept by workers')).split(',')
      expect(
        kept.every((address) => workers.some((worker) => worker === address)),
        kept.join(),
      )
      await endClients(guide, 'kept by workers')
      for (const server of ['w1', 'w2', 'w3']) await untilStatus(guide, server, ['MAINT'])
      for (const address of workers) await guide.cluster.fall(address)
      await guide.reload({ hasInfra: true, without: ['w1', 'w2', 'w3'] })
      await guide.reload(infraAlone)
    })
  }),
  chapter('a master dies and comes back, and every client loses one request at most', async (guide) => {
    const [, dead] = masters
    await take(guide)
    const diedAt = Date.now()
    await guide.cluster.fall(dead)
    await untilServers(
      guide,
      'the dead master to be down',
      ({ server, isUp }) => server !== 'm2' || !isUp,
      noticedMs + slackMs,
    )
    const noticedAfterMs = Date.now() - diedAt
    // Connections that were begun before HAProxy noticed have found another master by then.
    await sleep(4000)
    const dying = await take(guide)
    await guide.cluster.stand({ address: dead, serves: 'control plane' })
    const returned = Date.now()
    await untilAnswers(guide, masters, 'api', 'api-int', 'machine configs')
    const returning = await take(guide)
    expectEqual(failuresOf(returning).length, 0, 'requests that failed while it came back')
    const failures = failuresOf(dying)
    const last = Math.max(diedAt, ...failures.map(({ at, afterMs }) => at + afterMs)) - diedAt
    // What was under way, and connections that were kept to it. Who connects anew is led to another at once.
    expect(failures.length <= mostLost, `${failures.length} requests failed: ${JSON.stringify(failures)}`)
    expect(last <= 2000, `a request failed ${last} ms after the master had died: ${JSON.stringify(failures)}`)
    return (
      `${summary(dying)}, the last ${last} ms after it died; out after ${(noticedAfterMs / 1000).toFixed(0)} s, ` +
      `back after ${((Date.now() - returned) / 1000).toFixed(0)} s`
    )
  }),
  chapter('a bad site and one that HAProxy refuses change nothing, and it is said why', async (guide) => {
    const old = await readFile(guide.haproxyFile, 'utf8')
    const before = await guide.reloads()
    const theirs = join(guide.dir, 'theirs.cfg')
    return planned(guide, async () => {
      for (const { edit, reason } of badSites) {
        expectMatch(await refusal(guide, { ...infraAlone, edit }), reason, 'the reason in the log')
      }
      await writeFile(theirs, 'frontend web\n  bnd :8404\n')
      try {
        await guide.reload({ ...infraAlone, haproxyWith: '[theirs.cfg, haproxy.cfg]' })
        const { applied } = (await guide.condition()).haproxy
        expectEqual(applied.outcome, 'refused', 'how it went')
        expectMatch(applied.reason ?? '', /theirs\.cfg:2\] : unknown keyword 'bnd'/, 'the reason')
        expectMatch(await guide.control('status'), /theirs\.cfg:2\]/, 'slipway status')
      } finally {
        await rm(theirs, { force: true })
        await guide.reload(infraAlone)
      }
      expectEqual(await readFile(guide.haproxyFile, 'utf8'), old, "HAProxy's file")
      expectEqual(await guide.reloads(), before, 'reloads')
      const { counters } = await guide.condition()
      expectEqual(counters['app.reloadsRefused'], badSites.length, 'sites that were refused')
      expectEqual(counters['haproxy.refused'], 1, 'configurations that were refused')
    })
  }),
  chapter('the bootstrap goes back by command, and leaves again', async (guide) => {
    const before = await guide.reloads()
    return planned(guide, async () => {
      await guide.cluster.stand({ address: bootstrap, serves: 'control plane' })
      expectMatch(await guide.control('cluster', 'bootstrap', 'keep', site.cluster), /stays behind/, 'keep')
      await untilServers(guide, 'the bootstrap to be up', ({ server, isUp }) => server !== 'bs' || isUp)
      expectMatch(await guide.control('cluster', 'bootstrap', 'watch', site.cluster), /will leave/, 'watch')
      await untilStatus(guide, 'bs', ['MAINT'])
      await guide.cluster.fall(bootstrap)
      expectEqual(await guide.reloads(), before, 'reloads')
      await endClients(guide)
    })
  }),
]

const badSites = [
  { edit: (text: string) => text.replace('nodes:\n', 'nodes: [\n'), reason: /site\.yaml:\d+:\d+/ },
  {
    edit: (text: string) => text.replace(masters[1], masters[0]),
    reason: /site\.yaml:\d+:\d+ clusters\.0\.nodes\.\d.*172\.16\.0\.21/,
  },
]

/** With the end of this appliance's log, when something is not as it should be. */
function chapter(name: string, run: (guide: Guide) => Promise<string | undefined>): Check {
  return {
    name: `story: ${name}`,
    limitMs: 90_000,
    async run(rig) {
      const guide = await guideOf(rig)
      try {
        return await run(guide)
      } catch (error) {
        await take(guide)
        throw new Unexpected(`${(error as Error).message}\nthe guide's appliance:\n${guide.server.tail(12)}`)
      }
    },
  }
}

type ServerState = Condition['haproxy']['servers'][number]

async function untilServers(
  guide: Guide,
  what: string,
  areSo: (server: ServerState) => boolean,
  limitMs = noticedMs + slackMs,
): Promise<void> {
  let last: Condition | undefined
  const isSo = async (): Promise<boolean> => {
    last = await guide.condition()
    const { servers } = last.haproxy
    return servers.length > 0 && servers.every(areSo)
  }
  await waitUntil(what, isSo, limitMs).catch((error: unknown) => {
    const sentences = last?.haproxy.servers.map(({ sentence }) => sentence).join('; ')
    throw new Unexpected(`${(error as Error).message}; last: ${sentences ?? ''}`)
  })
}

/** In all its back ends. */
function untilStatus(guide: Guide, server: string, statuses: readonly string[]): Promise<void> {
  return untilServers(guide, `${server} to be ${statuses.join(' or ')}`, (each) => {
    return each.server !== server || statuses.includes(each.status)
  })
}

async function untilAnswers(guide: Guide, addresses: readonly string[], ...groups: string[]): Promise<void> {
  let last = ''
  const isSo = async (): Promise<boolean> => (last = await whoAnswers(guide, ...groups)) === addresses.join()
  await waitUntil(`answers from ${addresses.join()}`, isSo, noticedMs + slackMs).catch((error: unknown) => {
    throw new Unexpected(`${(error as Error).message}; last: ${last}`)
  })
}

/** What the log says of a site that is not taken over. */
async function refusal(guide: Guide, changes: GuideChanges): Promise<string> {
  const since = guide.server.lines.length
  await guide.write(changes)
  guide.server.process.signal('SIGHUP')
  const isRefusal = ({ msg }: { msg: string }): boolean => msg === 'site reload rejected'
  return (await guide.server.waitFor('that the reload was rejected', isRefusal, { since })).reason ?? ''
}
