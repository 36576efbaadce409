/** Compiles the plan of HTTP: scripts, Ignition files, loaders, and the directories of images. */
import { formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import { defined } from '../../text/defined.ts'
import type { FileFact, ImageFileKind } from '../facts.ts'
import type { PlanFinding } from '../codes.ts'
import type { Model } from '../model.ts'
import { urlPaths } from '../urls.ts'
import { compileIgnition, isOpen } from './ignition.ts'
import type { HttpPlan, WholeFile, ImageDirectory } from './plan.ts'
import { runSteps } from '../steps.ts'
import { compileScripts } from './scripts.ts'
import { usualAgentArguments } from '../image-files.ts'
import { fileName, imageFacts, imageFiles, isMissing } from '../ipxe/installation.ts'

type Compiled = { readonly plan: HttpPlan; readonly findings: readonly PlanFinding[] }

export function compileHttp(model: Model): Compiled {
  return runSteps(httpSteps(model))
}

export function* httpSteps(model: Model): Generator<void, Compiled> {
  const { endpoint, nodes, facts } = model
  const scripts = yield* compileScripts(model)
  yield
  const ignition = compileIgnition(model)
  yield
  const images = compileImages(model)
  return {
    plan: {
      address: formatIpv4(endpoint.address),
      address6: endpoint.address6,
      port: endpoint.ports.http,
      scripts: scripts.scripts,
      ignition: ignition.files,
      nodes: ignition.nodes,
      loaders: new Map([...facts.loaders].map(([name, fact]) => [urlPaths.loader(name), loaderFile(fact)])),
      images: images.directories,
      nodeByAddress: new Map(
        nodes.flatMap(({ addresses, key }) => addresses.map((each) => [formatIp(each), key])),
      ),
    },
    findings: [...scripts.findings, ...ignition.findings, ...images.findings],
  }
}

function loaderFile(fact: FileFact): WholeFile {
  return { file: fact.path, ...defined({ problem: fact.kind === 'missing' ? fact.problem : undefined }) }
}

function compileImages(model: Model): {
  readonly directories: ReadonlyMap<string, ImageDirectory>
  readonly findings: readonly PlanFinding[]
} {
  const directories = Object.entries(model.site.images).map(([name, { dir }]) => {
    return [name, { dir, files: files(model, name), secrets: secrets(model, name) }] as const
  })
  return { directories: new Map(directories), findings: agentsWithoutScript(model) }
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

/** Returns the names of secret files: those that look secret, and the initramfs of an agent under any name. */
function secrets(model: Model, image: string): ReadonlySet<string> {
  const users = model.nodes.filter((node) => node.image === image)
  if (users.some(({ cluster }) => isOpen(model.site, cluster))) return new Set()
  const { style, initramfs, secrets } = imageFacts(model, image)
  const own = style === 'agent' && !isMissing(initramfs) ? [fileName(initramfs.path)] : []
  return new Set([...own, ...(secrets ?? [])])
}

/** Most clusters need only the usual arguments; one that needs others would be installed wrongly. */
function agentsWithoutScript(model: Model): PlanFinding[] {
  return Object.keys(model.site.images).flatMap((name): PlanFinding[] => {
    const image = imageFacts(model, name)
    if (image.style !== 'agent' || image.kernelArguments !== undefined) return []
    const message =
      `there is no readable iPXE script beside its files, so nodes start with ${usualAgentArguments.join(' ')}; ` +
      'set bootArtifactsBaseURL in agent-config.yaml so that the installer writes one, or add missing arguments (fips=1) to kernelArguments'
    return [{ code: 'image.agent-script-missing', severity: 'warning', about: `image ${name}`, message }]
  })
}
