/**
 * A BMC that speaks Redfish, on loopback: one system whose power and boot device change, sessions with a limit, and faults for the
 * next requests. Traits are the deviations of vendors.
 */
import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

type Resource = Record<string, unknown>
type BootValues = Record<string, unknown>

/** What a real BMC returned. */
type Recording = {
  /** Path of its system. */
  readonly path: string
  readonly system: Resource
  /** All other resources, by path without a slash at the end. */
  readonly others: Readonly<Record<string, Resource>>
}

export type BmcTraits = {
  /** Replaces the system and adds resources. */
  readonly recording?: Recording
  /** Properties that replace those of the system. */
  readonly system?: Resource
  readonly boot?: BootValues
  readonly systems?: readonly string[]
  readonly macs?: readonly string[]
  readonly resetTypes?: readonly string[] | undefined
  /** Lists the reset types in a separate resource. */
  readonly usesActionInfo?: boolean
  /** 0: it has no session service. */
  readonly maxSessions?: number
  /** Answers for a boot device; nothing if it is accepted. */
  readonly refuseBoot?: (
    boot: BootValues,
    request: IncomingMessage,
  ) => { status: number; body?: object } | undefined
  /** What a boot device that was accepted changes; by default everything. */
  readonly applyBoot?: (boot: BootValues) => BootValues
  readonly etag?: string
  /** Before each response. */
  readonly delayMs?: number
  /** Resource of the next start, as BMCs of AMI have. */
  readonly hasSettings?: boolean
}

/** Of the next reset: the connection ends before or after it is carried out, or its response is lost in the BMC. */
type ResetFault = 'before' | 'after' | 'gateway'

type Fault = (request: IncomingMessage, response: ServerResponse) => void

export const bmcUser = { username: 'admin', password: 'pass=word 1' }

export const errorBody = (message: string, id = 'Base.1.0.GeneralError') => ({
  error: { code: id, message, '@Message.ExtendedInfo': [{ Message: message, MessageId: id }] },
})

export async function fakeBmc(
  t: Test,
  traits: BmcTraits = {},
  tls?: { readonly cert: string; readonly key: string },
) {
  const { maxSessions = 8, systems = ['1'], macs = [] } = traits
  const sessions = new Set<string>()
  const requests: string[] = []
  const faults: Fault[] = []
  let created = 0
  const { recording } = traits
  let power = (recording?.system['PowerState'] as string | undefined) ?? 'Off'
  let boot: BootValues = (recording?.system['Boot'] as BootValues | undefined) ?? {
    BootSourceOverrideEnabled: 'Disabled',
    BootSourceOverrideTarget: 'None',
    BootSourceOverrideMode: 'UEFI',
    'BootSourceOverrideTarget@Redfish.AllowableValues': ['None', 'Pxe', 'Hdd', 'UefiHttp'],
    ...traits.boot,
  }
  let nextBoot: BootValues = { ...boot }
  const types =
    'resetTypes' in traits ? traits.resetTypes : ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart']

  const base = recording?.path ?? '/redfish/v1/Systems/1'
  const recorded = (): Resource => ({ ...recording?.system, PowerState: power, Boot: boot })
  const standard = (): Resource => ({
    '@odata.id': base,
    Id: '1',
    Manufacturer: 'Contoso',
    Model: 'R1',
    SerialNumber: ' ABC123 ',
    SKU: 'N/A',
    UUID: '4C4C4544-0031-3010-8031-B4C04F4E3132',
    PowerState: power,
    Status: { Health: 'OK' },
    EthernetInterfaces: { '@odata.id': `${base}/EthernetInterfaces` },
    Boot: boot,
    ...(traits.hasSettings && { '@Redfish.Settings': { SettingsObject: { '@odata.id': `${base}/SD` } } }),
    Actions: {
      '#ComputerSystem.Reset': {
        target: `${base}/Actions/ComputerSystem.Reset`,
        ...(traits.usesActionInfo
          ? { '@Redfish.ActionInfo': `${base}/ResetActionInfo` }
          : types && { 'ResetType@Redfish.AllowableValues': types }),
      },
    },
    ...traits.system,
  })

  const resources = (path: string): Resource | undefined => {
    const collection = (paths: readonly string[]) => ({
      Members: paths.map((each) => ({ '@odata.id': each })),
    })
    if (recording !== undefined) return path === base ? recorded() : recording.others[withoutSlash(path)]
    const nic = /\/EthernetInterfaces\/(\d+)$/.exec(path)?.[1]
    if (nic !== undefined) return { MACAddress: macs[Number(nic)] }
    switch (path) {
      case '/redfish/v1/':
        return {
          Systems: { '@odata.id': '/redfish/v1/Systems' },
          ...(maxSessions > 0 && {
            Links: { Sessions: { '@odata.id': '/redfish/v1/SessionService/Sessions' } },
          }),
        }
      case '/redfish/v1/Systems':
        return collection(systems.map((id) => `/redfish/v1/Systems/${id}`))
      case base:
        return standard()
      case `${base}/SD`:
        return traits.hasSettings ? { Boot: nextBoot } : undefined
      case `${base}/EthernetInterfaces`:
        return collection(macs.map((_, index) => `${base}/EthernetInterfaces/${index}`))
      case `${base}/ResetActionInfo`:
        return { Parameters: [{ Name: 'ResetType', AllowableValues: types }] }
      default:
        return undefined
    }
  }

  let takesBasic = true
  let resetFault: ResetFault | undefined
  const basic = `Basic ${Buffer.from(`${bmcUser.username}:${bmcUser.password}`).toString('base64')}`
  const send = (response: ServerResponse, status: number, body?: object, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body && JSON.stringify(body))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    requests.push(`${method} ${url}`)
    const fault = faults.shift()
    if (fault !== undefined) {
      fault(request, response)
      return
    }
    const body = method === 'POST' || method === 'PATCH' ? ((await json(request)) as Resource) : {}
    if (withoutSlash(url) === '/redfish/v1/SessionService/Sessions' && method === 'POST') {
      if (body['UserName'] !== bmcUser.username || body['Password'] !== bmcUser.password) {
        send(response, 401, errorBody('wrong password'))
        return
      }
      if (sessions.size >= maxSessions) {
        send(response, 503, sessionLimit)
        return
      }
      const token = `token-${++created}`
      sessions.add(token)
      const location = `https://bmc.example.net/redfish/v1/SessionService/Sessions/${token}`
      send(response, 201, {}, { 'x-auth-token': token, location })
      return
    }
    const token = headers['x-auth-token']
    const isAllowed =
      (typeof token === 'string' && sessions.has(token)) || (takesBasic && headers.authorization === basic)
    if (!isAllowed && url !== '/redfish/v1/') {
      send(response, 401, errorBody('not authorized'))
      return
    }
    if (method === 'DELETE') {
      sessions.delete(url.replace(/^.*\//, ''))
      send(response, 204)
      return
    }
    if (method === 'POST') {
      reset(request, response, String(body['ResetType']))
      return
    }
    if (method === 'PATCH') {
      patch(url, body['Boot'] as BootValues, request, response)
      return
    }
    const resource = resources(url)
    if (resource === undefined) {
      send(response, 404, errorBody('no such resource'))
      return
    }
    send(response, 200, resource, traits.etag === undefined ? {} : { etag: traits.etag })
  }

  function reset(request: IncomingMessage, response: ServerResponse, type: string): void {
    const fault = resetFault
    resetFault = undefined
    if (fault === 'before') {
      lost(request, response)
      return
    }
    if (types !== undefined && !types.includes(type)) {
      send(response, 400, errorBody(`bad value ${type}`))
      return
    }
    power = type === 'ForceOff' || type === 'GracefulShutdown' ? 'Off' : 'On'
    if (fault === 'after') lost(request, response)
    else send(response, fault === 'gateway' ? 504 : 204)
  }

  function patch(url: string, values: BootValues, request: IncomingMessage, response: ServerResponse): void {
    const refusal = traits.refuseBoot?.(values, request)
    if (refusal !== undefined) {
      send(response, refusal.status, refusal.body)
      return
    }
    const applied = traits.applyBoot?.(values) ?? values
    if (url.endsWith('/SD')) nextBoot = { ...nextBoot, ...applied }
    else boot = { ...boot, ...applied }
    send(response, 204)
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { delayMs } = traits
    void (delayMs === undefined
      ? handle(request, response)
      : sleep(delayMs).then(() => handle(request, response)))
  }
  const server = tls === undefined ? createHttp(answer) : createHttps(tls, answer)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    faults,
    sessions,
    boot: () => boot,
    nextBoot: () => nextBoot,
    power: () => power,
    setPower: (state: string) => void (power = state),
    refuseBasic: () => void (takesBasic = false),
    failReset: (fault: ResetFault) => void (resetFault = fault),
  }
}

/** Some BMCs end all paths with a slash. */
function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/$/, '')
}

export const sessionLimit = errorBody('The maximum number of user sessions is reached.', 'IDRAC.2.4.RAC0218')

// Faults of the next requests.

export const busy: Fault = (_request, response) => {
  response.writeHead(503, { 'retry-after': '0' }).end('busy')
}
/** @param after value of Retry-After */
export const busyUntil =
  (after: string): Fault =>
  (_request, response) => {
    response.writeHead(503, { 'retry-after': after }).end()
  }
/** Ends the connection in the middle of a response. */
export const cut: Fault = (request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
  response.write('{"Members":', () => request.socket.destroy())
}
export const lost: Fault = (request) => void request.socket.destroy()
/** Never answers. */
export const hang: Fault = () => undefined
export const notJson: Fault = (_request, response) => void response.writeHead(200).end('<html>')
