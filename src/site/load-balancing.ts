/**
 * The section `haproxy` of the site file, and `loadBalancer` of a cluster. Bind lines, time-outs, and log targets are
 * written as in haproxy.cfg.
 */
import { z } from 'zod'
import { ipv4Pattern, ipv6Pattern } from '../proto/address/ip.ts'
import { logPattern, parseBind, statsUriPattern, timeMs, timePattern, type Bind } from './haproxy-words.ts'
import { command, ips, matching, oneOrMore, path, scalar, wholeNumber } from './scalars.ts'

const bind = scalar<Bind>({
  expected:
    'an address and a port (80, 443, or 1024 to 65535) as in a bind line of HAProxy, such as *:6443, 172.16.0.111:6443, or "[::]:6443 v4v6"; options: transparent, v4v6, v6only, accept-proxy, defer-accept, tfo, interface, mss, maxconn',
  parse: parseBind,
  examples: ['*:6443', '172.16.0.111:6443', '[::]:6443 v4v6'],
  pattern: String.raw`^(?:\*|${ipv4Pattern}|\[${ipv6Pattern}\])?:\d{2,5}(?: .*)?$`,
})

export const binds = oneOrMore(bind, 1, 'an address and a port').transform((list): readonly Bind[] => list)

/** HAProxy's longest time is 24 days. */
const maxTimeMs = 24 * 86_400_000
function parseTime(text: string): string | undefined {
  if (!new RegExp(`^${timePattern}$`).test(text)) return undefined
  const ms = timeMs(text)
  return ms >= 100 && ms <= maxTimeMs ? text : undefined
}

const time = scalar<string>({
  expected: 'a time with its unit from 100ms to 24d, such as 500ms, 30s, 5m, or 4h',
  parse: parseTime,
  examples: ['30s', '5m', '4h'],
  pattern: `^${timePattern}$`,
})

export const timeouts = z.strictObject({
  client: time.optional().meta({ description: 'maximum idle time of a client; by default 1m' }),
  connect: time.optional().meta({ description: 'maximum time to connect to a server; by default 10s' }),
  queue: time.optional().meta({ description: 'maximum time to wait for a free server; by default 1m' }),
  server: time.optional().meta({ description: 'maximum idle time of a server; by default 1m' }),
  tunnel: time
    .optional()
    .meta({ description: 'maximum idle time of established connections, such as oc logs -f; by default 4h' }),
  check: time.optional().meta({ description: 'maximum time of a health check; by default 5s or 10s' }),
})

const logTarget = scalar<string>({
  expected:
    'a log target as in haproxy.cfg: a syslog server by address, /dev/log, or stdout, then the facility, such as "127.0.0.1:514 local0", "/dev/log local0 notice", or "stdout format raw daemon"',
  parse(text) {
    const words = text.trim().replaceAll(/\s+/g, ' ')
    return new RegExp(`^${logPattern}$`).test(words) ? words : undefined
  },
  examples: ['127.0.0.1:514 local0', '/dev/log local0', 'stdout format raw daemon'],
  pattern: String.raw`^\S+ .*\S$`,
})

const stats = z
  .strictObject({
    bind: binds.meta({
      description: 'addresses and ports of the page',
      examples: ['*:9000', '127.0.0.1:9000'],
    }),
    uri: matching(
      'a path of letters, digits, and the characters / . _ ~ ? = & ; -, such as /stats',
      new RegExp(`^${statsUriPattern}$`),
      ['/stats'],
    )
      .prefault('/stats')
      .meta({ description: 'path of the page' }),
    refreshSeconds: wholeNumber(1, 3600, ' of seconds')
      .optional()
      .meta({ description: 'interval at which browsers reload the page; by default never' }),
    users: path.optional().meta({
      description:
        'file with a line <user>:<hash> for each user of the page (openssl passwd -6); by default, every client can read the page',
      examples: ['/etc/slipway/stats-users'],
    }),
  })
  .meta({ description: 'statistics page of HAProxy; it is read-only' })

export const haproxySection = z
  .strictObject({
    file: path.meta({
      description: 'file that slipway writes the configuration to',
      examples: ['/etc/haproxy/haproxy.cfg'],
    }),
    with: oneOrMore(path)
      .default([])
      .meta({
        description:
          'all files and directories that HAProxy is started with (-f), in order, if file is only one of them',
        examples: [['/etc/haproxy/haproxy.cfg', '/etc/haproxy/conf.d']],
      }),
    reload: command.optional().meta({ description: 'command that reloads HAProxy after the file changed' }),
    masterSocket: path.optional().meta({
      description: "socket of HAProxy's master process (-S), used for reloads instead of a command",
      examples: ['/run/haproxy-master.sock'],
    }),
    socket: path.default('/run/haproxy/admin.sock').meta({
      description: "HAProxy's stats socket, used to read server states and to drain servers without a reload",
    }),
    timeouts: timeouts
      .optional()
      .meta({ description: 'time-outs of all clusters; those of a cluster override them' }),
    log: oneOrMore(logTarget, 1, 'a log target').optional().meta({
      description:
        'log targets of HAProxy; by default stdout format raw daemon, or with haproxy.with those of your own global section',
    }),
    stats: stats.optional(),
  })
  .meta({ description: 'HAProxy on this machine; omit the section if there is another load balancer' })

/** How HAProxy checks the health of the nodes (docs/decisions/0023). */
const checkPresets = ['user-managed', 'documented', 'tuned'] as const
export type CheckPreset = (typeof checkPresets)[number]

/** What another machine can balance instead of HAProxy on this one. */
const externalServices = ['api', 'ingress'] as const

export const loadBalancer = z
  .strictObject({
    api: ips.meta({ description: 'addresses of api.<cluster>.<domain>', examples: ['172.16.0.111'] }),
    apiInternal: ips
      .optional()
      .meta({ description: 'addresses of api-int; by default those of api', examples: ['172.16.0.110'] }),
    ingress: ips.meta({ description: 'addresses of *.apps', examples: ['172.16.0.111'] }),
    external: oneOrMore(z.enum(externalServices)).default([]).meta({
      description:
        'parts that another machine balances: api for api and api-int, ingress for *.apps; HAProxy on this machine does not listen for them',
    }),
    checks: z.enum(checkPresets).default('user-managed').meta({
      description:
        'health checks of HAProxy: those that OpenShift describes for user-managed load balancers (user-managed), those of the sample in the installation guide (documented), or faster ones (tuned)',
    }),
    bind: z
      .strictObject({
        kubeapi: binds.optional().meta({ description: 'instead of port 6443 of api and apiInternal' }),
        machineconfig: binds.optional().meta({ description: 'instead of port 22623 of apiInternal' }),
        workerhttp: binds.optional().meta({ description: 'instead of port 80 of ingress' }),
        workerhttps: binds.optional().meta({ description: 'instead of port 443 of ingress' }),
      })
      .optional()
      .meta({
        description:
          'where HAProxy listens, for each frontend, if not on the addresses above, for example behind NAT or on every address',
      }),
    timeouts: timeouts
      .optional()
      .meta({ description: 'time-outs of this cluster instead of those in haproxy' }),
  })
  .meta({
    description: 'addresses of api, api-int, and *.apps; by default those of the node with the role single',
  })
