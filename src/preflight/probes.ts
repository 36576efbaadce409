/** What the checks ask this machine and its network. Every probe is bounded in time; tests replace them. */
import { access, constants, readFile, stat } from 'node:fs/promises'
import { Resolver } from 'node:dns/promises'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { basename, dirname } from 'node:path'
import { checkDrift } from '../drift/check.ts'
import { createAskServer } from '../drift/exchange.ts'
import type { CheckedServer, DriftReport } from '../drift/report.ts'
import { readResolvConf } from '../drift/servers.ts'
import type { Plan } from '../plan/compile.ts'
import type { Model } from '../plan/model.ts'
import type { InterfaceAddresses } from '../host/attached-networks.ts'
import type { Inventory } from '../bmc/machine.ts'
import { createPower, type PowerRefusal } from '../bmc/power.ts'
import { loadLibc } from '../host/lane/libc.ts'
import { createLog } from '../host/log.ts'
import type { BmcPlans } from '../plan/bmc.ts'
import { hasAddress } from '../host/cannot-listen.ts'
import { systemClock } from '../host/clock.ts'
import { runCommand, type CommandResult } from '../host/command.ts'
import { createSockets } from '../host/sockets.ts'
import { verifyImage, type Integrity } from '../images/manifest.ts'
import { readPublicKeys } from '../images/signature.ts'
import { freeOctets, readStored } from '../images/store.ts'
import { createWeb } from '../images/web.ts'
import type { HaproxyPlan } from '../plan/haproxy/plan.ts'
import { validateConfig, type ConfigCheck } from '../serve/haproxy/apply.ts'
import { reasonOf, userName } from '../scan/file.ts'
import { askNeighbors } from './ask-neighbors.ts'
import { discover, type DiscoverOptions, type Offers } from './discover.ts'
import { findHolder } from './holder.ts'
import { solicitRouters, type Routers } from './solicit-routers.ts'
import { askRegistry, connectProblem, type RegistryAccess, type RegistryAnswer } from './registry-probe.ts'
import type { WantedPort } from './wanted-ports.ts'

/** By node key. */
export type BmcInventories = ReadonlyMap<string, Inventory | PowerRefusal>

export type Probes = {
  /** Binds the port for a moment. Returns the code of the error, such as EADDRINUSE. */
  readonly bind: (port: WantedPort) => Promise<string | undefined>
  /** Returns the process that has the port. */
  readonly holder: (port: WantedPort) => Promise<string | undefined>
  readonly run: (program: string, args: readonly string[]) => Promise<CommandResult>
  /** Returns undefined for a file that cannot be read. */
  readonly read: (path: string) => Promise<string | undefined>
  readonly interfaces: () => InterfaceAddresses
  readonly hasAddress: (address: string) => boolean
  /** @throws {NodeJS.ErrnoException} */
  readonly freeBytes: (directory: string) => Promise<number>
  /** Returns why the directory cannot be written: the rest of a sentence. */
  readonly writeProblem: (directory: string) => Promise<string | undefined>
  /** Returns why the resolver does not answer. */
  readonly resolverProblem: (address: string, port: number) => Promise<string | undefined>
  readonly httpStatus: (url: string) => Promise<{ readonly status?: number; readonly problem?: string }>
  /** Asks a registry over TLS. */
  readonly registry: (url: string, access: RegistryAccess) => Promise<RegistryAnswer>
  /** Returns why a TCP connection fails: the rest of a sentence. */
  readonly connectProblem: (address: string, port: number) => Promise<string | undefined>
  /** Returns the body of a response; undefined without one. */
  readonly httpText: (url: string) => Promise<string | undefined>
  readonly offers: (options: DiscoverOptions) => Promise<Offers>
  /** Solicits the routers of a link. */
  readonly routers: (interfaceName: string) => Promise<Routers>
  /** Returns the MAC address of each IPv4 address that a machine on a network of this one uses. */
  readonly neighbors: (addresses: readonly string[]) => Promise<ReadonlyMap<string, string>>
  /** Returns undefined for a directory that does not exist. */
  readonly verifyImage: (directory: string) => Promise<Integrity | undefined>
  /** Compares the answers of name servers with the site. */
  readonly compareNames: (model: Model, plan: Plan, servers: readonly CheckedServer[]) => Promise<DriftReport>
  /** Reads the machines of nodes through their BMCs. Certificates that it sees first are not kept. */
  readonly bmcInventories: (plans: BmcPlans, state: string) => Promise<BmcInventories>
  readonly resolvConf: () => Promise<string>
  readonly validateHaproxy: (text: string, plan: HaproxyPlan) => Promise<ConfigCheck>
}

const commandTimeoutMs = 10_000
const queryTimeoutMs = 2000
const webTimeoutMs = 8000
/** A ruleset of a machine with many containers. */
const maxOutputBytes = 8 * 1024 * 1024

export const systemProbes: Probes = {
  bind: bindPort,
  holder: findHolder,
  run: (program, args) => runCommand(program, args, commandTimeoutMs, { maxOutputBytes }),
  read: (path) => readFile(path, 'utf8').catch(() => undefined),
  interfaces: networkInterfaces,
  hasAddress,
  freeBytes: freeOctets,
  writeProblem,
  resolverProblem,
  httpText: (url) =>
    fetch(url, { signal: AbortSignal.timeout(webTimeoutMs) }).then(
      (response) => response.text(),
      () => undefined,
    ),
  httpStatus,
  registry: askRegistry,
  connectProblem,
  offers: (options) => discover(options, { sockets: createSockets({}), clock: systemClock }),
  routers: async (name) => solicitRouters(name, { libc: await loadLibc(), clock: systemClock }),
  neighbors: askNeighbors,
  async verifyImage(directory) {
    const stored = await readStored(dirname(directory), basename(directory))
    return stored && verifyImage(stored, () => undefined, await readPublicKeys([]))
  },
  compareNames(model, { dns }, servers) {
    const ask = createAskServer({ sockets: createSockets({}), clock: systemClock })
    return checkDrift({ model, plan: dns, servers, ask })
  },
  bmcInventories,
  resolvConf: readResolvConf,
  validateHaproxy: validateConfig,
}

/** Each is one machine with its own controller; this many at once do not fill the network of the controllers. */
const bmcsAtOnce = 16

async function bmcInventories(plans: BmcPlans, state: string): Promise<BmcInventories> {
  const log = createLog('error', { write: () => undefined })
  const power = createPower({
    plans: () => plans,
    directory: state,
    isReading: true,
    clock: systemClock,
    log,
  })
  const inventories = new Map<string, Inventory | PowerRefusal>()
  const waiting = [...plans.keys()]
  async function read(): Promise<void> {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      inventories.set(node, await power.inventory(node))
    }
  }
  await Promise.all(Array.from({ length: bmcsAtOnce }, read))
  return inventories
}

async function bindPort({ transport, address, port }: WantedPort): Promise<string | undefined> {
  const socket =
    transport === 'udp'
      ? createSocket('udp4').bind({ port, address, exclusive: true })
      : createServer().listen({ port, host: address, exclusive: true })
  try {
    await once(socket, 'listening')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    // A datagram socket stays open when it cannot be bound.
    socket.close()
  }
}

/** A directory that does not exist yet is created in the first one above it that exists. */
async function writeProblem(directory: string): Promise<string | undefined> {
  try {
    const found = await stat(directory)
    if (!found.isDirectory()) return 'is not a directory'
    await access(directory, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(directory) !== directory) return writeProblem(dirname(directory))
    if (code === 'EROFS') return 'is on a read-only file system'
    if (code === 'EACCES') return `cannot be written by the user ${userName()}`
    return reasonOf(error).replace('read', 'written')
  }
}

async function resolverProblem(address: string, port: number): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries: 2 })
  resolver.setServers([`${address}:${port}`])
  try {
    await resolver.resolveNs('.')
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Any answer shows that it is reachable.
    if (code === 'ENODATA' || code === 'ENOTFOUND') return undefined
    if (code === 'EREFUSED') return 'refuses queries of this machine'
    return code === 'ESERVFAIL' ? 'answers with SERVFAIL' : `no answer (${code})`
  }
}

async function httpStatus(url: string): Promise<{ readonly status?: number; readonly problem?: string }> {
  let timer: NodeJS.Timeout | undefined
  try {
    const web = createWeb(process.env, systemClock)
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no response within ${webTimeoutMs / 1000} s`)),
          webTimeoutMs,
        )
      })
      const response = await Promise.race([web.open(url, { method: 'GET' }), late])
      response.destroy()
      return { status: response.statusCode as number }
    } finally {
      web.close()
    }
  } catch (error) {
    return { problem: (error as Error).message }
  } finally {
    clearTimeout(timer)
  }
}
