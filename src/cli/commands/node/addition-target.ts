/** Where `slipway node add` and `node adopt` write a node: into a site file of this machine, or of a server through its API. */
import { nodeImageAdvice } from '../../../scan/node-image.ts'
import type { AdoptionResult } from '../../../site-adoption.ts'
import { explain, loadSiteFile } from '../../../site-file.ts'
import { addNode, type Adoption } from '../../../site/edit/add.ts'
import { askControl, statusOfSite, type RunningStatus } from '../../client.ts'
import type { Terminal } from '../../command.ts'
import { editSite } from '../../site-edit.ts'

export type AdditionTarget = {
  /**
   * Returns what the running slipway serves; nothing if the site file has errors, which are printed.
   *
   * @throws {ControlProblem} if slipway does not run, or serves another site
   */
  served(): Promise<RunningStatus | undefined>
  /** Writes the node, unless the file has it. Returns nothing when that was refused; the reason is printed. */
  declare(): Promise<Declared | undefined>
  /** Prints the change. Returns whether it is possible. */
  preview(): Promise<boolean>
}

export type Declared = {
  readonly key: string
  readonly file: string
  readonly line: number
  readonly isWritten: boolean
  /** The command that creates boot files of the agent-based installer for the node. */
  readonly imageCommand?: string | undefined
}

type TargetOptions = {
  /** The command that messages name. */
  readonly command: string
  readonly adoption: Adoption
  readonly control: string
  readonly terminal: Terminal
}

export function localTarget(
  sitePath: string,
  { command, adoption, control, terminal }: TargetOptions,
): AdditionTarget {
  const edit = (isDry: boolean) =>
    editSite({ command, sitePath, isDry, terminal }, (text, file) => addNode(text, file, adoption))

  return {
    async served() {
      const loaded = await loadSiteFile(sitePath)
      if (loaded.kind === 'site') return statusOfSite(control, loaded.site.site)
      for (const line of explain(loaded)) terminal.err(line)
      return undefined
    },
    async declare() {
      const adopted = await edit(false)
      if (adopted === undefined) return undefined
      const { key, line, kind, site } = adopted
      const declared = { key, file: sitePath, line, isWritten: kind === 'adopted' }
      terminal.out(declaredLine(declared))
      const imageCommand = await nodeImageAdvice(site, adoption.cluster, adoption.macs)
      return { ...declared, imageCommand }
    },
    async preview() {
      const adopted = await edit(true)
      if (adopted?.kind === 'present') {
        terminal.out(declaredLine({ ...adopted, file: sitePath, isWritten: false }))
      }
      return adopted !== undefined
    },
  }
}

/** `diff` is absent for a user who cannot read the site file. */
type Planned = Omit<Exclude<AdoptionResult, { outcome: 'refused' }>, 'diff'> & {
  readonly diff?: readonly string[]
}

type ServerOptions = TargetOptions & {
  /** Receives the path of the site file on the server. */
  readonly onFile: (file: string) => void
}

export function serverTarget({ adoption, control, terminal, onFile }: ServerOptions): AdditionTarget {
  return {
    served: () => askControl<RunningStatus>(control, '/v1/status'),
    async declare() {
      const { node: key, file, line, outcome, imageCommand } = await writeOnServer(control, adoption)
      onFile(file)
      const declared = { key, file, line, isWritten: outcome === 'written' }
      terminal.out(declaredLine(declared))
      return { ...declared, imageCommand }
    },
    async preview() {
      const planned = await planOnServer(control, adoption)
      onFile(planned.file)
      for (const line of previewLines(planned)) terminal.out(line)
      return true
    },
  }
}

/** Plans the entry of a node for the site file of a server. */
export function planOnServer(control: string, adoption: Adoption, more: object = {}): Promise<Planned> {
  return askControl<Planned>(control, '/v1/nodes', 'POST', undefined, { ...adoption, ...more })
}

/** Writes the entry, unless the site file of the server has it. */
export async function writeOnServer(control: string, adoption: Adoption): Promise<Planned> {
  const planned = await planOnServer(control, adoption)
  return planned.outcome === 'planned' ? planOnServer(control, adoption, { base: planned.base }) : planned
}

/** Returns the change as a diff; only the entry for a user who cannot read the site file. */
export function previewLines(planned: Planned): readonly string[] {
  const { outcome, node: key, file, line, entry } = planned
  if (outcome === 'present') return [declaredLine({ key, file, line, isWritten: false })]
  return planned.diff ?? [entry]
}

function declaredLine({ key, file, line, isWritten }: Omit<Declared, 'imageCommand'>): string {
  return `${file}:${line}: ${key} is ${isWritten ? '' : 'already '}declared`
}
