/**
 * The routes of undeclared machines that boot the inventory system: their script, its kernel and initramfs, and the report
 * (docs/decisions/0059). Only the machine with a live lease of the sender's address can report, and only about itself.
 */
import { basename, dirname } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ReadNeighbor } from '../../host/neighbors.ts'
import type { Inventory } from '../../inventory/inventory.ts'
import type { WholeFile } from '../../plan/http/plan.ts'
import { urlPaths } from '../../plan/urls.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { replaceBodyHook } from './body.ts'
import type { HttpCode } from './codes.ts'
import { sendImage, type FileLabels, type ImageSources } from './images.ts'
import { exchangeOf, type Exchange, type Tools } from './request-context.ts'
import { missingFile, refuse, sendText } from './response.ts'

export type InventoryReceiver = Pick<Inventory, 'holderOf' | 'receive'>

type Options = {
  readonly tools: Tools
  readonly sources: ImageSources
  readonly inventory: InventoryReceiver | undefined
  readonly readNeighbor: ReadNeighbor
}

const maxReportBytes = 64 * 1024

const labels: FileLabels = {
  counter: 'http.inventoryFiles',
  served: 'inventory file served',
  refused: 'inventory file cannot be served',
}

export async function addInventoryRoutes(app: FastifyInstance, options: Options): Promise<void> {
  const { tools, sources, inventory, readNeighbor } = options

  app.get(urlPaths.inventoryScript, (request, reply) => {
    const exchange = exchangeOf(request, reply)
    const script = exchange.plan.inventory?.script
    if (script === undefined) {
      reply.callNotFound()
      return reply
    }
    tools.counters.increment('http.scripts')
    return sendText(exchange, tools, script, ({ octets, aborted }) => {
      const { client, isHead } = exchange
      tools.log[isHead ? 'debug' : 'info'](
        { client, boot: 'inventory', octets, aborted },
        'inventory script served',
      )
    })
  })

  for (const [url, name] of [
    [urlPaths.inventoryKernel, 'kernel'],
    [urlPaths.inventoryInitrd, 'initrd'],
  ] as const) {
    app.get(url, { onSend: replaceBodyHook }, (request, reply) => {
      const exchange = exchangeOf(request, reply)
      const found = exchange.plan.inventory?.[name]
      if (found !== undefined) return sendFile(exchange, tools, sources, found)
      reply.callNotFound()
      return reply
    })
  }

  // The body of a client without a lease is not read.
  await app.register(async (child) => {
    child.removeAllContentTypeParsers()
    child.addContentTypeParser('*', { parseAs: 'string', bodyLimit: maxReportBytes }, (_, body, done) =>
      done(null, body),
    )
    child.decorateRequest('sender')
    child.addHook('onRequest', async (request, reply) => {
      const exchange = exchangeOf(request, reply)
      if (inventory === undefined || exchange.plan.inventory === undefined) {
        reply.callNotFound()
        return reply
      }
      const sender = await senderOf(exchange, inventory, readNeighbor)
      if (typeof sender !== 'string') return refuseReport(exchange, tools, 403, sender.code, sender.reason)
      request.setDecorator('sender', sender)
      return undefined
    })
    child.post(urlPaths.inventoryReport, (request, reply) => {
      const sender = request.getDecorator<Mac>('sender')
      const exchange = exchangeOf(request, reply)
      return receiveReport(exchange, tools, inventory as InventoryReceiver, sender, String(request.body))
    })
    await Promise.resolve()
  })
}

function sendFile(
  exchange: Exchange,
  tools: Tools,
  sources: ImageSources,
  { file, problem }: WholeFile,
): Promise<FastifyReply> | FastifyReply {
  if (problem === undefined) {
    const directory = { dir: dirname(file), files: new Map(), secrets: new Set<string>() }
    return sendImage(exchange, tools, sources, directory, basename(file), labels)
  }
  const { client, reply, isLocal } = exchange
  const refusal = missingFile(file, problem)
  tools.counters.increment('http.unreadable')
  tools.counters.refuse(refusal.code)
  tools.log.debug({ client, file, code: refusal.code, reason: problem }, labels.refused)
  return refuse(reply, isLocal ? { ...refusal, sentence: problem } : refusal)
}

/** Returns the machine that has the lease of the client's address, unless the kernel knows another MAC address there. */
async function senderOf(
  { address }: Exchange,
  inventory: InventoryReceiver,
  readNeighbor: ReadNeighbor,
): Promise<Mac | { readonly code: HttpCode; readonly reason: string }> {
  const holder = inventory.holderOf(address)
  if (holder === undefined) {
    return { code: 'http.inventory-without-lease', reason: `${address} has no lease for the inventory boot` }
  }
  const mac = await readNeighbor(address)
  if (mac === undefined || mac === holder) return holder
  const reason = `${address} has the MAC address ${mac}, but its lease belongs to ${holder}`
  return { code: 'http.inventory-without-lease', reason }
}

async function receiveReport(
  exchange: Exchange,
  tools: Tools,
  inventory: InventoryReceiver,
  mac: Mac,
  body: string,
): Promise<FastifyReply> {
  const { client } = exchange
  const report = await inventory.receive(mac, body)
  if (report === 'busy') {
    const reason = 'too many inventory reports at once: repeat the request later'
    exchange.reply.header('retry-after', '10')
    return refuseReport(exchange, tools, 503, 'http.inventory-limit', reason, mac)
  }
  if (report === 'invalid') {
    const reason = 'this is not an inventory report of this machine'
    return refuseReport(exchange, tools, 400, 'http.bad-inventory-report', reason, mac)
  }
  tools.counters.increment('http.inventoryReports')
  const { vendor, product, serial, memoryMiB, disks, interfaces } = report
  const facts = { mac, client, vendor, product, serial, memoryMiB }
  tools.log.info(
    { ...facts, disks: disks.length, interfaces: interfaces.length },
    'inventory of an undeclared machine received',
  )
  return sendText(exchange, tools, 'recorded\n', () => {})
}

function refuseReport(
  { reply, client }: Exchange,
  { log, counters }: Tools,
  status: number,
  code: HttpCode,
  reason: string,
  mac?: Mac,
): FastifyReply {
  counters.increment('http.inventoryReportsRefused')
  counters.refuse(code)
  log.debug({ mac, client, code, reason }, 'inventory report refused')
  return refuse(reply, { status, code, sentence: reason })
}
