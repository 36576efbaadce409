/** Commands to try while the demo serves; they work as printed. */
import { formatIpv4 } from '../proto/address/ip.ts'
import { x64 } from '../plan/dhcp/boot-table.ts'
import { clusterDomain, httpBase, type Model } from '../plan/model.ts'
import { urlPaths } from '../plan/urls.ts'

export type Suggestion = { readonly about: string; readonly command: string }

export type Invocation = {
  /** The words before the name of a command: `slipway`, or how npm starts it. */
  readonly slipway: string
  /** Whether options need `--` before them, because npm would use them itself. */
  readonly needsDashes: boolean
}

/** @param environment of the process: npm marks the scripts that it starts */
export function invocationOf(
  environment: Readonly<Record<string, string | undefined>>,
  script: string,
): Invocation {
  if (environment['npm_lifecycle_event'] !== undefined)
    return { slipway: 'npm run -s slipway', needsDashes: true }
  return { slipway: script.endsWith('.ts') ? `node ${script}` : 'slipway', needsDashes: false }
}

/** @param sitePath relative to the directory in which the demo was started */
export function suggestions(
  model: Model,
  sitePath: string,
  haproxyPath: string,
  invocation: Invocation,
  pid: number,
): readonly Suggestion[] {
  const { endpoint, nodes, site } = model
  const { ports } = endpoint
  const [cluster] = site.clusters
  const node = nodes.find(({ role }) => role === 'master') ?? nodes[0]
  if (node === undefined || cluster === undefined) return []
  const { slipway, needsDashes } = invocation
  const dig = `dig @127.0.0.1 -p ${ports.dns} +short`
  const dashes = needsDashes ? ' --' : ''
  return [
    {
      about: `the boot script of ${node.name}`,
      command: `curl ${httpBase(endpoint)}${urlPaths.bootScript(node)}`,
    },
    {
      about: 'its Ignition file, which only the node can read, and the size of its boot loader',
      command: `curl ${httpBase(endpoint)}${urlPaths.openIgnition(node, node.ignition)}`,
    },
    { about: '', command: `curl -s tftp://127.0.0.1:${ports.tftp}/${x64(node)} | wc -c` },
    { about: 'a name, and the name of an address', command: `${dig} api.${clusterDomain(cluster)}` },
    { about: '', command: `${dig} -x ${formatIpv4(node.address)}` },
    { about: 'what the site serves, and what has happened', command: `${slipway} check ${sitePath}` },
    { about: '', command: `curl ${httpBase(endpoint)}${urlPaths.health}` },
    { about: 'the HAProxy configuration, validated by HAProxy', command: `haproxy -c -f ${haproxyPath}` },
    {
      about: `boot ${node.name} again, as a BIOS machine`,
      command: `${slipway} simulate${dashes} --node ${node.name} --firmware bios ${sitePath}`,
    },
    { about: `change ${sitePath}, then reload it`, command: `kill -HUP ${pid}` },
  ]
}
