/** What the scan finds of the files below /files. */
import type { MissingFile } from '../facts.ts'
import type { Template } from '../template/template.ts'

export type TemplateFact =
  { readonly kind: 'found'; readonly path: string; readonly template: Template } | MissingFile

export type ServedFacts = {
  /** By path on this machine. */
  readonly templates: ReadonlyMap<string, TemplateFact>
  /** Files and directories that cannot be served, by path on this machine: a sentence. */
  readonly problems: ReadonlyMap<string, string>
  /** Files and directories from which nothing is served below /files, without symbolic links. */
  readonly protectedPaths: readonly string[]
}
