/**
 * The HTTP routes: boot scripts, Ignition files, loaders, images, health, and callbacks of nodes (RFC 9110). There are
 * no redirects and no directory listings, because firmware supports neither. Every request reads the plan once.
 */
import fastifyStatic from '@fastify/static'
import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { expositionType } from '../../host/exposition.ts'
import type { Installs } from '../../install/installs.ts'
import type { CallbackStage, Observe } from '../../install/observation.ts'
import { ignitionKinds, type IgnitionKind } from '../../plan/facts.ts'
import type { HttpPlan } from '../../plan/http/plan.ts'
import type { IgnitionFiles } from '../../plan/ignition/document.ts'
import { urlPaths } from '../../plan/urls.ts'
import { replaceBodyHook } from './body.ts'
import { sendBootScript, sendLoader, sendScript } from './boot.ts'
import type { HttpCode } from './codes.ts'
import { createDownloads } from './downloads.ts'
import { badRequest, helpText, refuse } from './error-response.ts'
import { createImages, isFileName, sendImage } from './images.ts'
import { clientOf, type Exchange, type Tools } from './request-context.ts'
import { receiveCallback, refuseSecretImage, sendSecret, sendSecretImage, withoutToken } from './secrets.ts'
import { createHttpServer, type HttpServer } from './server.ts'

export type RoutesOptions = Omit<Tools, 'observe'> & {
  /** Receives observations of nodes. */
  readonly observe?: Observe
  readonly plan: () => HttpPlan
  readonly installs: Pick<Installs, 'boot' | 'preview' | 'mayRead' | 'callback'>
  readonly ignitionFiles: IgnitionFiles
  /** Returns the content of `/health`. */
  readonly health: () => Record<string, unknown>
  /** Returns the content of `/metrics` in the text format of Prometheus. */
  readonly metrics: () => string
}

/** The routes on a server that does not listen yet. */
export type Routes = { readonly app: FastifyInstance; readonly http: HttpServer }

type BootParams = { Params: { cluster: string; node: string; file: string } }
type SecretParams = { Params: { cluster: string; node: string; token: string; file: string } }
type CallbackParams = { Params: { cluster: string; node: string; token: string; stage: string } }
type LoaderParams = { Params: { folder: string; file: string } }
type ImageParams = { Params: { image: string; file: string } }

const callbackRoute = '/boot/:cluster/:node/:token/:stage'
const isStage = (text: string): text is CallbackStage => ['written', 'started', 'failed'].includes(text)

/** Returns the role that an administrator chose in the menu: `install-master.ipxe`. */
function roleOf(file: string): IgnitionKind | undefined {
  return ignitionKinds.find((kind) => file === `install-${kind}.ipxe`)
}

export async function createRoutes(options: RoutesOptions): Promise<Routes> {
  const { log, counters, clock, installs, observe = () => {} } = options
  const tools: Tools = { log, counters, clock, observe }
  const downloads = createDownloads(tools)
  const images = createImages()
  const { app, http } = createApp(options)
  await app.register(fastifyStatic, { serve: false, cacheControl: false, index: false, dotfiles: 'deny' })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.decorateRequest('plan')
  app.decorateRequest('makeBody')
  app.addHook('onRequest', async (request, reply) => {
    counters.increment('http.requests')
    request.setDecorator('plan', options.plan())
    if (request.method === 'GET' || request.method === 'HEAD') return
    // The body of a request is not read.
    reply.header('connection', 'close')
    if (request.method === 'POST' && request.routeOptions.url === callbackRoute) return
    counters.increment('http.methodsRefused')
    const code: HttpCode = 'http.method-not-allowed'
    counters.refuse(code)
    reply.header('allow', 'GET, HEAD')
    const sentence = `method ${request.method} is not supported at this path: use GET or HEAD`
    return refuse(reply, { status: 405, code, sentence })
  })

  // Boot scripts, menus, and Ignition files of open clusters.
  app.get<BootParams>('/boot/:cluster/:node/:file', (request, reply) => {
    const { cluster, node: name, file } = request.params
    const exchange = exchangeOf(request, reply)
    const node = exchange.plan.nodes.get(`${cluster}/${name}`)
    const path = `/boot/${cluster}/${name}/${file}`
    const script = exchange.plan.scripts.get(path)
    if (node !== undefined && script !== undefined) {
      const role = roleOf(file)
      if (file !== 'boot.ipxe' && role === undefined) return sendScript(exchange, tools, path, script)
      const { skip, rehearse } = request.query as Record<string, unknown>
      const options = { isSkipping: skip !== undefined, isRehearsal: rehearse !== undefined }
      const boot = { path, ...options, ...(role !== undefined && { role }) }
      return sendBootScript(exchange, tools, installs, node, boot)
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
    (request, reply) => {
      const { cluster, node: name, token, file } = request.params
      const exchange = exchangeOf(request, reply)
      const node = exchange.plan.nodes.get(`${cluster}/${name}`)
      const ignition = exchange.plan.ignition.get(`/boot/${cluster}/${name}/${file}`)
      const what = file === 'live.ign' ? 'live' : ignition?.kind
      if (node !== undefined && what !== undefined) {
        return sendSecret(exchange, tools, options, { node, token, what, file: ignition })
      }
      const directory = exchange.plan.images.get(node?.secretImage?.image ?? '')
      if (node !== undefined && directory !== undefined && node.secretImage?.file === file) {
        return sendSecretImage(exchange, tools, installs, { node, token }, () =>
          sendImage(exchange, tools, { images, downloads }, directory, file),
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

  // Boot loaders for UEFI HTTP Boot.
  app.get<LoaderParams>('/loaders/:folder/:file', (request, reply) => {
    const { folder, file } = request.params
    const exchange = exchangeOf(request, reply)
    const loader = exchange.plan.loaders.get(`/loaders/${folder}/${file}`)
    if (loader !== undefined) return sendLoader(exchange, tools, loader, `${folder}/${file}`)
    reply.callNotFound()
    return reply
  })

  // Kernel, initramfs, and rootfs.
  app.get<ImageParams>('/images/:image/:file', { onSend: replaceBodyHook }, (request, reply) => {
    const { image, file } = request.params
    const exchange = exchangeOf(request, reply)
    const directory = exchange.plan.images.get(image)
    if (directory?.secrets.has(file) === true) return refuseSecretImage(exchange, tools, file)
    if (directory !== undefined && isFileName(file)) {
      return sendImage(exchange, tools, { images, downloads }, directory, file)
    }
    reply.callNotFound()
    return reply
  })

  app.get(urlPaths.health, (_request, reply) =>
    reply.header('cache-control', 'no-store').send(options.health()),
  )

  app.get(urlPaths.metrics, (_request, reply) =>
    reply.header('cache-control', 'no-store').type(expositionType).send(options.metrics()),
  )

  app.setNotFoundHandler((request, reply) => {
    counters.increment('http.notFound')
    const code: HttpCode = 'http.not-found'
    counters.refuse(code)
    const { node, client } = exchangeOf(request, reply)
    // A node gets all of its paths from slipway, so another path is an error in its boot. The exception: since 2024,
    // iPXE for EFI requests a script beside itself, and boots without it.
    const isExpected = node === undefined || request.url.endsWith('/autoexec.ipxe')
    const facts = { node, client, file: withoutToken(request.url), code }
    log[isExpected ? 'debug' : 'warn'](facts, 'path not found')
    return refuse(reply, { status: 404, code, sentence: helpText })
  })

  app.setErrorHandler((error: FastifyError & { headers?: Record<string, string> }, request, reply) => {
    const status = error.statusCode ?? 500
    const code = errorCode(status)
    counters.refuse(code)
    if (code === 'http.internal-error') {
      const { node, client } = exchangeOf(request, reply)
      counters.increment('http.bugs')
      log.error({ node, client, file: withoutToken(request.url), code, err: error }, 'request failed')
    }
    // The response to a range that is not satisfiable has the length of the file (RFC 9110 §15.5.17).
    return refuse(reply.headers(error.headers ?? {}), { status, code, sentence: error.message })
  })

  await app.ready()
  return { app, http }
}

function errorCode(status: number): HttpCode {
  if (status === 503) return 'http.file-replaced'
  if (status >= 500) return 'http.internal-error'
  return status === 412 || status === 416 ? 'http.range-not-satisfiable' : 'http.bad-request'
}

function createApp({ plan, log, counters }: RoutesOptions): Routes {
  let http: HttpServer | undefined
  const app = fastify({
    serverFactory: (answer) => (http = createHttpServer(answer)).server,
    clientErrorHandler(error, socket) {
      const bad = badRequest(error.code)
      if (bad !== undefined) {
        const { counter, code, response } = bad
        counters.increment(counter)
        counters.refuse(code)
        log.debug({ client: clientOf(socket, plan()).client, code, reason: error.message }, 'bad request')
        // After the start of a response, the error text would become part of a download.
        if (socket.writable && socket.bytesWritten === 0) socket.write(response)
      }
      socket.destroySoon()
    },
    frameworkErrors(error, _request, reply) {
      counters.increment('http.malformed')
      const code: HttpCode = 'http.bad-path'
      counters.refuse(code)
      void refuse(reply, { status: 400, code, sentence: `this is not a valid path: ${error.message}` })
    },
    // Firmware joins paths to `//boot/…`, and a redirect would end a UEFI boot.
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: 255 },
    // The service closes connections itself: requests on open connections still get a response.
    return503OnClosing: false,
  })
  return { app, http: http as HttpServer }
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
  const plan = request.getDecorator<HttpPlan>('plan')
  return { reply, plan, ...clientOf(request.socket, plan), isHead: request.method === 'HEAD' }
}
