/** Clusters whose control plane slipway does not install: every address of the API and of *.apps must answer. */
import t from 'tap'
import { endpointsCheck } from '../../src/preflight/endpoints.ts'
import { runCheck } from '../support/probes.ts'

type Site = { clusters: { nodes: Record<string, unknown>[] }[] }
const hosted =
  (more: object = {}) =>
  (site: Site) => {
    const [cluster] = site.clusters
    cluster!.nodes = cluster!.nodes.slice(2, 3)
    const loadBalancer = { api: ['192.0.2.41', '192.0.2.42'], ingress: ['192.0.2.43', '2001:db8::43'] }
    Object.assign(cluster!, { loadBalancer, ...more })
  }

t.test('each address of a hosted cluster is connected to', async (t) => {
  const asked: string[] = []
  const connectProblem = (address: string, port: number) => {
    asked.push(`${address} ${port}`)
    return Promise.resolve(
      address === '192.0.2.42' || address.includes(':') ? 'the connection is refused' : undefined,
    )
  }
  t.match(await runCheck(endpointsCheck, { connectProblem }, {}, hosted()), [
    { status: 'ok', text: 'api.ocp45.example.net at 192.0.2.41:6443 accepts connections' },
    {
      status: 'failure',
      code: 'preflight.api-unreachable',
      text: 'api.ocp45.example.net at 192.0.2.42:6443: the connection is refused',
      remedy: /loadBalancer\.api/,
    },
    { status: 'ok', text: '*.apps.ocp45.example.net at 192.0.2.43:443 accepts connections' },
    { status: 'warning', code: 'preflight.apps-unreachable', text: /at \[2001:db8::43\]:443: / },
  ])
  t.equal(asked.length, 4)
})

t.test('the port of the API is that of the kubeconfig, because it can be a NodePort', async (t) => {
  const read = () =>
    Promise.resolve('clusters:\n- cluster:\n    server: https://api.ocp45.example.net:31443\n')
  const results = await runCheck(endpointsCheck, { read }, {}, hosted({ kubeconfig: '/srv/kubeconfig' }))
  t.match(results[0], { text: /192\.0\.2\.41:31443 accepts/ })
  const without = hosted({ kubeconfig: undefined, ignition: undefined })
  t.match((await runCheck(endpointsCheck, { read }, {}, without))[0], { text: /192\.0\.2\.41:6443 accepts/ })
})

t.test('a cluster that slipway installs has no endpoints yet', async (t) => {
  t.same(await runCheck(endpointsCheck), [])
  const single = (site: Site) => {
    const [cluster] = site.clusters
    cluster!.nodes = [{ ...cluster!.nodes[1], role: 'single' }]
    Object.assign(cluster!, { loadBalancer: undefined })
  }
  t.same(await runCheck(endpointsCheck, {}, {}, single), [])
})
