/**
 * What HTTP serves: boot scripts and Ignition files of nodes, loaders, images, health (RFC 9110). Never a redirect,
 * never a directory listing: firmware follows neither. Every request reads the plan once, on arrival. Nothing is
 * posted but the callbacks of nodes.
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
import type { HttpPlan } from '../../plan/http.ts'
import type { IgnitionFiles } from '../../plan/ignition/document.ts'
import { urlPaths } from '../../plan/urls.ts'
import { putBody } from './body.ts'
import { sendBootScript } from './boot-script.ts'
import { sendLoader, sendScript } from './boot.ts'
import { clientOf, type Exchange, type Tools } from './request-context.ts'
import { createDownloads } from './downloads.ts'
import { createImages, isFileName, sendImage } from './images.ts'
import { misunderstanding, helpText, refuse } from './error-response.ts'
import { refuseSecretImage, sendSecret, sendSecretImage, takeCallback, withoutToken } from './secrets.ts'
import { createHttpServer, type HttpServer } from './server.ts'

export type RoutesOptions = Omit<Tools, 'observe'> & {
  /** Told what is seen of nodes. */
  readonly observe?: Observe
  readonly plan: () => HttpPlan
  readonly installs: Pick<Installs, 'boot' | 'preview' | 'mayRead' | 'callback'>
  readonly ignitionFiles: IgnitionFiles
  /** What `/health` says. */
  readonly health: () => Record<string, unknown>
  /** What `/metrics` says, in Prometheus's text format. */
  readonly metrics: () => string
}

/** The routes, ready to be asked, on a server that does not listen yet. */
export type Routes = { readonly app: FastifyInstance; readonly http: HttpServer }

type BootParams = { Params: { cluster: string; node: string; file: string } }
type SecretParams = { Params: { cluster: string; node: string; token: string; file: string } }
type CallbackParams = { Params: { cluster: string; node: string; token: string; stage: string } }
type LoaderParams = { Params: { folder: string; file: string } }
type ImageParams = { Params: { image: string; file: string } }

const callbackRoute = '/boot/:cluster/:node/:token/:stage'
const isStage = (text: string): text is CallbackStage => ['written', 'started', 'failed'].includes(text)

/** `install-master.ipxe` is what the menu leads to. */
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
    // Whatever follows the header of a callback says nothing: it is not read.
    reply.header('connection', 'close')
    if (request.method === 'POST' && request.routeOptions.url === callbackRoute) return
    counters.increment('http.methodsRefused')
    reply.header('allow', 'GET, HEAD')
    return refuse(reply, {
      status: 405,
      sentence: `only GET and HEAD are answered here, not ${request.method}`,
    })
  })

  // What a node boots: its installation, its menu or its disk, whichever is due.
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
      const wish = { isSkipping: skip !== undefined, isRehearsal: rehearse !== undefined }
      const boot = { path, ...wish, ...(role !== undefined && { role }) }
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

  // What it installs itself with: for itself alone, while it does.
  app.get<SecretParams>('/boot/:cluster/:node/:token/:file', { onSend: putBody }, (request, reply) => {
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
  })

  // How it says what became of it.
  app.post<CallbackParams>(callbackRoute, (request, reply) => {
    const { cluster, node: name, token, stage } = request.params
    const exchange = exchangeOf(request, reply)
    const node = exchange.plan.nodes.get(`${cluster}/${name}`)
    if (node !== undefined && isStage(stage)) {
      return takeCallback(exchange, tools, installs, node, token, stage)
    }
    reply.callNotFound()
    return reply
  })

  // What firmware fetches first when it boots over HTTP.
  app.get<LoaderParams>('/loaders/:folder/:file', (request, reply) => {
    const { folder, file } = request.params
    const exchange = exchangeOf(request, reply)
    const loader = exchange.plan.loaders.get(`/loaders/${folder}/${file}`)
    if (loader !== undefined) return sendLoader(exchange, tools, loader, `${folder}/${file}`)
    reply.callNotFound()
    return reply
  })

  // Kernel, initramfs, rootfs and whatever else lies beside them.
  app.get<ImageParams>('/images/:image/:file', { onSend: putBody }, (request, reply) => {
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

  // Whether all is well: for people, for monitoring, for tests.
  app.get(urlPaths.health, (_request, reply) =>
    reply.header('cache-control', 'no-store').send(options.health()),
  )

  app.get(urlPaths.metrics, (_request, reply) =>
    reply.header('cache-control', 'no-store').type(expositionType).send(options.metrics()),
  )

  app.setNotFoundHandler((request, reply) => {
    counters.increment('http.notFound')
    const { node, client } = exchangeOf(request, reply)
    // A node asks for nothing that we did not tell it, so something is wrong with its boot. Only iPXE for EFI looks
    // for a script beside itself since 2024, and boots without it.
    const isExpected = node === undefined || request.url.endsWith('/autoexec.ipxe')
    log[isExpected ? 'debug' : 'warn'](
      { node, client, file: withoutToken(request.url) },
      'nothing at this path',
    )
    return refuse(reply, { status: 404, sentence: helpText })
  })

  app.setErrorHandler((error: FastifyError & { headers?: Record<string, string> }, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) {
      const { node, client } = exchangeOf(request, reply)
      counters.increment('http.bugs')
      log.error({ node, client, file: withoutToken(request.url), err: error }, 'request failed')
    }
    // A range that cannot be satisfied is answered with the file's length (RFC 9110 §15.5.17).
    return refuse(reply.headers(error.headers ?? {}), { status, sentence: error.message })
  })

  await app.ready()
  return { app, http }
}

function createApp({ plan, log, counters }: RoutesOptions): Routes {
  let http: HttpServer | undefined
  const app = fastify({
    serverFactory: (answer) => (http = createHttpServer(answer)).server,
    clientErrorHandler(error, socket) {
      const words = misunderstanding(error.code)
      if (words !== undefined) {
        counters.increment(words.counter)
        log.debug(
          { client: clientOf(socket, plan()).client, reason: error.message },
          'request not understood',
        )
        // Once an answer was begun, words in between would become part of a download.
        if (socket.writable && socket.bytesWritten === 0) socket.write(words.response)
      }
      socket.destroySoon()
    },
    frameworkErrors(error, _request, reply) {
      counters.increment('http.malformed')
      void refuse(reply, { status: 400, sentence: `this is not a path: ${error.message}` })
    },
    // Firmware joins paths to `//boot/…`; a redirect to the right one would end a UEFI boot.
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: 255 },
    // Closing is our own: what arrives by a connection that is still open is still answered.
    return503OnClosing: false,
  })
  return { app, http: http as HttpServer }
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
  const plan = request.getDecorator<HttpPlan>('plan')
  return { reply, plan, ...clientOf(request.socket, plan), isHead: request.method === 'HEAD' }
}
