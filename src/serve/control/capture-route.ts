/** The route of the API that captures the packets of one machine, as a stream in the format of pcap (docs/api.md). */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { pcapHeader, pcapRecord } from '../../host/capture/pcap.ts'
import type { CapturedFrame, CaptureFilter } from '../../host/capture/recorder.ts'
import type { Capture } from '../../host/capture/tap.ts'
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { Model, NodeModel } from '../../plan/model.ts'
import { formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import { parseMac } from '../../proto/address/mac.ts'
import { operate } from './access/scopes.ts'
import { noSuchNode } from './node-routes.ts'
import { refuse } from './refusal.ts'

export type CaptureRouteOptions = {
  readonly capture: Pick<Capture, 'start'>
  readonly model: () => Machines
  readonly clock: Clock
  readonly log: Log
}

/** The part of the model that a capture uses. */
type Machines = {
  readonly nodes: readonly Pick<NodeModel, 'key' | 'mac' | 'otherMacs' | 'addresses'>[]
  readonly endpoint: Pick<Model['endpoint'], 'address' | 'address6'>
  readonly site: { readonly hosts: readonly Pick<Model['site']['hosts'][number], 'mac' | 'address'>[] }
}

type CaptureQuery = {
  Querystring: { node?: string; mac?: string; seconds?: string; bytes?: string }
}

const defaultSeconds = 60
const maxSeconds = 3600
const defaultBytes = 10 * 1024 * 1024
const maxBytes = 100 * 1024 * 1024

/** Frames are dropped while so many octets wait for a slow reader. */
const maxWaitingOctets = 4 * 1024 * 1024

/** Lanes report every 50 ms. */
const lastReportMs = 100

export function addCaptureRoute(app: FastifyInstance, options: CaptureRouteOptions): void {
  const { capture, model, log } = options

  app.get<CaptureQuery>('/v1/capture', operate, ({ query, identity }, reply) => {
    const { node, mac } = query
    if ((node === undefined) === (mac === undefined)) return unclear(reply, 'expected node or mac')
    const filter = node === undefined ? filterOfMac(model(), mac as string) : filterOfNode(model(), node)
    if (filter === undefined && node !== undefined) {
      return refuse(reply, 404, 'server.unknown-node', noSuchNode(node))
    }
    if (filter === undefined) return unclear(reply, `${mac} is not a MAC address`)
    const seconds = numberIn(query.seconds, defaultSeconds, maxSeconds)
    if (seconds === undefined) return invalid(reply, `expected seconds, a number from 1 to ${maxSeconds}`)
    const bytes = numberIn(query.bytes, defaultBytes, maxBytes)
    if (bytes === undefined) return invalid(reply, `expected bytes, a number from 1 to ${maxBytes}`)
    const about = { machine: node ?? mac, user: identity?.name }
    const stream = createStream(reply.raw, bytes, () => finish('size'))
    const stop = capture.start(filter, stream.add)
    if (stop === undefined) {
      const error = 'another packet capture runs: wait until it ends, or end it'
      return refuse(reply, 409, 'server.capture-running', error)
    }
    reply.hijack()
    stream.open()
    log.info({ ...about, seconds, bytes }, 'packet capture started')
    const end = options.clock.after(seconds * 1000 + lastReportMs, () => finish('time'))
    reply.raw.once('close', () => finish('client'))
    let isFinished = false
    function finish(limit: 'size' | 'time' | 'client'): void {
      if (isFinished) return
      isFinished = true
      stop?.()
      end.cancel()
      reply.raw.end()
      log.info({ ...about, ...stream.counts(), endedBy: limit }, 'packet capture ended')
    }
    return reply
  })
}

function invalid(reply: FastifyReply, error: string): FastifyReply {
  return refuse(reply, 400, 'server.bad-request', error)
}

/** For what OpenAPI cannot describe: that exactly one of two parameters is needed, and the form of a text. */
function unclear(reply: FastifyReply, error: string): FastifyReply {
  return refuse(reply, 409, 'server.bad-request', error)
}

function numberIn(text: string | undefined, usual: number, max: number): number | undefined {
  if (text === undefined) return usual
  const value = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN
  return value <= max ? value : undefined
}

/** Returns what writes frames until they reach `bytes`. */
function createStream(raw: ServerResponse, bytes: number, full: () => void) {
  let octets = 0
  let frames = 0
  let dropped = 0
  return {
    open() {
      raw.writeHead(200, { 'content-type': 'application/vnd.tcpdump.pcap', 'cache-control': 'no-store' })
      const header = pcapHeader()
      octets = header.length
      raw.write(header)
    },
    add: (captured: CapturedFrame): void => {
      const record = pcapRecord(captured)
      if (octets + record.length > bytes) {
        full()
        return
      }
      if (raw.writableLength > maxWaitingOctets) {
        dropped++
        return
      }
      frames++
      octets += record.length
      raw.write(record)
    },
    counts: () => ({ frames, octets, dropped }),
  }
}

function serverOf({ endpoint: { address, address6 } }: Machines): CaptureFilter['server'] {
  return { address: formatIpv4(address), ...(address6 !== undefined && { address6 }) }
}

function filterOfNode(model: Machines, key: string): CaptureFilter | undefined {
  const node = model.nodes.find((each) => each.key === key)
  if (node === undefined) return undefined
  const { mac, otherMacs = [], addresses } = node
  return { macs: [mac, ...otherMacs], addresses: addresses.map(formatIp), server: serverOf(model) }
}

/** Returns a filter for any machine; if a node or a host has this MAC address, with its addresses. */
function filterOfMac(model: Machines, text: string): CaptureFilter | undefined {
  const mac = parseMac(text)
  if (mac === undefined) return undefined
  const node = model.nodes.find((each) => each.mac === mac || each.otherMacs?.includes(mac) === true)
  if (node !== undefined) return filterOfNode(model, node.key)
  const host = model.site.hosts.find((each) => each.mac?.includes(mac) === true)
  return { macs: [mac], addresses: (host?.address ?? []).map(formatIp), server: serverOf(model) }
}
