/** What differs between the load balancers of two sites, and between their settings for this machine. Pure. */
import { formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import type { Hook, Site } from '../../site/schema.ts'
import { httpsPort } from '../../site/declared.ts'
import { timeoutNames } from '../../site/haproxy-words.ts'
import {
  formatEndpoint,
  type Backend,
  type Frontend,
  type HaproxyPlan,
  type Timeouts,
} from '../haproxy/plan.ts'
import {
  compareSingle,
  compareThings,
  field,
  flag,
  hiddenField,
  listField,
  thingsOf,
  withoutSecret,
  type Change,
  type CompiledSite,
  type Field,
  type Things,
} from './change.ts'

export function* compareBalancer(before: CompiledSite, after: CompiledSite): Generator<void, Change[]> {
  const [old, next] = [before.plan.haproxy, after.plan.haproxy]
  const frontends = (plan: HaproxyPlan | undefined) =>
    thingsOf(plan?.frontends ?? [], ({ name }) => name, frontendFields)
  const backends = (plan: HaproxyPlan | undefined) =>
    thingsOf(plan?.backends ?? [], ({ name }) => name, backendFields)
  const binds = new Map(old?.frontends.map((frontend) => [frontend.name, frontend.binds]))
  return [
    ...(yield* compareSingle('haproxy', old && haproxyFields(old), next && haproxyFields(next))),
    ...(yield* compareThings('frontend', frontends(old), frontends(next), (name, action) => {
      if (action !== 'remove') return []
      const text = `HAProxy no longer listens on ${(binds.get(name) as readonly string[]).join(', ')}`
      return [{ code: 'plan.frontend-closed', text }]
    })),
    ...(yield* compareThings('backend', backends(old), backends(next))),
  ]
}

function haproxyFields(plan: HaproxyPlan): Field[] {
  const { file, with: beside, socket, reload, healthPort, log, stats, timeouts } = plan
  return [
    field('file', file),
    listField('with', beside),
    field('socket', socket),
    field('master socket', reload?.kind === 'master' ? reload.socket : undefined),
    hiddenField('reload command', reload?.kind === 'command' ? reload.command : undefined),
    field('health port', healthPort),
    ...timeoutFields(timeouts),
    listField('log', log ?? []),
    listField('statistics page', stats?.binds ?? []),
    field('path of the statistics page', stats?.uri),
    field('refresh of the statistics page', stats?.refreshSeconds),
    hiddenField('users of the statistics page', stats && JSON.stringify(stats.users)),
  ]
}

function timeoutFields(timeouts: Timeouts = {}): Field[] {
  return timeoutNames.map((name) => field(`timeout ${name}`, timeouts[name]))
}

function frontendFields({ binds, routes, timeouts }: Frontend): Field[] {
  return [
    listField('listens on', binds),
    ...routes.map(({ backend, names }) => listField(`names for ${backend}`, names)),
    ...timeoutFields(timeouts),
  ]
}

function backendFields({ checks, servers, timeouts }: Backend): Field[] {
  return [
    field('health checks', checks),
    ...timeoutFields(timeouts),
    ...servers.map(({ name, endpoint, isBackup, isOut }) =>
      field(
        `server ${name}`,
        [endpoint, ...(isBackup ? ['backup'] : []), ...(isOut ? ['drained'] : [])].join(' '),
      ),
    ),
  ]
}

/** What this machine itself is in the site: addresses and ports, and the files that it serves by TFTP. */
export function* compareServer(before: Site, after: Site): Generator<void, Change[]> {
  return [
    ...(yield* compareSingle('server', serverFields(before), serverFields(after))),
    ...(yield* compareSingle('tftp', tftpFields(before), tftpFields(after))),
    ...(yield* compareSingle('keepalived', keepalivedFields(before), keepalivedFields(after))),
    ...(yield* compareSingle('store', storeFields(before), storeFields(after))),
    ...(yield* compareSingle('api', apiFields(before), apiFields(after))),
    ...(yield* compareSingle('syslog', syslogFields(before), syslogFields(after))),
    ...(yield* compareSingle('inventory', inventoryFields(before), inventoryFields(after))),
    ...(yield* compareThings('hook', hooksOf(before), hooksOf(after))),
  ]
}

function hooksOf({ hooks }: Site): Things {
  return new Map(Object.entries(hooks).map(([name, hook]) => [name, () => hookFields(hook)]))
}

/** The path of a URL and the arguments of a command can be secrets. */
function hookFields({ events, webhook, command, timeoutSeconds }: Hook): Field[] {
  const [program, ...args] = command ?? []
  return [
    listField('events', events),
    field('host', webhook && new URL(webhook.url).host),
    hiddenField('URL', webhook?.url),
    field('secret file', webhook?.secretFile),
    field('ca', webhook?.ca),
    field('program', program),
    hiddenField('arguments', command && JSON.stringify(args)),
    field('time-out', `${timeoutSeconds} s`),
  ]
}

function serverFields({ site, server, dns }: Site): Field[] {
  const { interface: name, address, address6, peers, installer, ports, tls } = server
  const tcp = (port: number) => formatEndpoint(address, port)
  return [
    field('site', site),
    field('interface', name),
    field('DHCP', tcp(ports.dhcp)),
    field('DHCP client port', ports.dhcpClient === 68 ? undefined : ports.dhcpClient),
    field('TFTP', tcp(ports.tftp)),
    field(
      'HTTP',
      [tcp(ports.http), ...(address6 === undefined ? [] : [formatEndpoint(address6, ports.http)])].join(', '),
    ),
    field('HTTPS', tls && tcp(httpsPort(server))),
    field('certificate', tls && (tls.certificate ?? 'generated')),
    field('certificate key', tls?.key),
    field('CA', tls?.ca),
    field('DNS', dns.serve ? tcp(ports.dns) : undefined),
    listField('peers', peers.map(formatIp)),
    field('installer', installer && formatIpv4(installer)),
  ]
}

function tftpFields({ tftp: { root, ports, singlePort } }: Site): Field[] {
  return [
    field('root', root),
    field('ports', ports && `${ports.from}-${ports.to}`),
    flag('single port', singlePort),
  ]
}

function keepalivedFields({ keepalived }: Site): Field[] | undefined {
  if (keepalived === undefined) return undefined
  const { interface: name, routerId, healthPort } = keepalived
  return [field('interface', name), field('router ID', routerId), field('health port', healthPort)]
}

function storeFields({ store }: Site): Field[] | undefined {
  if (store === undefined) return undefined
  const { endpoints, ca, cert, key, prefix } = store.etcd
  return [
    listField('endpoints', endpoints),
    field('ca', ca),
    field('cert', cert),
    field('key', key),
    field('prefix', prefix),
  ]
}

function syslogFields({ syslog }: Site): Field[] | undefined {
  return syslog && [field('port', syslog.port), flag('journal of live systems', syslog.live)]
}

function inventoryFields({ inventory }: Site): Field[] | undefined {
  if (inventory === undefined) return undefined
  const { addresses, kernel, initrd, kernelArguments, leaseSeconds } = inventory
  return [
    field('addresses', `${formatIpv4(addresses.from)} to ${formatIpv4(addresses.to)}`),
    field('kernel', kernel),
    field('initrd', initrd),
    listField('kernel arguments', kernelArguments.map(withoutSecret)),
    field('lease time', `${leaseSeconds} s`),
  ]
}

function apiFields({ api }: Site): Field[] | undefined {
  if (api === undefined) return undefined
  const { address, port, names, certificate, key, clientCA, clients, proxy } = api
  const usersOf = (users: typeof clients) => users.map(({ name, scope }) => `${name} (${scope})`)
  return [
    field('listens on', `${formatIp(address)} port ${port}`),
    listField('names', names),
    field('certificate', certificate),
    field('key', key),
    field('client CA', clientCA),
    listField('clients', usersOf(clients)),
    listField('proxy', proxy?.from.map(formatIp) ?? []),
    field('proxy socket', proxy?.socket),
    field('proxy header', proxy?.header),
    listField('proxy users', usersOf(proxy?.users ?? [])),
  ]
}
