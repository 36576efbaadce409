/** What the scan finds of the files below /files. */
import type { Template } from '../template/template.ts'

export type TemplateFact =
  | { readonly kind: 'found'; readonly path: string; readonly template: Template }
  /** `problem` is a sentence. */
  | { readonly kind: 'missing'; readonly problem: string }

export type ServedFacts = {
  /** By path on this machine. */
  readonly templates: ReadonlyMap<string, TemplateFact>
  /** Files and directories that cannot be served, by path on this machine: a sentence. */
  readonly problems: ReadonlyMap<string, string>
  /** Files and directories from which nothing is served below /files, without symbolic links. */
  readonly protectedPaths: readonly string[]
}
