import t from 'tap'
import type { WantedPort } from '../../src/preflight/wanted-ports.ts'
import { portsCheck } from '../../src/preflight/ports.ts'
import { runCheck } from '../support/probes.ts'

const isDnsOverUdp = ({ service, transport }: WantedPort) => service === 'dns' && transport === 'udp'
const bind = (code: string) => (port: WantedPort) => Promise.resolve(isDnsOverUdp(port) ? code : undefined)

t.test('the ports of all services are bound, also that of ProxyDHCP', async (t) => {
  const asked: string[] = []
  await runCheck(
    portsCheck,
    {
      bind({ transport, address, port }) {
        asked.push(`${transport} ${address}:${port}`)
        return Promise.resolve(undefined)
      },
    },
    {},
    (site) => {
      Object.assign(site.subnets[0] as object, { dhcp: 'proxy' })
      Object.assign(site, { syslog: {} })
      site.server['tls'] = { ca: 'generated' }
    },
  )
  t.same(asked, [
    'udp 0.0.0.0:67',
    'udp 0.0.0.0:4011',
    'udp 192.0.2.2:69',
    'tcp 192.0.2.2:80',
    'tcp 192.0.2.2:8444',
    'udp 192.0.2.2:53',
    'tcp 192.0.2.2:53',
    'udp 192.0.2.2:514',
    'tcp 192.0.2.2:514',
  ])
})

t.test('a port in use is a failure that names the process', async (t) => {
  const holder = () => Promise.resolve('dnsmasq (PID 812)')
  t.match(await runCheck(portsCheck, { bind: bind('EADDRINUSE'), holder }), [
    { status: 'failure', code: 'preflight.port-in-use', text: 'dnsmasq (PID 812) uses udp port 53 (dns)' },
  ])
  t.match(await runCheck(portsCheck, { bind: bind('EADDRINUSE') }), [
    { status: 'failure', text: 'another process uses udp port 53 (dns)' },
  ])
})

t.test('a socket unit can be that of slipway', async (t) => {
  const holder = () => Promise.resolve('systemd')
  t.match(await runCheck(portsCheck, { bind: bind('EADDRINUSE'), holder }), [
    { status: 'warning', code: 'preflight.port-in-use', remedy: /systemctl list-sockets/ },
  ])
})

t.test('a port that could not be bound for another reason counts as not checked', async (t) => {
  t.match(await runCheck(portsCheck, { bind: bind('EACCES') }), [
    { status: 'warning', code: 'preflight.not-checked', remedy: /root/ },
  ])
  t.match(await runCheck(portsCheck, { bind: bind('EMFILE') }), [{ status: 'warning', text: /EMFILE/ }])
  t.match(await runCheck(portsCheck, { bind: bind('EADDRNOTAVAIL') }), [{ status: 'ok' }])
})

t.test('a running slipway has its ports', async (t) => {
  const results = await runCheck(portsCheck, { bind: bind('EADDRINUSE') }, { isServing: true })
  t.match(results, [{ status: 'ok', text: /^slipway listens on udp port 67/ }])
})
