/**
 * The page: its files, and what it reads in addition to the API (docs/api.md). The files contain no data, so a client
 * needs no login for them. The listener authenticates all requests below /v1.
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { BootAnswer, Installs } from '../../install/installs.ts'
import type { Reports } from '../../install/reports.ts'
import type { Plan } from '../../plan/compile.ts'
import { loadAssets, type Asset } from './assets.ts'
import { createFeed } from './feed.ts'
import { imageReports } from './images.ts'
import { siblingBoots } from './siblings.ts'
import { createThroughput } from './throughput.ts'

export type PageOptions = {
  readonly installs: Pick<Installs, 'subscribe' | 'preview'>
  readonly reports: Pick<Reports, 'list' | 'listInTurns' | 'details'>
  /** Returns the state of the process, as in `/v1/status`. */
  readonly condition: () => Readonly<Record<string, unknown>>
  /** Returns undeclared machines that sent requests. */
  readonly strangers: () => readonly object[]
  /** Returns the active plan. */
  readonly plan: () => Pick<Plan, 'http' | 'nodes' | 'bmcs' | 'syslog'>
  readonly clock: Clock
  readonly log: Log
}

type NodeParams = { Params: { cluster: string; node: string } }
type FeedQuery = { Querystring: { after?: string }; Headers: { 'last-event-id'?: string } }

/** Each page holds a connection. */
const maxPages = 32

/** The browser asks each time, so an upgrade takes effect with the next reload of the page. */
const fileHeaders = { 'cache-control': 'no-cache', vary: 'accept-encoding' }

/** What a user needs for the data; the files are public. */
const read = { config: { scope: 'read' } } as const

/** Returns a plugin that serves the page. */
export function createPage(options: PageOptions): FastifyPluginCallback {
  return (app, _, done) => void addRoutes(app, options).then(() => done(), done)
}

async function addRoutes(app: FastifyInstance, options: PageOptions): Promise<void> {
  const { installs, reports, condition, strangers, plan, clock, log } = options
  const feed = createFeed({ installs, reports, summary, clock, log })
  const throughput = createThroughput(counters, clock)
  app.addHook('onClose', async () => {
    throughput.close()
    await feed.close()
  })

  for (const [path, asset] of await loadAssets()) {
    app.get(path, ({ headers }, reply) => sendAsset(reply, asset, headers))
  }

  app.get<FeedQuery>('/v1/page/feed', read, ({ headers, query }, reply) => {
    if (feed.size >= maxPages) {
      const error = `${maxPages} pages are open, the maximum: close one of them`
      return reply.code(503).send({ code: 'server.too-many-event-streams', error })
    }
    reply.hijack()
    feed.open(reply.raw, headers['last-event-id'] ?? query.after)
    return reply
  })

  app.get<NodeParams>('/v1/page/nodes/:cluster/:node', read, async ({ params }, reply) => {
    const key = `${params.cluster}/${params.node}`
    const details = reports.details(key)
    if (details === undefined) {
      return reply.code(404).send({ code: 'server.unknown-node', error: `the site has no node ${key}` })
    }
    const nextBoot = withoutToken(await installs.preview(key, { isSkipping: false }))
    const siblings = siblingBoots(reports, details)
    return { details, nextBoot, siblings, ...balancingOf(key), ...featuresOf(key) }
  })

  app.get('/v1/page/server', read, async () => ({
    ...condition(),
    // Other views have their own requests for these two, which are large.
    haproxy: undefined,
    clusters: undefined,
    images: await imageReports(plan()),
    throughput: throughput.samples(),
  }))

  app.get('/v1/page/load-balancer', read, () => condition()['haproxy'] ?? {})

  function counters(): Readonly<Record<string, number>> {
    return condition()['counters'] as Readonly<Record<string, number>>
  }

  function summary(): object {
    const { site, siteFile, siteFileDiffers, uptimeSeconds, problems, warnings } = condition()
    return {
      site,
      siteFile,
      siteFileDiffers,
      uptimeSeconds,
      problems,
      warnings,
      strangers: strangers().length,
    }
  }

  function featuresOf(key: string): object {
    const { bmcs, syslog } = plan()
    return { hasBmc: bmcs.has(key), hasSyslog: syslog !== undefined }
  }

  /** Returns the servers of a node in the load balancer, and its drain. */
  function balancingOf(key: string): object {
    const { haproxy, drained } = condition() as {
      readonly haproxy?: { readonly servers: readonly { readonly node: string }[] }
      readonly drained?: readonly { readonly node: string }[]
    }
    const isOwn = ({ node }: { readonly node: string }) => node === key
    const drain = drained?.find(isOwn)
    return { servers: haproxy?.servers.filter(isOwn) ?? [], ...(drain && { drained: drain }) }
  }
}

function sendAsset(
  reply: FastifyReply,
  { type, body, compressed, etag }: Asset,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): FastifyReply {
  void reply.headers({ ...fileHeaders, etag })
  if (headers['if-none-match'] === etag) return reply.code(304).send()
  const isCompressed = /\bgzip\b/.test(String(headers['accept-encoding']))
  if (isCompressed) void reply.header('content-encoding', 'gzip')
  return reply.type(type).send(isCompressed ? compressed : body)
}

/** The token of a preview is a placeholder, and no page needs it. */
function withoutToken(answer: BootAnswer): object {
  if (answer.kind !== 'install') return answer
  const { kind, role } = answer
  return { kind, role }
}
