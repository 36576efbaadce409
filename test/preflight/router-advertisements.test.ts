import t from 'tap'
import { routerAdvertisementsCheck } from '../../src/preflight/router-advertisements.ts'
import type { Routers } from '../../src/preflight/solicit-routers.ts'
import type { RouterAdvertisement } from '../../src/proto/icmpv6/router-discovery.ts'
import type { Ipv6 } from '../../src/proto/address/ip.ts'
import { ipv6Model, ipv6Site } from '../support/ipv6-site.ts'
import { runCheck } from '../support/probes.ts'

const own = (address: string) => ({ address, netmask: '', cidr: null, internal: false })
const interfaces = () => ({
  lo: [{ ...own('fd00:16::1'), internal: true }],
  none: undefined,
  ens4: [own('192.0.2.2'), own('fd00:16::101'), own('fe80::101')],
})

/** @param declared the section `routerAdvertisements` of the network */
function check(routers: Routers, declared?: object) {
  const site = ipv6Site()
  if (declared !== undefined) Object.assign(site.subnets6[0]!, { routerAdvertisements: declared })
  const probes = { interfaces, routers: () => Promise.resolve(routers) }
  return runCheck(routerAdvertisementsCheck, probes, { model: ipv6Model(site) })
}

const managed: RouterAdvertisement = { isManaged: true, prefixes: [] }
const routers = (...all: readonly [string, RouterAdvertisement][]): Routers => ({ routers: new Map(all) })
const prefix = (network: string, isAutonomous: boolean): RouterAdvertisement => ({
  isManaged: true,
  prefixes: [{ network: network as Ipv6, prefix: 64, isAutonomous }],
})

t.test('a router with the M flag is enough', async (t) => {
  t.same(await check(routers(['fe80::1', managed])), [
    { check: 'routers', status: 'ok', text: '1 router on fd00:16::/64 (ens4), with the M flag: fe80::1' },
  ])
  t.match(await check(routers(['fe80::101', managed]), {}), [{ status: 'ok' }], 'radvd on this machine')
})

t.test('without an advertisement, iPXE requests no address', async (t) => {
  t.match(await check(routers()), [
    { status: 'warning', code: 'preflight.no-router-advertisement', remedy: /^Set the M flag on the router/ },
  ])
  t.match(await check(routers(), {}), [{ remedy: 'Start radvd with the output of slipway render radvd' }])
  t.match(await check(routers(['fe80::1', { ...managed, isManaged: false }])), [
    { status: 'warning', code: 'preflight.router-advertisement-unmanaged' },
  ])
})

t.test('another router, or a prefix that is not of the site, is foreign', async (t) => {
  const foreign = { status: 'warning', code: 'preflight.foreign-router-advertisement' }
  t.match(await check(routers(['fe80::101', managed], ['fe80::66', managed]), {}), [
    {
      ...foreign,
      text: /^fe80::66 sends router advertisements on fd00:16::\/64 \(ens4\), beside those/,
      remedy:
        'Stop them on that machine: "ip neigh show fe80::66" prints its MAC address. If it is your router, remove routerAdvertisements',
    },
  ])
  t.match(await check(routers(['fe80::66', prefix('2001:db8::', true)])), [
    {
      ...foreign,
      text: /^fe80::66 advertises 2001:db8::\/64 on /,
      remedy: /If it is your router, add 2001:db8::\/64 to subnets6$/,
    },
  ])
  t.match(await check(routers(['fe80::66', prefix('2001:db8::', false)])), [{ status: 'ok' }])
  t.match(await check(routers(['fe80::66', prefix('fd00:17::', true)])), [{ status: 'ok' }])
})

t.test('what cannot be checked', async (t) => {
  t.match(await check({ problem: 'it needs root' }), [
    {
      code: 'preflight.not-checked',
      text: 'routers of fd00:16::/64 (ens4) were not solicited: it needs root',
    },
  ])
  const far = { model: ipv6Model() }
  t.match(await runCheck(routerAdvertisementsCheck, {}, far), [
    { status: 'ok', text: 'no IPv6 network of the site is attached to this machine' },
  ])
  t.same(await runCheck(routerAdvertisementsCheck), [], 'a site without IPv6 networks')
})
