/** Directories of images: which of their files nodes boot, and which are secret. */
import type { ImageFileKind } from '../facts.ts'
import type { PlanFinding } from '../findings.ts'
import { usualAgentArguments } from '../ipxe/agent-script.ts'
import { fileName, imageFacts, imageFiles, isMissing } from '../ipxe/installation.ts'
import type { Model } from '../model.ts'
import { isOpen } from './ignition.ts'
import type { ImageDirectory } from './plan.ts'

export function compileImages(model: Model): {
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
