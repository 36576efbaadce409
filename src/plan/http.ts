/** The plan of HTTP: every boot script as text, every Ignition file and loader by its path, the directories of images. */
import { formatIp } from '../proto/address/ip.ts'
import { formatIpv4 } from '../proto/address/ipv4.ts'
import type { BootMode } from '../site/schema.ts'
import { ignitionKinds, type FileFact, type IgnitionKind } from './facts.ts'
import type { Finding } from './findings.ts'
import { additionsOf } from './ignition/additions.ts'
import type { IgnitionContents } from './ignition/document.ts'
import type { Additions } from './ignition/wrapper.ts'
import { renderInstall } from './ipxe/install.ts'
import {
  fileName,
  ignitionFact,
  imageFacts,
  imageFiles,
  installationOf,
  isMissing,
  missingForIgnition,
  missingSentence,
} from './ipxe/installation.ts'
import { kernelArguments } from './ipxe/kernel-arguments.ts'
import { renderLocal } from './ipxe/local.ts'
import { renderMenu } from './ipxe/menu.ts'
import type { Model, NodeModel } from './model.ts'
import { absoluteUrl, urlPaths } from './urls.ts'

/** COMMAND_LINE_SIZE of Linux on x86_64 and aarch64, without the zero at the end. */
const commandLineOctets = 2047

export type BootScript = {
  readonly body: string
  /** The key of the node whose script it is. */
  readonly node: string
  /** What it leads to; `wait` when a file is missing. */
  readonly boot: BootMode | 'wait'
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
  /** What was read in it when the site was surveyed; absent when it was not found. */
  readonly contents?: IgnitionContents
  /** With them the node gets a wrapper; without, the file as it is. */
  readonly additions?: Additions
}

export type ImageDirectory = {
  readonly dir: string
  /** Names of the files that the site boots: a symbolic link among these may lead out of `dir`. */
  readonly files: ReadonlySet<string>
}

export type HttpPlan = {
  readonly address: string
  readonly port: number
  /** By path, as in `urls.ts`. */
  readonly scripts: ReadonlyMap<string, BootScript>
  readonly ignition: ReadonlyMap<string, IgnitionFile>
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
      port: endpoint.ports.http,
      scripts: new Map(nodes.flatMap((node) => nodeScripts(model, node))),
      ignition: new Map(nodes.flatMap((node) => nodeIgnition(model, node))),
      loaders: new Map([...model.facts.loaders].map(([name, fact]) => [urlPaths.loader(name), loader(fact)])),
      images: new Map(
        Object.entries(site.images).map(([name, { dir }]) => [name, { dir, files: files(model, name) }]),
      ),
      nodeByAddress: new Map(
        nodes.flatMap(({ addresses, key }) => addresses.map((each) => [formatIp(each), key])),
      ),
    },
    findings: [...missingFiles(model), ...longCommandLines(model)],
  }
}

function nodeScripts(model: Model, node: NodeModel): [path: string, script: BootScript][] {
  const url = (path: string) => absoluteUrl(model.endpoint, path)
  const choices = ignitionKinds.map((role) => {
    const path = urlPaths.installScript(node, role)
    return { role, path, url: url(path), installation: installationOf(model, node, role) }
  })
  const install = (role: IgnitionKind, path: string): BootScript => {
    const installation = installationOf(model, node, role)
    const body = renderInstall(node, role, installation, url(path))
    return { body, node: node.key, boot: installation.kind === 'possible' ? 'install' : 'wait' }
  }
  const menu = (path: string): BootScript => {
    return { body: renderMenu(node, choices, url(path)), node: node.key, boot: 'menu' }
  }
  const boot = (path: string): BootScript => {
    if (node.boot === 'install') return install(node.ignition, path)
    if (node.boot === 'menu') return menu(path)
    return { body: renderLocal(node, url(path)), node: node.key, boot: 'local' }
  }

  const bootPath = urlPaths.bootScript(node)
  const menuPath = urlPaths.menuScript(node)
  return [
    [bootPath, boot(bootPath)],
    [menuPath, menu(menuPath)],
    ...choices.map(({ role, path }): [string, BootScript] => [path, install(role, path)]),
  ]
}

function nodeIgnition(model: Model, node: NodeModel): [path: string, file: IgnitionFile][] {
  return ignitionKinds.map((kind) => {
    const fact = ignitionFact(model, node.cluster, kind)
    const [missing] = missingForIgnition(model, node, kind)
    const { additions } = additionsOf(node, model.facts)
    const file: IgnitionFile = {
      file: fact.path,
      node: node.key,
      kind,
      ...(missing && { problem: missingSentence(missing) }),
      ...(fact.kind === 'found' && { contents: fact.contents }),
      ...(additions && { additions }),
    }
    return [urlPaths.ignition(node, kind), file]
  })
}

function loader(fact: FileFact): WholeFile {
  return fact.kind === 'found' ? { file: fact.path } : { file: fact.path, problem: fact.problem }
}

function files(model: Model, image: string): ReadonlySet<string> {
  const found = imageFiles(imageFacts(model, image)).filter((fact) => !isMissing(fact))
  return new Set(found.map(({ path }) => fileName(path)))
}

/** One finding for each thing that is missing, with all the nodes that need it to be what they are declared as. */
function missingFiles(model: Model): Finding[] {
  const needed = new Map<string, { readonly about: string; readonly nodes: Set<string> }>()
  for (const node of model.nodes.filter(({ boot }) => boot !== 'local')) {
    const files = [
      ...imageFiles(imageFacts(model, node.image)).map((fact) => ({ fact, about: `image ${node.image}` })),
      ...missingForIgnition(model, node, node.ignition).map((fact) => ({
        fact,
        about: `cluster ${node.cluster}`,
      })),
    ]
    for (const { fact, about } of files) {
      if (!isMissing(fact)) continue
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
    message: `${sentence} (needed by ${names([...nodes])})`,
  }))
}

/** A kernel cuts off what is over: mostly the Ignition URL or the console, so nothing would say why. */
function longCommandLines(model: Model): Finding[] {
  return model.nodes.flatMap((node): Finding[] => {
    const installation = installationOf(model, node, node.ignition)
    if (installation.kind === 'impossible') return []
    // UEFI puts the kernel's name before its arguments.
    const { length } = [installation.kernel.name, ...kernelArguments(node, installation)].join(' ')
    if (length <= commandLineOctets) return []
    const message = `kernel command line of ${length} octets is over the ${commandLineOctets} that a kernel keeps; shorten kernelArguments`
    return [{ severity: 'error', about: node.key, message }]
  })
}

/** Enough of them to know which: `ocp45/m1, ocp45/m2`. */
function names(keys: readonly string[]): string {
  const shown = keys.slice(0, 8).join(', ')
  return keys.length > 8 ? `${shown} and ${keys.length - 8} more` : shown
}
