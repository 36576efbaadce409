import t from 'tap'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { compileClusters } from '../../support/haproxy-plan.ts'

const masters = ['m1 master 172.16.0.21']
const addresses = { api: '172.16.0.111', apiInternal: '172.16.0.110', ingress: '172.16.0.111' }
const conflicts = (bind: object, changes: object = {}) =>
  compileClusters([{ loadBalancer: { ...addresses, bind }, nodes: masters }], changes)
    .findings.filter(({ code }) => code === 'haproxy.port-conflict')
    .map(({ about, severity, message }) => `${severity} ${about}: ${message}`)
const haproxy = (bind: string) => ({ haproxy: { file: '/f', stats: { bind } } })

t.test('every address includes that of this server', (t) => {
  t.same(conflicts({ workerhttp: '*:80' }), [
    "error haproxy, ocp45: workerhttp needs *:80, which is this server's HTTP: set server.ports.http to another port, or give the load balancer a dedicated address",
  ])
  const ports = { server: { address: '172.16.0.101', ports: { http: 8080 } } }
  t.same(conflicts({ workerhttp: '*:80' }, ports), [])
  t.match(conflicts({}, { ...ports, ...haproxy('*:8080') }), [
    /^error haproxy: stats needs \*:8080, which is this server's HTTP/,
  ])
  t.end()
})

t.test('two frontends cannot have one port of an address', (t) => {
  t.same(conflicts({ machineconfig: '172.16.0.111:6443' }), [
    'error haproxy, ocp45: machineconfig needs 172.16.0.111:6443, which is kubeapi: give one of them another port',
  ])
  t.match(conflicts({ workerhttps: '*:8443', kubeapi: '172.16.0.111:8443' }), [
    /workerhttps needs \*:8443, which is kubeapi/,
  ])
  t.match(conflicts({}, haproxy('172.16.0.111:443')), [
    /stats needs 172\.16\.0\.111:443, which is workerhttps/,
  ])
  t.same(conflicts({}, haproxy('172.16.0.101:443')), [], 'on another address')
  t.end()
})

t.test("the port of keepalived's health check is taken on every address", (t) => {
  const shared = {
    server: { address: '172.16.0.101', interface: 'ens4', peers: ['172.16.0.102'] },
    keepalived: {},
  }
  t.match(conflicts({}, { ...shared, ...haproxy('*:9444') }), [
    /stats needs \*:9444, which is the health check of keepalived: set keepalived\.healthPort to another port/,
  ])
  t.same(conflicts({}, { ...shared, ...haproxy('172.16.0.101:9444') }), [])
  t.end()
})

t.test('a port without DNS is free', (t) => {
  const site = { dns: { serve: false }, server: { address: '172.16.0.101', ports: { dns: 5353 } } }
  t.same(conflicts({ kubeapi: '*:5353' }, site), [])
  t.match(conflicts({ kubeapi: '*:5353' }, { server: site.server }), [
    /which is this server's DNS: set server\.ports\.dns/,
  ])
  t.end()
})

t.test('clusters share an endpoint, and the frontend has the longest of their times', (t) => {
  const cluster = (name: string, timeouts: object | undefined) => ({
    name,
    loadBalancer: { ...addresses, bind: { kubeapi: ['*:6443', '*:6443'] }, ...(timeouts && { timeouts }) },
    nodes: [`m1 master 172.16.0.${name === 'east' ? 21 : 22}`],
  })
  const timesOf = (east?: object, west?: object) =>
    compileClusters([cluster('east', east), cluster('west', west)]).plan?.frontends.find(
      ({ name }) => name === 'east.west-kubeapi',
    )
  t.match(timesOf({ client: '2m' }, { client: '90s', server: '1h' }), {
    binds: ['*:6443'],
    timeouts: { client: '2m', server: '1h' },
  })
  t.same(timesOf({ client: '2m' })?.timeouts, { client: '2m' })
  t.equal(timesOf()?.timeouts, undefined)
  t.end()
})

t.test('with keepalived, only a bind line with an address can be bound before it arrives', (t) => {
  const shared = {
    server: { address: '172.16.0.101', interface: 'ens4', peers: ['172.16.0.102'] },
    keepalived: {},
  }
  const { plan } = compileClusters(
    [
      {
        loadBalancer: { ...addresses, bind: { kubeapi: ['*:6443', '172.16.0.111:7443 transparent'] } },
        nodes: masters,
      },
    ],
    shared,
  )
  const lines = renderHaproxy(plan!)
    .split('\n')
    .filter((line) => line.startsWith('  bind '))
  t.same(lines, [
    '  bind 127.0.0.1:9444',
    '  bind *:6443',
    '  bind 172.16.0.111:7443 transparent',
    '  bind 172.16.0.110:22623 transparent',
    '  bind 172.16.0.111:80 transparent',
    '  bind 172.16.0.111:443 transparent',
  ])
  t.end()
})
