/** `slipway render SITE WHAT`: a part of the plan as the text that other programs read. */
import { parseArgs } from 'node:util'
import { localZones } from '../plan/dns/local-zones.ts'
import { renderHaproxy } from '../plan/haproxy/render.ts'
import { renderKeepalived } from '../plan/keepalived.ts'
import type { Model } from '../plan/model.ts'
import type { Plan } from '../plan/plan.ts'
import { urlPaths } from '../plan/urls.ts'
import { explain, prepare } from '../prepare.ts'
import { nearest } from '../site/nearest.ts'
import { chooseNode } from './choose-node.ts'
import { ExitCode, UsageError, type Command } from './command.ts'
import { zoneFile } from './zone-file.ts'

/** `text` for standard output, or why there is none. */
type Rendered = { readonly text: string } | { readonly reason: string }

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
} as const satisfies Record<string, Rendering>

export const render: Command = {
  name: 'render',
  summary: "print haproxy.cfg, keepalived.conf, the DNS zones or a node's iPXE script",
  usage: `usage: slipway render SITE haproxy
       slipway render SITE keepalived
       slipway render SITE zones [ZONE]
       slipway render SITE ipxe NODE

Prints what is compiled from SITE, as other programs read it:

  haproxy        haproxy.cfg, which serving writes to haproxy.file
  keepalived     keepalived.conf of this machine, when several share the addresses
                 of the load balancer
  zones [ZONE]   the DNS zones as master files (RFC 1035), all or one: for a name
                 server elsewhere, or for named-checkzone ZONE /dev/stdin
  ipxe NODE      the script that iPXE gets on the node (m1 or ocp45/m1)

Exit code 0: printed. 1: problems in the site, or it has no such part. 2: usage.`,

  async run(args, terminal) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
    const [sitePath, what, argument] = positionals
    if (sitePath === undefined || what === undefined) {
      throw new UsageError(`render takes a site file and one of ${Object.keys(renderings).join(', ')}`)
    }
    if (!isRendering(what)) {
      const meant = nearest(what, Object.keys(renderings))
      const guess = meant === undefined ? '' : ` (did you mean ${meant}?)`
      throw new UsageError(`cannot render ${JSON.stringify(what)}${guess}`)
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
