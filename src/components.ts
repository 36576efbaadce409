/**
 * The components of the process in one shape. The app starts them in the order of this list, and then only loops over
 * them. To add a service, write its component and add it to the list.
 */
import { startHooks } from './app-hooks.ts'
import { clusterFamilies } from './cluster/report.ts'
import { createOwnAddresses } from './host/attached-networks.ts'
import { createReadNeighbor } from './host/neighbors.ts'
import type { Plan } from './plan/compile.ts'
import { formatIpv4 } from './proto/address/ip.ts'
import { createTftpFiles } from './install/boot/tftp-files.ts'
import { startControl } from './serve/control/service.ts'
import { startDhcp } from './serve/dhcp/service.ts'
import { startDhcpv6 } from './serve/dhcpv6/service.ts'
import { startDns } from './serve/dns/service.ts'
import { addressProblems, changeProblems, drainWarning, serverProblems } from './serve/haproxy/problems.ts'
import { haproxyFamilies } from './serve/haproxy/servers.ts'
import { startHttp } from './serve/http/service.ts'
import { startSyslog } from './serve/syslog/service.ts'
import { startTftp } from './serve/tftp/service.ts'
import type { ActiveProblem } from './text/codes.ts'
import type { Component, Running, Shared } from './component.ts'

/** How long a start and a reload wait for HAProxy. */
const haproxyStartMs = 2000
const haproxyReloadMs = 5000

type LaneService = Pick<Running, 'name' | 'listening' | 'close'> & {
  apply(): unknown
  readonly lane: { problems(): readonly ActiveProblem[] }
}

/** Returns what the components of all services with a lane have. */
function withLane(service: LaneService): Running {
  return {
    name: service.name,
    listening: service.listening,
    apply: () => service.apply(),
    problems: () => service.lane.problems(),
    close: (graceMs) => service.close(graceMs),
  }
}

export const components: readonly Component[] = [
  {
    name: 'haproxy',
    isWanted: () => true,
    start: ({ plan, balancer, drains, clock }) => {
      const isServed = () => plan().haproxy !== undefined
      const isPresent = createOwnAddresses(clock)
      let limitMs = haproxyStartMs
      /** If HAProxy hangs, neither READY nor the next reload is delayed: the change continues in the background. */
      const apply = async () => {
        const late = Promise.withResolvers<undefined>()
        const timer = clock.after(limitMs, () => late.resolve(undefined))
        limitMs = haproxyReloadMs
        await Promise.race([balancer.apply(plan().haproxy), late.promise])
        timer.cancel()
      }
      return Promise.resolve({
        name: 'haproxy',
        listening: [],
        apply,
        health: () => (isServed() ? { haproxy: balancer.state() } : {}),
        status: () => ({ drained: drains.list() }),
        warnings: () => drains.list().map(drainWarning),
        metrics: () => (isServed() ? haproxyFamilies(balancer.state()) : []),
        problems() {
          const { haproxy, endpoint } = plan()
          if (haproxy === undefined) return []
          const own = formatIpv4(endpoint.address)
          return [
            ...changeProblems(balancer.state()),
            ...addressProblems(haproxy, (address) => isPresent(address, own)),
          ]
        },
        outages: () => (isServed() ? serverProblems(balancer.state()) : []),
        close: () => balancer.close(),
      })
    },
  },
  {
    name: 'ignition',
    isWanted: () => true,
    start: ({ ignitionFiles }) =>
      Promise.resolve({
        name: 'ignition',
        listening: [],
        swap: ({ clusters }) => ignitionFiles.swap(clusters),
        close: () => ignitionFiles.close(),
      }),
  },
  {
    name: 'files',
    isWanted: () => true,
    start({ fileWatch, installs }) {
      // A node that cannot get a file shows that the last check is outdated.
      const unsubscribe = installs.subscribe((seen) => {
        if ('outcome' in seen && seen.outcome === 'missing') fileWatch.checkSoon()
      })
      return Promise.resolve({
        name: 'files',
        listening: [],
        // A file system that hangs must not delay READY.
        apply: () => void fileWatch.check(),
        problems: () => fileWatch.problems(),
        close() {
          unsubscribe()
          fileWatch.close()
        },
      })
    },
  },
  {
    name: 'dns',
    isWanted: ({ plan }) => plan().dns !== undefined,
    async start({ plan, log, ...shared }) {
      let zones = plan().dns as NonNullable<Plan['dns']>
      // A reload that removes the zones is rejected, so there are always some.
      const dns = await startDns({
        ...shared,
        plan: () => (zones = plan().dns ?? zones),
        log: log.for('dns'),
      })
      return {
        ...withLane(dns),
        warnings: () => dns.lane.warnings(),
        outages: () => dns.problems(),
        health: () => ({ resolvers: dns.resolvers(), dnsCache: dns.cache() }),
      }
    },
  },
  {
    name: 'tftp',
    isWanted: () => true,
    async start({ plan, log, installs, bootScripts, ...shared }) {
      const { observe } = installs
      const readNeighbor = createReadNeighbor(shared.clock)
      const tftp = await startTftp({
        ...shared,
        // What DHCP did before is recorded first.
        observe,
        nodeFiles: createTftpFiles({
          installs,
          observe,
          readNeighbor,
          plan: () => plan().http,
          fetchedScript: (url) => bootScripts.textOf(url),
        }),
        plan: () => plan().tftp,
        log: log.for('tftp'),
      })
      return {
        ...withLane(tftp),
        drain: () => tftp.drain(),
        warnings: () => tftp.lane.warnings(),
      }
    },
  },
  {
    name: 'http',
    isWanted: () => true,
    start: ({ plan, log, app: { health, metrics }, ...shared }) =>
      startHttp({
        ...shared,
        observe: shared.installs.observe,
        fetchedScript: (url) => shared.bootScripts.textOf(url),
        health,
        metrics,
        plan: () => plan().http,
        log: log.for('http'),
      }),
  },
  {
    // After DNS, TFTP, and HTTP: it sends clients to them.
    name: 'dhcp',
    isWanted: () => true,
    async start({ plan, log, installs, record, inventory, ...shared }) {
      const dhcp = await startDhcp({
        ...shared,
        bindings: inventory.bindings,
        reportOf: (mac) => inventory.reportOf(mac),
        observe: record,
        lastSeen: () => new Map(installs.list().map(({ node, lastSeen = 0 }) => [node, lastSeen])),
        plan: () => plan().dhcp,
        log: log.for('dhcp'),
      })
      return {
        ...withLane(dhcp),
        drain: () => dhcp.drain(),
        warnings: () => dhcp.warnings(),
        outages: () => dhcp.problems(),
        health: () => ({
          declined: dhcp.declined(),
          otherDhcpServers: dhcp.otherServers(),
          strangers: dhcp.unknownClients(),
        }),
        // /health, which any client can read, does not name the MAC addresses of nodes.
        status: () => ({ strangers: dhcp.comparedClients() }),
      }
    },
  },
  {
    name: 'dhcpv6',
    isWanted: ({ plan }) => plan().dhcpv6 !== undefined,
    async start({ plan, log, record, ...shared }) {
      // A reload that removes the networks is rejected, so there are always some.
      let settings = plan().dhcpv6 as NonNullable<Plan['dhcpv6']>
      const current = () => (settings = plan().dhcpv6 ?? settings)
      const dhcpv6 = await startDhcpv6({ ...shared, observe: record, plan: current, log: log.for('dhcpv6') })
      return {
        ...withLane(dhcpv6),
        drain: () => dhcpv6.drain(),
        warnings: () => dhcpv6.lane.warnings(),
        outages: () => dhcpv6.problems(),
        health: () => ({ dhcpv6Links: dhcpv6.links() }),
      }
    },
  },
  {
    name: 'syslog',
    isWanted: ({ plan }) => plan().syslog !== undefined,
    start({ plan, log, ...shared }) {
      // A reload that removes the section is rejected, so there is always one.
      let settings = plan().syslog as NonNullable<Plan['syslog']>
      return startSyslog({
        ...shared,
        plan: () => (settings = plan().syslog ?? settings),
        log: log.for('syslog'),
      })
    },
  },
  {
    name: 'clusters',
    isWanted: ({ follow }) => follow !== undefined,
    async start({ plan, follow, log, balancer, ...shared }) {
      // Its packages take 50 ms to load, so the services before it already answer.
      const { followClusters } = await import('./cluster/clusters.ts')
      const clusters = await followClusters({
        ...(follow as NonNullable<Shared['follow']>),
        ...shared,
        log: log.for('cluster'),
        nodes: () => plan().members,
        async drain(node) {
          const done = await balancer.drain(node)
          return done.outcome === 'kept' ? { code: done.code, reason: done.reason } : undefined
        },
        enable: (node) => balancer.enable(node),
      })
      return {
        name: 'clusters',
        listening: [],
        clusters,
        swap: (site) => clusters.swap(site),
        health: () => ({ bootstraps: clusters.bootstraps() }),
        status: () => ({ clusters: clusters.reports() }),
        metrics: () => clusterFamilies(clusters.reports()),
        close: () => clusters.close(),
      }
    },
  },
  {
    name: 'assisted',
    isWanted: () => true,
    start: ({ assisted }) =>
      Promise.resolve({
        name: 'assisted',
        listening: [],
        swap: ({ clusters }) => assisted.swap(clusters),
        outages: () => assisted.problems(),
        close: () => assisted.close(),
      }),
  },
  {
    // After all that it reports on.
    name: 'hooks',
    isWanted: () => true,
    start: ({ plan, log, app, ...shared }) =>
      Promise.resolve(startHooks({ ...shared, ...app, plan, clusters: app.clusters, log: log.for('hooks') })),
  },
  {
    // If the control socket is in use, another slipway runs here.
    name: 'control',
    isEssential: true,
    isWanted: ({ control }) => control !== undefined,
    start: ({ control, log, app, access, ...shared }) =>
      startControl({
        ...shared,
        ...app,
        tokens: access.tokens,
        clusters: app.clusters(),
        hooks: app.hooks(),
        path: control as string,
        log: log.for('control'),
      }),
  },
  {
    name: 'api',
    isWanted: ({ plan }) => plan().api !== undefined,
    async start({ plan, log, app, access, ...shared }) {
      // Loaded only here, because its packages take time to load. The services above already answer.
      const { startNetwork } = await import('./serve/control/network.ts')
      const { createPage } = await import('./serve/page/routes.ts')
      let settings = plan().api as NonNullable<Plan['api']>
      const api = await startNetwork({
        ...shared,
        ...app,
        ...access,
        directory: shared.stateDirectory,
        clusters: app.clusters(),
        hooks: app.hooks(),
        page: createPage({ ...shared, ...app, plan, log: log.for('api') }),
        // A reload that removes the section is rejected, so there is always one.
        plan: () => (settings = plan().api ?? settings),
        log: log.for('api'),
      })
      return { ...api, status: () => ({ api: api.state() }) }
    },
  },
]
