/** `slipway render PART`: a part of the plan as configuration for another program. */
import { parseArgs } from 'node:util'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { renderRbac } from '../render/rbac-manifest.ts'
import { renderKeepalived } from '../../plan/keepalived.ts'
import type { Model } from '../../plan/model.ts'
import type { Plan } from '../../plan/compile.ts'
import { renderEmbedded } from '../../plan/ipxe/secure.ts'
import { urlPaths } from '../../plan/urls.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import { chooseNode, siteFile, siteOptions, siteRows } from '../target.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { recordFormats, renderZones, type RecordFormat } from '../render/dns-records.ts'
import { agentServiceConfig, bareMetalHosts, type Rendered } from '../render/hosted-yaml.ts'
import { bridgeWarning, libvirtDomain, libvirtNetwork } from '../render/libvirt-xml.ts'
import { renderNetwork } from '../render/node-network.ts'
import { renderRadvd } from '../render/radvd.ts'
import { enableUnits } from '../render/systemd-units.ts'

type Rendering = {
  /** The argument that selects it. */
  readonly takes?: 'ZONE' | 'NODE' | 'CLUSTER'
  readonly render: (
    ready: { readonly model: Model; readonly plan: Plan },
    argument: string | undefined,
    format: RecordFormat,
  ) => Rendered
}

const renderings = {
  haproxy: {
    render: ({ plan }) =>
      plan.haproxy === undefined
        ? { reason: 'the site has no haproxy section, or no service to balance' }
        : { text: renderHaproxy(plan.haproxy) },
  },
  keepalived: {
    render({ model }) {
      const text = renderKeepalived(model)
      return text === undefined
        ? { reason: 'the site has no keepalived section, or no load balancer address to share' }
        : { text }
    },
  },
  zones: { takes: 'ZONE', render: renderZones },
  ipxe: {
    takes: 'NODE',
    render({ model, plan }, name) {
      if (name === undefined) throw new UsageError('ipxe: expected the name of a node')
      const script = plan.http.scripts.get(urlPaths.bootScript(chooseNode(model, name)))
      return { text: script?.body ?? '' }
    },
  },
  'ipxe-script': {
    render: ({ model: { endpoint } }) =>
      endpoint.tls === undefined
        ? { reason: 'the site has no server.tls' }
        : { text: renderEmbedded(endpoint) },
  },
  rbac: { takes: 'CLUSTER', render: ({ model }, name) => renderClusterRbac(model, name) },
  units: { render: ({ model }) => enableUnits(model) },
  radvd: { render: ({ model }) => renderRadvd(model) },
  network: {
    takes: 'NODE',
    render({ model }, name) {
      if (name === undefined) throw new UsageError('network: expected the name of a node')
      return renderNetwork(chooseNode(model, name))
    },
  },
  libvirt: { takes: 'NODE', render: ({ model }, name) => renderLibvirt(model, name) },
  'agent-service-config': { render: ({ model }) => agentServiceConfig(model) },
  'bare-metal-hosts': { render: ({ model }) => bareMetalHosts(model) },
} as const satisfies Record<string, Rendering>

export const render: Command = {
  name: 'render',
  help: {
    usage: ['render [--site FILE] PART [ARGUMENT] [--format FORMAT]'],
    about: [
      'Prints a part of the site as configuration for another program.',
      'Reads the site file; nothing is served or changed.',
    ],
    lists: {
      Parts: [
        ['haproxy', 'haproxy.cfg, as slipway writes it to haproxy.file'],
        [
          'keepalived',
          'keepalived.conf of this machine, if several machines share the load balancer addresses',
        ],
        ['zones [ZONE]', 'DNS zones, or one of them, for another name server'],
        ['ipxe NODE', 'the iPXE script of a node'],
        ['ipxe-script', 'the script to build into an iPXE that trusts the CA of server.tls'],
        [
          'network NODE',
          'the kernel arguments and keyfiles that slipway writes from the section network of a node',
        ],
        ['units', 'shell commands for root that enable the systemd socket units of the site'],
        ['radvd', 'radvd.conf, if this machine sends router advertisements'],
        ['libvirt [NODE]', 'XML of the network for "virsh net-define", or of a node for "virsh define"'],
        [
          'rbac [CLUSTER]',
          'YAML for "oc apply": a service account with the permissions that slipway needs in a cluster',
        ],
        ['agent-service-config', 'YAML for the assisted service: the images that include a live ISO'],
        ['bare-metal-hosts', 'YAML for a management cluster: the nodes that declare a BMC'],
      ],
      'Formats of zones': [
        ['bind', 'master files (RFC 1035); with dns.serve: false, without the SOA and NS records (default)'],
        ['dnsmasq', 'a configuration file for /etc/dnsmasq.d'],
        ['infoblox', 'a file for the CSV import of Infoblox NIOS, in which the zones must exist'],
        [
          'route53',
          'change batches for "aws route53 change-resource-record-sets", one on each line; its comment names the zone',
        ],
        ['external-dns', 'DNSEndpoint objects for "oc apply"'],
      ],
    },
    options: [
      ...siteRows,
      ['--format FORMAT', 'format of zones: bind, dnsmasq, infoblox, route53, or external-dns'],
    ],
    exit: [
      ['0', 'success'],
      ['1', 'the site file has errors, or the site does not have this part'],
      ['2', 'invalid command line, or no such node'],
    ],
    isPaged: true,
    examples: [
      'render --site site.yaml haproxy',
      'render --site site.yaml units | sudo sh',
      'render --site site.yaml zones --format dnsmasq > ocp45.conf',
      'render --site site.yaml ipxe ocp45/w1',
    ],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...siteOptions, format: { type: 'string' } },
    })
    const parts = Object.keys(renderings)
    const [first = ''] = positionals
    const hasFile = values.site === undefined && !isRendering(first)
    const [what, argument, ...more] = hasFile ? positionals.slice(1) : positionals
    if (what === undefined) {
      // A single word is a part that does not exist rather than a site file.
      const isPart = positionals.length === 1 && !/[./]/.test(first)
      if (isPart) throw new UsageError(`cannot render ${JSON.stringify(first)}${didYouMean(first, parts)}`)
      throw new UsageError(`expected one of ${parts.join(', ')}`)
    }
    if (!isRendering(what)) {
      throw new UsageError(`cannot render ${JSON.stringify(what)}${didYouMean(what, parts)}`)
    }
    const { takes, render: renderPart }: Rendering = renderings[what]
    if (more.length > 0 || (argument !== undefined && takes === undefined)) {
      throw new UsageError(`too many arguments after ${what}`)
    }
    const format = formatOf(values.format, what)
    const prepared = await prepare(await siteFile(values, hasFile ? first : undefined))
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const rendered = renderPart(prepared, argument, format)
    if ('reason' in rendered) {
      terminal.err(`slipway render: ${rendered.reason}`)
      return ExitCode.problems
    }
    if (rendered.warning !== undefined) terminal.err(`slipway render: warning: ${rendered.warning}`)
    terminal.out(rendered.text.replace(/\n$/, ''))
    return ExitCode.fine
  },
}

function isRendering(word: string): word is keyof typeof renderings {
  return Object.hasOwn(renderings, word)
}

function formatOf(given: string | undefined, part: string): RecordFormat {
  if (given === undefined) return 'bind'
  if (part !== 'zones') throw new UsageError(`--format is for zones, not for ${part}`)
  const format = recordFormats.find((each) => each === given)
  if (format !== undefined) return format
  throw new UsageError(
    `no format ${JSON.stringify(given)}${didYouMean(given, recordFormats)}; expected one of ${recordFormats.join(', ')}`,
  )
}

function renderClusterRbac({ site: { clusters } }: Model, name: string | undefined): Rendered {
  const names = clusters.map((cluster) => cluster.name)
  const chosen = clusters.filter((cluster) => name === undefined || cluster.name === name)
  const [cluster] = chosen
  if (cluster !== undefined && chosen.length === 1) return { text: renderRbac(cluster) }
  if (names.length === 0) return { reason: 'the site has no cluster' }
  const problem = name === undefined ? '' : `no cluster ${JSON.stringify(name)}, `
  throw new UsageError(`rbac: ${problem}expected one of ${names.join(', ')}`)
}

function renderLibvirt(model: Model, name: string | undefined): Rendered {
  if (name === undefined) {
    const text = libvirtNetwork(model)
    return text === undefined
      ? { reason: 'server.address is in none of the subnets' }
      : { text, warning: bridgeWarning(model) }
  }
  const text = libvirtDomain(model, chooseNode(model, name))
  return text === undefined ? { reason: `${name} is not in the subnet of server.address` } : { text }
}
