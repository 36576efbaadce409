/**
 * The HTTP routes: boot scripts, Ignition files, loaders, images, health, and callbacks of nodes (RFC 9110). There are
 * no redirects and no directory listings, because firmware supports neither. Every request reads the plan once.
 */
import fastifyStatic from '@fastify/static'
import type { FastifyError } from 'fastify'
import { expositionType } from '../../host/counters.ts'
import { createReadNeighbor, type ReadNeighbor } from '../../host/neighbors.ts'
import type { Clock } from '../../host/clock.ts'
import type { Installs } from '../../install/installs.ts'
import type { CallbackStage, Observe } from '../../install/observation.ts'
import type { IgnitionFiles } from '../../plan/ignition/document.ts'
import { grubOverHttpName, handoverName, readLiveName, urlPaths } from '../../plan/urls.ts'
import { defined } from '../../text/defined.ts'
import { createApp, type AppOptions, type HttpApp } from './server.ts'
import { replaceBodyHook } from './body.ts'
import {
  createFileReader,
  findOwnScript,
  findScript,
  entryAt,
  sendGrubOverHttp,
  sendLoader,
  scriptQuery,
  sendNodeScript,
} from './boot.ts'
import { isOptionalName } from '../../plan/boot/names.ts'
import type { HttpCode } from './codes.ts'
import { sendServedFile } from './files.ts'
import { addInventoryRoutes, type InventoryReceiver } from './inventory.ts'
import { createImageSources, sendImage } from './images.ts'
import { createImageLane, type ImageLane } from './image-lane.ts'
import { liveSource } from './secure.ts'
import { errorCode, helpText, refuse, sendText, unusableRequest } from './response.ts'
import { checkLiveNeighbor, exchangeOf, type Tools, isMonitor } from './request-context.ts'
import {
  receiveCallback,
  receiveDiskReport,
  refuseImpostor,
  refuseSecretImage,
  sendHandover,
  sendSecret,
  sendSecretImage,
} from './secrets.ts'
import { createTokenRedactor } from './token-redactor.ts'

export type RoutesOptions = AppOptions & {
  /** Receives observations of nodes. */
  readonly observe?: Observe
  readonly installs: Pick<
    Installs,
    'boot' | 'preview' | 'mayRead' | 'startedToken' | 'callback' | 'checkDisk'
  >
  readonly ignitionFiles: IgnitionFiles
  /** Returns the script of another installer that was fetched from this URL. */
  readonly fetchedScript?: (url: string) => string | undefined
  /** Returns the CA certificates (PEM) that nodes trust; absent without HTTPS. */
  readonly authority?: () => string | undefined
  /** Returns the MAC address of a neighbor; the kernel's table when absent. */
  readonly readNeighbor?: ReadNeighbor
  /** Receives the reports of undeclared machines; without it, there are none. */
  readonly inventory?: InventoryReceiver
  /** Returns the content of `/health` for clients on this machine; others get its `status`. */
  readonly health: () => Record<string, unknown>
  /** Returns `/metrics` in the text format of Prometheus. @param isWhole whether the client may read the names of nodes */
  readonly metrics: (isWhole: boolean) => string | Promise<string>
}

type BootParams = { Params: { cluster: string; node: string; file: string } }
type SecretParams = { Params: { cluster: string; node: string; token: string; file: string } }
type CallbackParams = { Params: { cluster: string; node: string; token: string; stage: string } }
type LoaderParams = { Params: { folder: string; file: string } }
type ImageParams = { Params: { image: string; file: string } }
type FileParams = { Params: { '*': string } }
type DiskParams = { Params: { cluster: string; node: string; token: string } }

const callbackRoute = '/boot/:cluster/:node/:token/:stage'
const diskRoute = '/boot/:cluster/:node/:token/disk'
/** lsblk and blkid write a few hundred bytes for each device on the disk. */
const maxDiskReportBytes = 256 * 1024
const bodyRoutes: readonly (string | undefined)[] = [callbackRoute, diskRoute, urlPaths.inventoryReport]
const isStage = (text: string): text is CallbackStage => ['written', 'started', 'failed'].includes(text)

export async function createRoutes(given: RoutesOptions): Promise<HttpApp & { readonly lane: ImageLane }> {
  const tokens = createTokenRedactor()
  const log = tokens.wrap(given.log)
  const options = { ...given, log }
  const { counters, clock, installs, observe = () => {}, fetchedScript } = options
  const scriptSources = { installs, ...defined({ fetchedScript }) }
  const readNeighbor = options.readNeighbor ?? createReadNeighbor(clock)
  const tools: Tools = { log, counters, clock, observe, tokens }
  const lane = createImageLane(tools)
  const sources = createImageSources(tools, lane)
  const readLoader = createFileReader()
  const metrics = cached(async () => Buffer.from(await options.metrics(true)), clock)
  const shortMetrics = cached(async () => Buffer.from(await options.metrics(false)), clock)
  const health = cached(() => ({ status: options.health()['status'] ?? 'ok' }), clock)
  const { app, http } = createApp(options)
  await app.register(fastifyStatic, { serve: false, cacheControl: false, index: false, dotfiles: 'deny' })

  app.addHook('onClose', () => lane.stop())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.decorateRequest('plan')
  app.decorateRequest('makeBody')
  // With a callback, because a promise for each request costs more.
  app.addHook('onRequest', (request, reply, done) => {
    counters.increment('http.requests')
    request.setDecorator('plan', options.plan())
    const unusable = unusableRequest(request.raw)
    if (unusable !== undefined) {
      counters.increment('http.malformed')
      counters.refuse(unusable.code)
      void refuse(reply.header('connection', 'close'), unusable)
      return
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    // The body of a request is not read, unless its route needs it.
    if (!isRead) reply.header('connection', 'close')
    const route = request.routeOptions.url
    if (isRead || (request.method === 'POST' && bodyRoutes.includes(route))) {
      done()
      return
    }
    counters.increment('http.methodsRefused')
    const code: HttpCode = 'http.method-not-allowed'
    counters.refuse(code)
    reply.header('allow', 'GET, HEAD')
    const sentence = `method ${request.method} is not supported at this path: use GET or HEAD`
    void refuse(reply, { status: 405, code, sentence })
  })

  // Before the routes: those that precede an awaited plugin would keep the handler of fastify.
  app.setErrorHandler((error: FastifyError & { headers?: Record<string, string> }, request, reply) => {
    const status = error.statusCode ?? 500
    const code = errorCode(status)
    counters.refuse(code)
    let sentence = error.message
    if (code === 'http.internal-error') {
      const { node, client, isLocal } = exchangeOf(request, reply)
      counters.increment('http.bugs')
      log.error({ node, client, file: request.url, code, err: error }, 'request failed')
      // The message may name files of this machine.
      if (!isLocal) sentence = 'internal error: the log of the server has the reason'
    }
    // The response to a range that is not satisfiable has the length of the file (RFC 9110 §15.5.17).
    return refuse(reply.headers(error.headers ?? {}), { status, code, sentence })
  })

  // The script of the node with the address of the client, for an iPXE whose own script cannot name the node.
  app.get(urlPaths.ownScript, (request, reply) => {
    const exchange = exchangeOf(request, reply)
    const script = findOwnScript(exchange)
    if (script !== undefined) {
      const asked = { ...script, ...scriptQuery(request) }
      return sendNodeScript(exchange, tools, scriptSources, asked, readNeighbor)
    }
    reply.callNotFound()
    return reply
  })

  // Boot scripts, menus, and Ignition files of open clusters.
  app.get<BootParams>('/boot/:cluster/:node/:file', async (request, reply) => {
    const { cluster, node: name, file } = request.params
    const exchange = exchangeOf(request, reply)
    const node = exchange.plan.nodes.get(`${cluster}/${name}`)
    const path = `/boot/${cluster}/${name}/${file}`
    if (node !== undefined && file === grubOverHttpName) return sendGrubOverHttp(exchange, tools, node)
    const script = node && findScript(exchange.plan, node, file)
    if (script !== undefined) {
      const asked = { ...script, ...scriptQuery(request) }
      return sendNodeScript(exchange, tools, scriptSources, asked, readNeighbor)
    }
    const ignition = exchange.plan.ignition.get(path)
    if (node !== undefined && ignition !== undefined) {
      const secret = { node, token: '', what: ignition.kind, file: ignition }
      return sendSecret(exchange, tools, options, secret)
    }
    reply.callNotFound()
    return reply
  })

  // Ignition files and images with secrets, for a node during its installation.
  app.get<SecretParams>(
    '/boot/:cluster/:node/:token/:file',
    { onSend: replaceBodyHook },
    async (request, reply) => {
      const { cluster, node: name, token, file } = request.params
      const exchange = exchangeOf(request, reply)
      const node = exchange.plan.nodes.get(`${cluster}/${name}`)
      const live = readLiveName(file)
      const ignition =
        live === undefined || node === undefined
          ? exchange.plan.ignition.get(`/boot/${cluster}/${name}/${file}`)
          : liveSource(exchange.plan, node, live)
      const answers = exchange.plan.answers?.get(`/boot/${cluster}/${name}/${file}`)
      const isLive = file === 'live.ign' || (live && ignition)
      const what = answers?.secret ?? (isLive ? 'live' : ignition?.kind)
      const mismatch = node && (await checkLiveNeighbor(exchange, node, readNeighbor))
      if (node !== undefined && mismatch !== undefined) return refuseImpostor(exchange, tools, node, mismatch)
      if (node !== undefined && what !== undefined) {
        const secret = { node, token, what, file: ignition, answers, ...defined({ live }) }
        return sendSecret(exchange, tools, options, secret)
      }
      if (node !== undefined && file === handoverName)
        return sendHandover(exchange, tools, installs, { node, token })
      const directory = exchange.plan.images.get(node?.secretImage?.image ?? '')
      if (node !== undefined && directory !== undefined && node.secretImage?.file === file) {
        return sendSecretImage(exchange, tools, installs, { node, token }, () =>
          sendImage(exchange, tools, sources, directory, file),
        )
      }
      reply.callNotFound()
      return reply
    },
  )

  app.post<CallbackParams>(callbackRoute, (request, reply) => {
    const { cluster, node: name, token, stage } = request.params
    const exchange = exchangeOf(request, reply)
    const node = exchange.plan.nodes.get(`${cluster}/${name}`)
    if (node !== undefined && isStage(stage)) {
      return receiveCallback(exchange, tools, installs, node, token, stage)
    }
    reply.callNotFound()
    return reply
  })

  // Only this route and that of inventory reports read a body.
  await app.register(async (child) => {
    child.removeAllContentTypeParsers()
    child.addContentTypeParser('*', { parseAs: 'string', bodyLimit: maxDiskReportBytes }, (_, body, done) =>
      done(null, body),
    )
    child.post<DiskParams>(diskRoute, (request, reply) => {
      const { cluster, node: name, token } = request.params
      const exchange = exchangeOf(request, reply)
      const node = exchange.plan.nodes.get(`${cluster}/${name}`)
      if (node !== undefined) {
        return receiveDiskReport(exchange, tools, installs, node, { token, body: String(request.body) })
      }
      reply.callNotFound()
      return reply
    })
    await Promise.resolve()
  })

  // Boot loaders for UEFI HTTP Boot.
  app.get<LoaderParams>('/loaders/:folder/:file', (request, reply) => {
    const { folder, file } = request.params
    const exchange = exchangeOf(request, reply)
    const loader = exchange.plan.loaders.get(`/loaders/${folder}/${file}`)
    if (loader !== undefined) {
      return sendLoader(exchange, tools, readLoader, { file: loader, name: `${folder}/${file}` })
    }
    const { secureAutoexec } = exchange.plan
    // Over HTTP, DHCP names the script, and with it the node.
    if (file === 'autoexec.ipxe' && exchange.isSecure && secureAutoexec !== undefined) {
      return sendText(exchange, tools, secureAutoexec, () => {})
    }
    reply.callNotFound()
    return reply
  })

  // Kernel, initramfs, and rootfs.
  app.get<ImageParams>('/images/:image/:file', { onSend: replaceBodyHook }, (request, reply) => {
    const { image, file } = request.params
    const exchange = exchangeOf(request, reply)
    const directory = exchange.plan.images.get(image)
    if (directory?.secrets.has(file) === true) return refuseSecretImage(exchange, tools, file)
    if (directory?.files.has(file) === true) return sendImage(exchange, tools, sources, directory, file)
    reply.callNotFound()
    return reply
  })

  // The files of the administrator.
  app.get<FileParams>('/files/*', { onSend: replaceBodyHook }, (request, reply) => {
    const exchange = exchangeOf(request, reply)
    const { node } = request.query as Record<string, unknown>
    const asked = { path: request.params['*'], ...(typeof node === 'string' && { node }) }
    return sendServedFile(exchange, tools, sources, asked, readNeighbor)
  })

  const { inventory } = options
  await addInventoryRoutes(app, { tools, sources, inventory, readNeighbor })

  app.get(urlPaths.health, (request, reply) => {
    const isWhole = exchangeOf(request, reply).isLocal
    const { status } = health()
    const isFailure = status !== 'ok' && 'strict' in (request.query as object)
    reply.code(isFailure ? 503 : 200).header('cache-control', 'no-store')
    return reply.send(isWhole ? options.health() : { status })
  })

  app.get(urlPaths.metrics, async (request, reply) => {
    const read = isMonitor(exchangeOf(request, reply)) ? metrics : shortMetrics
    return reply
      .header('cache-control', 'no-store')
      .type(expositionType)
      .send(await read())
  })

  app.setNotFoundHandler((request, reply) => {
    const exchange = exchangeOf(request, reply)
    const entry = entryAt(exchange, request.url)
    if (entry !== undefined) {
      return sendText({ ...exchange, reply: reply.code(200) }, tools, entry, () => {})
    }
    counters.increment('http.notFound')
    const code: HttpCode = 'http.not-found'
    counters.refuse(code)
    const { node, client } = exchange
    // A node gets all of its paths from slipway, so another path is an error in its boot.
    const isExpected = node === undefined || isOptionalName(request.url)
    const facts = { node, client, file: request.url, code }
    log[isExpected ? 'debug' : 'warn'](facts, 'path not found')
    return refuse(reply, { status: 404, code, sentence: helpText })
  })

  await app.ready()
  return { app, http, lane }
}

/** Computes a value at most once a second: a flood of requests costs one computation, and shares its result. */
function cached<Value>(compute: () => Value, clock: Clock): () => Value {
  let current = { at: -Infinity, value: undefined as Value }
  return () => {
    const now = clock.monotonic()
    if (now - current.at >= 1000) current = { at: now, value: compute() }
    return current.value
  }
}
