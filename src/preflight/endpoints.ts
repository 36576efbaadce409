/**
 * The addresses of clusters whose control plane slipway does not install: hosted clusters, and running ones that get more
 * workers. A client uses any address of a name, so each of them must answer.
 */
import { endpointsOf, masterCount } from '../site/declared.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import type { Cluster } from '../site/schema.ts'
import { formatIp, type Ip } from '../proto/address/ip.ts'
import { endpointText } from '../text/endpoint.ts'
import { failure, ok, warning, type Check, type CheckContext, type Finding } from './check.ts'

const apiPort = 6443
const ingressPort = 443

export const endpointsCheck: Check = {
  name: 'endpoints',
  async run(context) {
    const clusters = context.model.site.clusters.filter(isRunElsewhere)
    return (await Promise.all(clusters.map((cluster) => checkCluster(context, cluster)))).flat()
  },
}

/** A cluster without a control plane in the site, or with one that is already installed. */
function isRunElsewhere(cluster: Cluster): boolean {
  if (cluster.loadBalancer === undefined) return false
  return masterCount(cluster) === 0
}

async function checkCluster(context: CheckContext, cluster: Cluster): Promise<Finding[]> {
  const { api, ingress } = endpointsOf(cluster)
  const domain = `${cluster.name}.${cluster.domain}`
  const port = await apiPortOf(context, cluster)
  return [
    ...(await checkName(context, `api.${domain}`, api, port)),
    ...(await checkName(context, `*.apps.${domain}`, ingress, ingressPort)),
  ]
}

/** Returns the port of the API server: that of a hosted cluster can be a NodePort, which the kubeconfig has. */
async function apiPortOf({ probes }: CheckContext, cluster: Cluster): Promise<number> {
  const path = kubeconfigPath(cluster)
  const text = path === undefined ? undefined : await probes.read(path)
  const port = /^\s*server:\s*["']?https:\/\/[^\s/"']+:(\d{1,5})\b/m.exec(text ?? '')?.[1]
  return port === undefined ? apiPort : Number(port)
}

async function checkName(
  { probes }: CheckContext,
  name: string,
  addresses: readonly Ip[],
  port: number,
): Promise<Finding[]> {
  const isApi = name.startsWith('api.')
  const code = isApi ? 'preflight.api-unreachable' : 'preflight.apps-unreachable'
  return Promise.all(
    addresses.map(async (each): Promise<Finding> => {
      const address = formatIp(each)
      const at = `${name} at ${endpointText({ address, port })}`
      const problem = await probes.connectProblem(address, port)
      if (problem === undefined) return ok(`${at} accepts connections`)
      // The first workers of a hosted cluster run its routers, so its ingress answers only after they are installed.
      return (isApi ? failure : warning)(code, `${at}: ${problem}`)
    }),
  )
}
