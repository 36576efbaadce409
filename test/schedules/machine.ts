/**
 * A machine that boots from the network, by real requests: script, live Ignition file, disk check, Ignition file, disk,
 * callbacks, first boot, renewal of its address. It retries like firmware, Ignition, and the units of the live system,
 * only faster.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { urlPaths, tokenPlaceholder } from '../../src/plan/urls.ts'
import { clientPacket } from '../support/dhcp-message.ts'
import type { Appliance } from './appliance.ts'

export const steps = [
  'script',
  'live',
  'disk-check',
  'ignition',
  'write',
  'written',
  'disk-boot',
  'started',
] as const
export type Step = (typeof steps)[number]

export type Machine = {
  /** How often an installer wrote the whole disk. */
  readonly writes: () => number
  /** Whether an appliance accepted a callback after the disk was written. */
  readonly isReported: () => boolean
  /** What happened, in order. */
  readonly log: readonly string[]
  /** Boots until the installed system runs from its disk, or the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

export type MachineOptions = {
  /** `ocp/w7` */
  readonly key: string
  readonly address: string
  readonly mac: string
  readonly appliances: readonly Pick<Appliance, 'address' | 'dhcp'>[]
  /** Returns the URLs of the appliances in the order in which the machine tries them at this boot. */
  readonly choose: () => readonly string[]
  /** Whether firmware got two offers and both appliances get the request at the same time. */
  readonly isDoubled: () => boolean
  /** How often a callback is tried; the unit on a real machine retries for a minute. */
  readonly callbackTries: number
  /** Called before each step of an installation. */
  readonly onStep: (step: Step) => Promise<void>
}

type Response = { readonly status: number; readonly body: string }

const requestMs = 4000
const pauseMs = 300
/** Ignition retries without an end; the console of a real machine would show it, and an administrator restarts it. */
const tries = 12

export function createMachine(options: MachineOptions): Machine {
  const { key, address, choose, isDoubled, onStep } = options
  const log: string[] = []
  let writes = 0
  let isReported = false
  let started: string | undefined
  const node = { key }
  const note = (line: string): void => void log.push(`${Math.round(performance.now())} ${line}`)

  async function send(method: string, url: string, body?: string): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const sending = request(url, { method, localAddress: address, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      response.on('error', reject)
    })
    const timer = setTimeout(() => sending.destroy(new Error('time-out')), requestMs)
    sending.on('error', reject)
    sending.end(body)
    return promise.finally(() => clearTimeout(timer))
  }

  /** @returns undefined after too many failures: the machine is restarted */
  async function insist(method: string, url: string, wanted: number, signal: AbortSignal, body?: string) {
    const limit = wanted === 204 ? options.callbackTries : tries
    for (let count = 0; count < limit && !signal.aborted; count++) {
      try {
        const response = await send(method, url, body)
        if (response.status === 204) isReported = true
        if (response.status === wanted) return response
        note(`${method} ${url}: ${response.status}`)
        if (response.status === 403) return undefined
      } catch (error) {
        note(`${method} ${url}: ${(error as Error).message}`)
      }
      await sleep(pauseMs)
    }
    return undefined
  }

  async function boot(signal: AbortSignal): Promise<boolean> {
    await onStep(writes === 0 ? 'script' : 'disk-boot')
    const [first, ...others] = choose() as [string, ...string[]]
    const path = urlPaths.bootScript(node)
    if (isDoubled()) for (const other of others) send('GET', other + path).catch(() => {})
    for (const base of [first, ...others]) {
      for (let count = 0; count < tries && !signal.aborted; count++) {
        const answer = await send('GET', base + path).catch(() => undefined)
        if (answer?.status !== 200) break
        const token = new RegExp(`/boot/${key}/([A-Za-z0-9_-]{22})/live\\.ign`).exec(answer.body)?.[1]
        if (token !== undefined) return install(base, token, signal)
        if (/\bsanboot\b/.test(answer.body) && !/waits/.test(answer.body)) return bootDisk(signal)
        note(`${base}: waits`)
        await sleep(pauseMs)
      }
    }
    await sleep(pauseMs)
    return false
  }

  async function bootDisk(signal: AbortSignal): Promise<boolean> {
    note('local disk')
    if (writes === 0 || started === undefined) {
      // Nothing to boot: the firmware returns to the network.
      await sleep(pauseMs)
      return false
    }
    await onStep('started')
    await Promise.all(options.appliances.map(renew))
    // A callback that no appliance took is lost; the cluster would report the node later.
    await insist('POST', started, 204, signal)
    return true
  }

  /** The installed system renews its address at every server; one that does not run leaves no trace. */
  async function renew({ address: server, dhcp }: Pick<Appliance, 'address' | 'dhcp'>): Promise<void> {
    const socket = createSocket('udp4')
    socket.bind(dhcp.client, address)
    await once(socket, 'listening')
    const packet = clientPacket({ type: 'request', mac: options.mac, ciaddr: address })
    for (let count = 0; count < 3; count++) {
      socket.send(packet, dhcp.server, server)
      await sleep(50)
    }
    socket.close()
  }

  async function install(base: string, token: string, signal: AbortSignal): Promise<boolean> {
    note(`installs from ${base}`)
    const url = (path: string): string => base + path.replace(tokenPlaceholder, token)
    await onStep('live')
    if ((await insist('GET', url(urlPaths.liveIgnition(node)), 200, signal)) === undefined) return false
    await onStep('disk-check')
    const report = diskReport(writes > 0)
    if ((await insist('POST', url(urlPaths.diskCheck(node)), 200, signal, report)) === undefined) return false
    await onStep('ignition')
    const ignition = await insist('GET', url(urlPaths.ignition(node, 'worker')), 200, signal)
    if (ignition === undefined) return false
    JSON.parse(ignition.body)
    await onStep('write')
    writes++
    note(`disk written, ${writes} times`)
    const startedToken =
      new RegExp(`/boot/${key}/([A-Za-z0-9_-]{22})/started`).exec(ignition.body)?.[1] ?? token
    started = base + urlPaths.callback(node, 'started').replace(tokenPlaceholder, startedToken)
    await onStep('written')
    await insist('POST', url(urlPaths.callback(node, 'written')), 204, signal)
    return false
  }

  return {
    writes: () => writes,
    isReported: () => isReported,
    log,
    async run(signal) {
      while (!signal.aborted) if (await boot(signal)) return
    },
  }
}

function diskReport(isFull: boolean): string {
  const lsblk = JSON.stringify({
    blockdevices: [{ name: '/dev/sda', type: 'disk', fstype: isFull ? 'xfs' : null }],
  })
  const blkid = `device=/dev/sda\n${isFull ? 'TYPE=xfs\n' : ''}`
  return `slipway-disk 1\ndevice: /dev/sda\npath: /dev/sda\n--- lsblk\n${lsblk}\n--- blkid\n${blkid}`
}
