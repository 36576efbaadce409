/**
 * What HTTP serves: boot scripts and Ignition files of nodes, loaders, images, health (RFC 9110). Never a redirect,
 * never a directory listing: firmware follows neither. Every request reads the plan once, on arrival.
 */
import fastifyStatic from '@fastify/static'
import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { HttpPlan } from '../../plan/http.ts'
import { urlPaths } from '../../plan/urls.ts'
import { sendIgnition, sendLoader, sendScript } from './boot.ts'
import { putBody } from './body.ts'
import { clientOf } from './client.ts'
import type { Exchange, Tools } from './exchange.ts'
import { createImages, isFileName, sendImage } from './images.ts'
import { misunderstanding } from './misunderstanding.ts'
import { helpText, refuse } from './refusal.ts'
import { createHttpServer, type HttpServer } from './server.ts'

export type RoutesOptions = Tools & {
  readonly plan: () => HttpPlan
  /** What `/health` says. */
  readonly health: () => Record<string, unknown>
}

/** The routes, ready to be asked, on a server that does not listen yet. */
export type Routes = { readonly app: FastifyInstance; readonly http: HttpServer }

type BootParams = { Params: { cluster: string; node: string; file: string } }
type LoaderParams = { Params: { folder: string; file: string } }
type ImageParams = { Params: { image: string; file: string } }

export async function createRoutes(options: RoutesOptions): Promise<Routes> {
  const { log, counters } = options
  const { app, http } = createApp(options)
  await app.register(fastifyStatic, { serve: false, cacheControl: false, index: false, dotfiles: 'deny' })

  app.decorateRequest('plan')
  app.decorateRequest('makeBody')
  app.addHook('onRequest', async (request, reply) => {
    counters.increment('http.requests')
    request.setDecorator('plan', options.plan())
    if (request.method === 'GET' || request.method === 'HEAD') return
    counters.increment('http.methodsRefused')
    // The connection ends with the answer, so that nobody reads the body that may follow.
    reply.header('allow', 'GET, HEAD').header('connection', 'close')
    return refuse(reply, {
      status: 405,
      sentence: `only GET and HEAD are answered here, not ${request.method}`,
    })
  })

  // What a node boots (its installation, its menu or its disk), and its Ignition files.
  app.get<BootParams>('/boot/:cluster/:node/:file', (request, reply) => {
    const { cluster, node, file } = request.params
    const path = `/boot/${cluster}/${node}/${file}`
    const exchange = exchangeOf(request, reply)
    const script = exchange.plan.scripts.get(path)
    if (script !== undefined) return sendScript(exchange, options, path, script)
    const ignition = exchange.plan.ignition.get(path)
    if (ignition !== undefined) return sendIgnition(exchange, options, ignition)
    reply.callNotFound()
    return reply
  })

  // What firmware fetches first when it boots over HTTP.
  app.get<LoaderParams>('/loaders/:folder/:file', (request, reply) => {
    const { folder, file } = request.params
    const exchange = exchangeOf(request, reply)
    const loader = exchange.plan.loaders.get(`/loaders/${folder}/${file}`)
    if (loader !== undefined) return sendLoader(exchange, options, loader)
    reply.callNotFound()
    return reply
  })

  // Kernel, initramfs, rootfs and whatever else lies beside them.
  const images = createImages()
  app.get<ImageParams>('/images/:image/:file', { onSend: putBody }, (request, reply) => {
    const { image, file } = request.params
    const exchange = exchangeOf(request, reply)
    const directory = exchange.plan.images.get(image)
    if (directory !== undefined && isFileName(file)) {
      return sendImage(exchange, options, images, directory, file)
    }
    reply.callNotFound()
    return reply
  })

  // Whether all is well: for people, for monitoring, for tests.
  app.get(urlPaths.health, (_request, reply) =>
    reply.header('cache-control', 'no-store').send(options.health()),
  )

  app.setNotFoundHandler((request, reply) => {
    counters.increment('http.notFound')
    const { node, client } = exchangeOf(request, reply)
    // A node asks for nothing that we did not tell it, so something is wrong with its boot. Only iPXE for EFI looks
    // for a script beside itself since 2024, and boots without it.
    const isExpected = node === undefined || request.url.endsWith('/autoexec.ipxe')
    log[isExpected ? 'debug' : 'warn']({ node, client, file: request.url }, 'nothing at this path')
    return refuse(reply, { status: 404, sentence: helpText })
  })

  app.setErrorHandler((error: FastifyError & { headers?: Record<string, string> }, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) {
      const { node, client } = exchangeOf(request, reply)
      counters.increment('http.bugs')
      log.error({ node, client, file: request.url, err: error }, 'request failed')
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
