import t from 'tap'
import { compileClusters as compile, type ClusterText } from '../../support/haproxy-plan.ts'

const masters = ['m1 master 172.16.0.21', 'm2 master 172.16.0.22', 'm3 master 172.16.0.23']
const workers = ['w1 worker 172.16.0.31', 'w2 worker 172.16.0.32', 'w3 worker 172.16.0.33']
const infra = ['i1 infra 172.16.0.41', 'i2 infra 172.16.0.42', 'i3 infra 172.16.0.43']

const guide = ['bs bootstrap 172.16.0.11', ...masters, ...workers]

t.test('the plan has the settings for writing and reloading the file', (t) => {
  const { plan } = compile([{ nodes: guide }])
  t.match(plan, {
    site: 'ocp45-lab',
    file: '/etc/haproxy/haproxy.cfg',
    with: [],
    reload: { kind: 'command', command: 'systemctl reload haproxy' },
    socket: '/run/haproxy/admin.sock',
  })
  const haproxy = { file: '/f', masterSocket: '/run/haproxy-master.sock', socket: '/s' }
  t.same(compile([{ nodes: guide }], { haproxy }).plan?.reload, {
    kind: 'master',
    socket: '/run/haproxy-master.sock',
  })
  t.equal(compile([{ nodes: guide }], { haproxy: { file: '/f' } }).plan?.reload, undefined)
  t.end()
})

t.test('a site without the section has no plan', (t) => {
  t.same(compile([{ nodes: masters }], { haproxy: undefined }), { plan: undefined, findings: [] })
  t.end()
})

t.test('a single node that has the addresses of api and *.apps itself needs no load balancer', (t) => {
  const loadBalancer = { api: '172.16.0.21', ingress: '172.16.0.21' }
  t.same(compile([{ loadBalancer, nodes: ['n1 master 172.16.0.21'] }]), {
    plan: undefined,
    findings: [
      {
        code: 'haproxy.nothing-to-balance',
        severity: 'warning',
        about: 'haproxy',
        message: 'no cluster has an address to balance, so no file is written; remove the section',
      },
    ],
  })
  t.end()
})

const findings = [
  {
    name: 'a cluster with only workers has no frontends for its api',
    clusters: [{ nodes: workers }],
    findings: [
      {
        code: 'haproxy.no-control-plane',
        severity: 'warning',
        about: 'haproxy, ocp45',
        message: 'has neither a bootstrap nor a master node, so there are no frontends on 6443 and 22623',
      },
    ],
  },
  {
    name: 'an ingress at the HTTP port of this server',
    clusters: [{ loadBalancer: { api: '172.16.0.111', ingress: '172.16.0.101' }, nodes: masters }],
    findings: [
      {
        code: 'haproxy.port-conflict',
        severity: 'error',
        about: 'haproxy, ocp45',
        message:
          "workerhttp needs 172.16.0.101:80, which is this server's HTTP: set server.ports.http to another port, or give the load balancer a dedicated address",
      },
    ],
  },
  {
    name: 'a backend whose nodes are all drained',
    clusters: [{ nodes: [...masters, 'w1 (worker) 172.16.0.31'] }],
    findings: ['workerhttp', 'workerhttps'].map((name) => ({
      code: 'haproxy.backend-drained',
      severity: 'warning',
      about: `haproxy, ${name}`,
      message: 'all of its nodes have balance: false, so it refuses every client',
    })),
  },
]

t.test(
  'an address outside of all subnets causes a warning, because it can belong to another machine',
  (t) => {
    const foreign = {
      api: '192.0.2.40',
      apiInternal: '172.16.0.110',
      ingress: ['192.0.2.40', '2001:db8::40'],
    }
    const given = [{ loadBalancer: foreign, nodes: guide }]
    t.same(compile(given).findings, [
      {
        code: 'haproxy.address-elsewhere',
        severity: 'warning',
        about: 'haproxy, ocp45',
        message:
          '192.0.2.40 is not in a subnet of the site, and HAProxy does not start without it: add the address to an interface of this machine, or set loadBalancer.external if another machine has it',
      },
    ])
    t.same(compile(given, { server: { address: '192.0.2.40', ports: { http: 8080 } } }).findings, [])
    const shared = { server: { address: '172.16.0.101', peers: ['172.16.0.102'] }, keepalived: {} }
    t.same(compile(given, shared).findings, [], 'shared by VRRP')
    t.end()
  },
)

t.test('HAProxy does not listen for the parts of a cluster that another machine balances', (t) => {
  const foreign = { api: '192.0.2.40', ingress: ['192.0.2.41', '2001:db8::41'] }
  const frontends = (external: readonly string[], others: readonly ClusterText[] = []) => {
    const { plan, findings } = compile([{ loadBalancer: { ...foreign, external }, nodes: guide }, ...others])
    return [plan?.frontends.map(({ name }) => name), findings.map(({ code }) => code)]
  }
  t.same(frontends(['api']), [['workerhttp', 'workerhttps'], ['haproxy.address-elsewhere']])
  t.same(frontends(['ingress']), [['kubeapi', 'machineconfig'], ['haproxy.address-elsewhere']])
  t.same(frontends(['api', 'ingress']), [undefined, ['haproxy.nothing-to-balance']])
  t.same(frontends(['api', 'ingress'], [{ name: 'west', nodes: ['m9 master 172.16.0.51'] }]), [
    ['west-kubeapi', 'west-machineconfig', 'west-workerhttp', 'west-workerhttps'],
    [],
  ])
  t.end()
})

t.test('the nodes that the site declares as routers get the traffic of *.apps', (t) => {
  const routers = (more: Record<string, object>) =>
    compile([{ nodes: [...masters, ...workers, ...infra], more }])
      .plan?.backends.find(({ name }) => name === 'workerhttps')
      ?.servers.map(({ name, isBackup }) => (isBackup ? `(${name})` : name))
  t.same(routers({}), ['i1', 'i2', 'i3', '(w1)', '(w2)', '(w3)'])
  t.same(routers({ m1: { ingress: true }, w2: { ingress: true } }), ['m1', 'w2'])
  t.same(routers({ i1: { ingress: false }, w3: { ingress: false } }), ['i2', 'i3', '(w1)', '(w2)'])
  const none = { ingress: false }
  t.same(routers({ i1: none, i2: none, i3: none, w1: none }), ['w2', 'w3'])
  t.end()
})

for (const { name, clusters, findings: expected } of findings) {
  t.test(`a problem that would stop HAProxy is reported: ${name}`, (t) => {
    t.same(compile(clusters).findings, expected)
    t.end()
  })
}

t.test('an ingress at the address of this server is valid if its HTTP service has another port', (t) => {
  const loadBalancer = { api: '172.16.0.111', ingress: '172.16.0.101' }
  const server = { address: '172.16.0.101', ports: { http: 8080 } }
  t.same(compile([{ loadBalancer, nodes: masters }], { server }).findings, [])
  t.end()
})
