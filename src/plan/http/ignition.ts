/** Ignition files of all nodes, and of the live systems that install them. */
import { defined } from '../../text/defined.ts'
import type { IgnitionFact } from '../facts.ts'
import type { PlanFinding } from '../codes.ts'
import { isInstaller } from '../install.ts'
import {
  additionsOf,
  fileName,
  ignitionFact,
  ignitionKindsOf,
  imageFacts,
  isMissing,
  missingForIgnition,
  missingSentence,
  readsIgnition,
} from '../boot/installation.ts'
import { liveDisks } from '../disks/live.ts'
import { devicePath } from '../disks/target.ts'
import { renderLiveIgnition } from '../ignition/document.ts'
import { renderSecureLive } from '../ignition/secure-live.ts'
import { renderSyslogUnit } from '../ignition/syslog-unit.ts'
import { renderFlatcarLive } from '../systems/flatcar.ts'
import { renderStartedUnit, type Unit } from '../ignition/units.ts'
import { bootSource, configurationSyntax, serverAddress, type Model, type NodeModel } from '../model.ts'
import { secretUrl } from '../tls.ts'
import { absoluteUrl, nodeOfPath, urlPaths } from '../urls.ts'
import { NodeMap } from './node-map.ts'
import type { BootEntry, IgnitionFile } from './plan.ts'

/** The oldest version that a live system with coreos-installer reads; our file needs no later one. */
const minIgnitionVersion = '3.1.0'

type Compiled = {
  readonly files: ReadonlyMap<string, IgnitionFile>
  readonly nodes: ReadonlyMap<string, BootEntry>
  readonly findings: readonly PlanFinding[]
}

/** @param nodes by key */
export function compileIgnition(model: Model, nodes: ReadonlyMap<string, NodeModel>): Compiled {
  return {
    files: new NodeMap({ nodes, nodeOf: nodeOfPath, create: (node) => nodeIgnition(model, node) }),
    nodes: new NodeMap({
      nodes,
      nodeOf: (key) => key,
      create: (node) => [[node.key, bootEntry(model, node)] as const],
    }),
    findings: publicFiles(model),
  }
}

function nodeIgnition(model: Model, node: NodeModel): [path: string, file: IgnitionFile][] {
  const { style } = imageFacts(model, bootSource(node))
  if (style === 'agent' || style === 'script' || !readsIgnition(node)) return []
  const { additions } = additionsOf(node, model)
  return ignitionKindsOf(model, node).map((kind) => {
    // This file configures the live system that bootstraps a single node.
    const units = [...startedUnits(model, node), ...(kind === 'single' ? syslogUnits(model, node) : [])]
    // A node without added files gets a wrapper too: its first boot reports itself with a token from this file.
    const withUnits =
      additions === undefined && units.length === 0 ? undefined : { files: [], ...additions, units }
    const fact = ignitionFact(model, node, kind)
    const [missing] = missingForIgnition(model, node, kind)
    const file: IgnitionFile = {
      file: fact.path,
      node: node.key,
      kind,
      ...defined({
        problem: missing && missingSentence(missing),
        contents: fact.kind === 'found' ? fact.contents : undefined,
        isAsked: fact.kind === 'asked' ? (true as const) : undefined,
        additions: withUnits,
      }),
    }
    return [urlPaths.openIgnition(node, kind), file]
  })
}

function publicFiles({ facts }: Model): PlanFinding[] {
  return [...facts.ignition].flatMap(([cluster, files]) =>
    Object.values(files).flatMap((fact): PlanFinding[] => {
      if (fact.kind !== 'found' || fact.isPublic !== true) return []
      const message = `every user of this machine can read ${fact.path}, which contains secrets: run \`chmod o-r ${fact.path}\``
      return [{ code: 'ignition.readable-by-all', severity: 'warning', about: `cluster ${cluster}`, message }]
    }),
  )
}

/** The unit with which the installed system reports its first boot. */
function startedUnits({ endpoint }: Model, node: NodeModel): Unit[] {
  return node.callbacks
    ? [renderStartedUnit(secretUrl(endpoint, urlPaths.callback(node, 'started'), node))]
    : []
}

/** The unit with which a live system sends its journal, if the site has a receiver. */
function syslogUnits({ endpoint, site: { syslog } }: Model, node: NodeModel): Unit[] {
  if (syslog?.live !== true) return []
  return [renderSyslogUnit({ address: serverAddress(endpoint, node), port: syslog.port })]
}

/** dracut.cmdline(7) */
const virtualInterface = /^(?:bond|team|bridge|vlan)=/

function otherArchitecture({ site }: Model, { image }: NodeModel): Pick<BootEntry, 'architecture'> {
  const architecture = site.images[image]?.architecture ?? 'x86_64'
  return architecture === 'x86_64' ? {} : { architecture }
}

function bootEntry(model: Model, node: NodeModel): BootEntry {
  const { endpoint, site } = model
  const { key, mac, otherMacs, address, cluster } = node
  const url = (path: string) => absoluteUrl(endpoint, path, node)
  return {
    key,
    mac,
    ...defined({ otherMacs }),
    address,
    ...otherArchitecture(model, node),
    url: url(urlPaths.bootScript(node)),
    get liveIgnition() {
      if (node.system?.os === 'flatcar') return flatcarLive(model, node)
      return renderLiveIgnition({
        writtenUrl: url(urlPaths.callback(node, 'written')),
        failedUrl: url(urlPaths.callback(node, 'failed')),
        diskUrl: url(urlPaths.diskCheck(node)),
        ...liveDisks(node),
        version: liveVersion(ignitionOf(model, node)),
        units: syslogUnits(model, node),
      })
    },
    isOpen: isOpen(site, cluster),
    ...defined({ configuration: configurationSyntax(node) }),
    ...(node.kernelArguments.some((argument) => virtualInterface.test(argument)) && {
      usesVirtualInterface: true,
    }),
    ...defined({
      installerUrl: installerUrl(model, node),
      secretImage: secretImage(model, node),
      secure: endpoint.tls && secureEntry(model, node),
    }),
  }
}

/** What a node gets over HTTPS. */
function secureEntry(model: Model, node: NodeModel): BootEntry['secure'] {
  const { endpoint } = model
  const url = (path: string) => secretUrl(endpoint, path, node)
  const { callbacks } = node
  return {
    url: url(urlPaths.bootScript(node)),
    liveIgnition: (role, trust) =>
      renderSecureLive(
        {
          role,
          ignitionUrl: url(urlPaths.ignition(node, role)),
          ...(callbacks && {
            reports: {
              writtenUrl: url(urlPaths.callback(node, 'written')),
              failedUrl: url(urlPaths.callback(node, 'failed')),
              diskUrl: url(urlPaths.diskCheck(node)),
              ...liveDisks(node),
            },
          }),
          units: syslogUnits(model, node),
          version: liveVersion(ignitionOf(model, { ...node, ignition: role })),
        },
        trust,
      ),
  }
}

/** The Ignition file of its role; a machine with another operating system may have none. */
function ignitionOf(model: Model, node: NodeModel): IgnitionFact | undefined {
  return readsIgnition(node) ? ignitionFact(model, node, node.ignition) : undefined
}

function flatcarLive(model: Model, node: NodeModel): string {
  const url = (path: string) => absoluteUrl(model.endpoint, path, node)
  const image = imageFacts(model, node.image)
  const download = image.style === 'system' && image.rootfs?.kind === 'found' ? image.rootfs : undefined
  return renderFlatcarLive({
    url: url(urlPaths.answers(node, '')).replace(/\/$/, ''),
    ignitionUrl: url(urlPaths.ignition(node, node.ignition)),
    disk: node.disk && devicePath(node.disk),
    imageUrl: download && url(urlPaths.image(node.image, fileName(download.path))),
  })
}

function installerUrl({ endpoint, site }: Model, node: NodeModel): string | undefined {
  const { installer } = site.server
  if (installer === undefined || isInstaller(site)) return undefined
  return absoluteUrl({ ...endpoint, address: installer }, urlPaths.bootScript(node))
}

/** Reports whether every client may read the Ignition files of a cluster. */
export function isOpen({ clusters }: Model['site'], cluster: string): boolean {
  return clusters.some(({ name, ignitionAccess }) => name === cluster && ignitionAccess === 'open')
}

function secretImage(model: Model, node: NodeModel): BootEntry['secretImage'] {
  const image = bootSource(node)
  const facts = imageFacts(model, image)
  return facts.style === 'agent' && !isMissing(facts.initramfs)
    ? { image, file: fileName(facts.initramfs.path) }
    : undefined
}

/** Returns the version of the role's file, which the live system of the same release reads, unless that is before 3. */
function liveVersion(fact: IgnitionFact | undefined): string {
  const version = fact?.kind === 'found' ? fact.contents.version : minIgnitionVersion
  return version.startsWith('3.') ? version : minIgnitionVersion
}
