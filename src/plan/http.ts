/** The plan of HTTP: every boot script as text, every Ignition file and loader by its path, the directories of images. */
import { formatIp } from '../proto/address/ip.ts'
import { formatIpv4 } from '../proto/address/ipv4.ts'
import type { BootMode } from '../site/schema.ts'
import type { FileFact, IgnitionFact, IgnitionKind, ImageFileKind } from './facts.ts'
import type { Finding } from './findings.ts'
import { additionsOf } from './ignition/additions.ts'
import { type IgnitionContents, renderLiveIgnition } from './ignition/document.ts'
import { renderStartedUnit, type Unit } from './ignition/units.ts'
import type { Additions } from './ignition/wrapper.ts'
import { usualAgentArguments } from './ipxe/agent-script.ts'
import { renderInstall } from './ipxe/install.ts'
import {
  fileName,
  ignitionFact,
  ignitionKindsOf,
  imageFacts,
  imageFiles,
  installationOf,
  isMissing,
  missingFor,
  missingForIgnition,
  missingSentence,
  missingSentences,
} from './ipxe/installation.ts'
import { kernelArguments } from './ipxe/kernel-arguments.ts'
import { renderLocal, renderMenu } from './ipxe/menu.ts'
import type { ScriptAuthor } from './ipxe/script.ts'
import type { Model, NodeModel } from './model.ts'
import { absoluteUrl, tokenCharacters, tokenPlaceholder, urlPaths } from './urls.ts'
import { listSome } from '../text/list.ts'

/** COMMAND_LINE_SIZE of Linux on x86_64 and aarch64, without the zero at the end. */
const commandLineOctets = 2047

/** The least that a live system's Ignition reads which runs coreos-installer; what it is given needs no later one. */
const leastIgnitionVersion = '3.1.0'

export type BootScript = {
  readonly body: string
  /** The key of the node whose script it is. */
  readonly node: string
  /** What it leads to; `wait` when a file is missing. */
  readonly boot: BootMode | 'wait'
  /** What is missing, a sentence. */
  readonly problem?: string
}

/** One file on the disk, served whole. */
export type WholeFile = {
  /** Absolute path on this machine. */
  readonly file: string
  /** Why it cannot be served, a sentence; absent when it was found. */
  readonly problem?: string
}

export type IgnitionFile = WholeFile & {
  readonly node: string
  readonly kind: IgnitionKind
  /** What was read in it when the site was scanned; absent when it was not found, or is the cluster's. */
  readonly contents?: IgnitionContents
  /** Whether it is on no disk here: the cluster is asked for it, and `file` is only what it is called. */
  readonly isAsked?: true
  /** With them the node gets a wrapper; without, the file as it is. */
  readonly additions?: Additions
}

export type ImageDirectory = {
  readonly dir: string
  /** The files that the site boots, by name: a symbolic link among these may lead out of `dir`. */
  readonly files: ReadonlyMap<string, ImageFileKind>
  /** Names of the files in `dir` that hold keys, as Ignition files do (the initramfs of an agent is one): not for everybody. */
  readonly secrets: ReadonlySet<string>
}

/** What is made for a node while it boots. */
export type BootEntry = ScriptAuthor & {
  /** Of the boot script. */
  readonly url: string
  /** For the live system that installs it, with the token's placeholder. */
  readonly liveIgnition: string
  /** Whether everybody may act for it and read its Ignition files. */
  readonly isOpen: boolean
  /** A file of its image that is as secret as an Ignition file: an agent's initramfs holds one. */
  readonly secretImage?: { readonly image: string; readonly file: string }
}

export type HttpPlan = {
  readonly address: string
  /** A second one to listen on, for those who are told of it by names or by people: nodes boot by IPv4. */
  readonly address6: string | undefined
  readonly port: number
  /** By path, as in `urls.ts`; the boot script's is the one that the site declares. Tokens are placeholders. */
  readonly scripts: ReadonlyMap<string, BootScript>
  /** By path, without a token. */
  readonly ignition: ReadonlyMap<string, IgnitionFile>
  /** By the node's key. */
  readonly nodes: ReadonlyMap<string, BootEntry>
  readonly loaders: ReadonlyMap<string, WholeFile>
  /** By the image's name. */
  readonly images: ReadonlyMap<string, ImageDirectory>
  /** Whose request it is: keys by address, in the text of `formatIp`. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}

export function compileHttp(model: Model): { plan: HttpPlan; findings: readonly Finding[] } {
  const { endpoint, nodes, site } = model
  return {
    plan: {
      address: formatIpv4(endpoint.address),
      address6: endpoint.address6,
      port: endpoint.ports.http,
      scripts: new Map(nodes.flatMap((node) => nodeScripts(model, node))),
      ignition: new Map(nodes.flatMap((node) => nodeIgnition(model, node))),
      nodes: new Map(nodes.map((node) => [node.key, nodeBoot(model, node)])),
      loaders: new Map([...model.facts.loaders].map(([name, fact]) => [urlPaths.loader(name), loader(fact)])),
      images: new Map(
        Object.entries(site.images).map(([name, { dir }]) => [
          name,
          { dir, files: files(model, name), secrets: secrets(model, name) },
        ]),
      ),
      nodeByAddress: new Map(
        nodes.flatMap(({ addresses, key }) => addresses.map((each) => [formatIp(each), key])),
      ),
    },
    findings: [...missingFiles(model), ...agentsWithoutScript(model), ...longCommandLines(model)],
  }
}

function nodeBoot(model: Model, node: NodeModel): BootEntry {
  const { endpoint, site, facts } = model
  const { key, mac, address, cluster } = node
  const url = (path: string) => absoluteUrl(endpoint, path)
  const fact = facts.ignition.get(cluster)?.[node.ignition]
  return {
    key,
    mac,
    address,
    url: url(urlPaths.bootScript(node)),
    liveIgnition: renderLiveIgnition({
      writtenUrl: url(urlPaths.callback(node, 'written')),
      failedUrl: url(urlPaths.callback(node, 'failed')),
      version: liveVersion(fact),
    }),
    isOpen: isOpen(site, cluster),
    ...secretImageOf(model, node),
  }
}

function isOpen({ clusters }: Model['site'], cluster: string): boolean {
  return clusters.some(({ name, ignitionAccess }) => name === cluster && ignitionAccess === 'open')
}

function secretImageOf(model: Model, { image }: NodeModel): Pick<BootEntry, 'secretImage'> {
  const { style, initramfs } = imageFacts(model, image)
  if (style !== 'agent' || isMissing(initramfs)) return {}
  return { secretImage: { image, file: fileName(initramfs.path) } }
}

/** The live system of an image reads at least what its installer writes; Ignition 2 is none of a live system's. */
function liveVersion(fact: IgnitionFact | undefined): string {
  const version = fact?.kind === 'found' ? fact.contents.version : leastIgnitionVersion
  return version.startsWith('3.') ? version : leastIgnitionVersion
}

function nodeScripts(model: Model, node: NodeModel): [path: string, script: BootScript][] {
  const url = (path: string) => absoluteUrl(model.endpoint, path)
  // An agent knows the roles of all machines: there is nothing to choose.
  const isAgent = imageFacts(model, node.image).style === 'agent'
  const choices = ignitionKindsOf(model, node.cluster)
    .filter((role) => !isAgent || role === node.ignition)
    .map((role) => {
      const path = urlPaths.installScript(node, role)
      return { role, path, url: url(path), installation: installationOf(model, node, role) }
    })
  const bootPath = urlPaths.bootScript(node)
  const install = (role: IgnitionKind): BootScript => {
    const installation = installationOf(model, node, role)
    const body = renderInstall(node, role, installation, url(bootPath))
    return installation.kind === 'possible'
      ? { body, node: node.key, boot: 'install' }
      : { body, node: node.key, boot: 'wait', problem: missingSentences(installation.missing).join('; ') }
  }
  const local: BootScript = { body: renderLocal(node, url(bootPath)), node: node.key, boot: 'local' }
  const menu = (path: string): BootScript => {
    return { body: renderMenu(node, choices, url(path)), node: node.key, boot: 'menu' }
  }
  const menuPath = urlPaths.menuScript(node)
  const declared = { install: () => install(node.ignition), menu: () => menu(menuPath), local: () => local }
  return [
    [bootPath, declared[node.boot]()],
    [menuPath, menu(menuPath)],
    [urlPaths.localScript(node), local],
    ...choices.map(({ role, path }): [string, BootScript] => [path, install(role)]),
  ]
}

function nodeIgnition(model: Model, node: NodeModel): [path: string, file: IgnitionFile][] {
  if (imageFacts(model, node.image).style === 'agent') return []
  return ignitionKindsOf(model, node.cluster).map((kind) => {
    const fact = ignitionFact(model, node.cluster, kind)
    const [missing] = missingForIgnition(model, node, kind)
    const { additions } = additionsOf(node, model.facts)
    const file: IgnitionFile = {
      file: fact.path,
      node: node.key,
      kind,
      ...(missing && { problem: missingSentence(missing) }),
      ...(fact.kind === 'found' && { contents: fact.contents }),
      ...(fact.kind === 'asked' && { isAsked: true }),
      ...(additions && { additions: { ...additions, units: startedUnits(model, node) } }),
    }
    return [urlPaths.openIgnition(node, kind), file]
  })
}

/** Where the node's file is a wrapper, its system can say that it has started. */
function startedUnits({ endpoint }: Model, node: NodeModel): Unit[] {
  return node.callbacks ? [renderStartedUnit(absoluteUrl(endpoint, urlPaths.callback(node, 'started')))] : []
}

function loader(fact: FileFact): WholeFile {
  return fact.kind === 'found' ? { file: fact.path } : { file: fact.path, problem: fact.problem }
}

function files(model: Model, image: string): ReadonlyMap<string, ImageFileKind> {
  const facts = imageFacts(model, image)
  const kinds = ['kernel', 'initramfs', facts.style === 'installer' ? 'metal' : 'rootfs'] as const
  return new Map(
    imageFiles(facts).flatMap((fact, index): [string, ImageFileKind][] =>
      isMissing(fact) ? [] : [[fileName(fact.path), kinds[index] as ImageFileKind]],
    ),
  )
}

/** An agent's initramfs has a name of its own in the site, or one that shows what it is. */
function secrets(model: Model, image: string): ReadonlySet<string> {
  const users = model.nodes.filter((node) => node.image === image)
  if (users.some(({ cluster }) => isOpen(model.site, cluster))) return new Set()
  const { style, initramfs, secrets } = imageFacts(model, image)
  const own = style === 'agent' && !isMissing(initramfs) ? [fileName(initramfs.path)] : []
  return new Set([...own, ...(secrets ?? [])])
}

/** Most clusters want no other arguments than the usual ones; those that do would be installed wrongly. */
function agentsWithoutScript(model: Model): Finding[] {
  return Object.keys(model.site.images).flatMap((name): Finding[] => {
    const image = imageFacts(model, name)
    if (image.style !== 'agent' || image.kernelArguments !== undefined) return []
    const message =
      `no iPXE script that can be read lies beside its files, so nodes start with ${usualAgentArguments.join(' ')}; ` +
      'bootArtifactsBaseURL in agent-config.yaml makes the installer write one, or kernelArguments adds what is lacking (fips=1)'
    return [{ severity: 'warning', about: `image ${name}`, message }]
  })
}

/** One finding for each thing that is missing, with all the nodes that need it to be what they are declared as. */
function missingFiles(model: Model): Finding[] {
  const needed = new Map<string, { readonly about: string; readonly nodes: Set<string> }>()
  for (const node of model.nodes.filter(({ boot }) => boot !== 'local')) {
    for (const { fact, about } of missingFor(model, node, node.ignition)) {
      // A directory that is missing is why all of its files are: it is said once.
      const sentence = missingSentence(fact)
      const entry = needed.get(sentence) ?? { about, nodes: new Set() }
      entry.nodes.add(node.key)
      needed.set(sentence, entry)
    }
  }
  return [...needed].map(([sentence, { about, nodes }]) => ({
    severity: 'error',
    about,
    message: `${sentence} (needed by ${listSome([...nodes], 8)})`,
  }))
}

/** A kernel cuts off what is over: mostly the Ignition URL or the console, so nothing would say why. */
function longCommandLines(model: Model): Finding[] {
  return model.nodes.flatMap((node): Finding[] => {
    const installation = installationOf(model, node, node.ignition)
    if (installation.kind === 'impossible') return []
    // UEFI puts the kernel's name before its arguments.
    const { length } = [installation.kernel.name, ...kernelArguments(node, installation)]
      .join(' ')
      .replaceAll(tokenPlaceholder, 'x'.repeat(tokenCharacters))
    if (length <= commandLineOctets) return []
    const message = `kernel command line of ${length} octets is over the ${commandLineOctets} that a kernel keeps; shorten kernelArguments`
    return [{ severity: 'error', about: node.key, message }]
  })
}
