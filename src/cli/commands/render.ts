/** `slipway render SITE WHAT`: a part of the plan as the text that other programs read. */
import { parseArgs } from 'node:util'
import { localZones } from '../../plan/dns/local-zones.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { renderKeepalived } from '../../plan/keepalived.ts'
import type { Model } from '../../plan/model.ts'
import type { Plan } from '../../plan/plan.ts'
import { urlPaths } from '../../plan/urls.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import { chooseNode } from '../choose-node.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { agentServiceConfig, bareMetalHosts, type Rendered } from '../render/hosted-yaml.ts'
import { libvirtDomain, libvirtNetwork } from '../render/libvirt-xml.ts'
import { zoneFile } from '../render/zone-file.ts'

type Rendering = {
  readonly most: number
  readonly render: (ready: { readonly model: Model; readonly plan: Plan }, argument?: string) => Rendered
}

const renderings = {
  haproxy: {
    most: 0,
    render: ({ plan }) =>
      plan.haproxy === undefined
        ? { reason: 'the site has no haproxy section, or nothing in it to balance' }
        : { text: renderHaproxy(plan.haproxy) },
  },
  keepalived: {
    most: 0,
    render({ model }) {
      const text = renderKeepalived(model)
      return text === undefined
        ? { reason: 'the site has no keepalived section, or no address of a load balancer to share' }
        : { text }
    },
  },
  zones: { most: 1, render: ({ plan }, name) => renderZones(plan, name) },
  ipxe: {
    most: 1,
    render({ model, plan }, name) {
      if (name === undefined) throw new UsageError('render SITE ipxe takes a node')
      const script = plan.http.scripts.get(urlPaths.bootScript(chooseNode(model, name)))
      return { text: script?.body ?? '' }
    },
  },
  libvirt: { most: 1, render: ({ model }, name) => renderLibvirt(model, name) },
  'agent-service-config': { most: 0, render: ({ model }) => agentServiceConfig(model) },
  'bare-metal-hosts': { most: 0, render: ({ model }) => bareMetalHosts(model) },
} as const satisfies Record<string, Rendering>

export const render: Command = {
  name: 'render',
  summary:
    'print haproxy.cfg, DNS zones, an iPXE script, or what keepalived, libvirt or a management cluster takes',
  usage: `usage: slipway render SITE haproxy
       slipway render SITE keepalived
       slipway render SITE zones [ZONE]
       slipway render SITE ipxe NODE
       slipway render SITE libvirt [NODE]
       slipway render SITE agent-service-config
       slipway render SITE bare-metal-hosts

Prints what is compiled from SITE, as other programs read it:

  haproxy        haproxy.cfg, which serving writes to haproxy.file
  keepalived     keepalived.conf of this machine, when several share the addresses
                 of the load balancer
  zones [ZONE]   the DNS zones as master files (RFC 1035), all or one: for a name
                 server elsewhere, or for named-checkzone ZONE /dev/stdin
  ipxe NODE      the script that iPXE gets on the node (m1 or ocp45/m1)
  libvirt [NODE] XML for virsh net-define, or of one node for virsh define
  agent-service-config
                 YAML for the assisted service: where the images with an ISO are had
  bare-metal-hosts
                 YAML for a management cluster: the nodes that have a bmc

Exit code 0: printed. 1: problems in the site, or it has no such part. 2: usage.`,

  async run(args, terminal) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
    const [sitePath, what, argument] = positionals
    if (sitePath === undefined || what === undefined) {
      throw new UsageError(`render takes a site file and one of ${Object.keys(renderings).join(', ')}`)
    }
    if (!isRendering(what)) {
      throw new UsageError(
        `cannot render ${JSON.stringify(what)}${didYouMean(what, Object.keys(renderings))}`,
      )
    }
    const { most, render: renderPart }: Rendering = renderings[what]
    if (positionals.length > 2 + most) throw new UsageError(`too many arguments after ${what}`)
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const rendered = renderPart(prepared, argument)
    if ('reason' in rendered) {
      terminal.err(`slipway render: ${rendered.reason}`)
      return ExitCode.problems
    }
    terminal.out(rendered.text.replace(/\n$/, ''))
    return ExitCode.fine
  },
}

function isRendering(word: string): word is keyof typeof renderings {
  return Object.hasOwn(renderings, word)
}

function renderLibvirt(model: Model, name: string | undefined): Rendered {
  if (name === undefined) {
    const text = libvirtNetwork(model)
    return text === undefined ? { reason: 'server.address lies in none of the subnets' } : { text }
  }
  const text = libvirtDomain(model, chooseNode(model, name))
  return text === undefined ? { reason: `${name} is not in the subnet of server.address` } : { text }
}

/** Without those that every name server has of itself. */
function renderZones({ dns }: Plan, name: string | undefined): Rendered {
  if (dns === undefined) return { reason: 'names are served elsewhere (dns.serve: false)' }
  const zones = dns.zones.filter((zone) => !localZones.includes(zone))
  const wanted = name?.toLowerCase().replace(/\.$/, '')
  const chosen = zones.filter((zone) => wanted === undefined || zone.name === wanted)
  if (chosen.length === 0) {
    return {
      reason: `the site has no zone ${name ?? ''}; it has ${zones.map((zone) => zone.name).join(', ')}`,
    }
  }
  return { text: chosen.map(zoneFile).join('\n\n') }
}
