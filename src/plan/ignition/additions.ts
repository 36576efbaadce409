/** The files to add to a node's Ignition file with their contents, or those that are missing. */
import type { AddedFileFact, Facts, MissingFile } from '../facts.ts'
import type { NodeModel } from '../model.ts'
import type { AddedFile, Additions } from './wrapper.ts'

type Added = {
  /** Absent if nothing is declared, or if a file is missing. */
  readonly additions?: Additions
  readonly missing: readonly MissingFile[]
}

export function additionsOf({ files }: NodeModel, facts: Facts): Added {
  const missing: MissingFile[] = []
  const added = files.flatMap(({ path, mode, source }): AddedFile[] => {
    if (source.kind === 'text') return [{ path, mode, content: new TextEncoder().encode(source.text) }]
    const fact = addedFileFact(facts, source.file)
    if (fact.kind === 'found') return [{ path, mode, content: fact.content }]
    missing.push(fact)
    return []
  })
  return added.length === 0 || missing.length > 0 ? { missing } : { additions: { files: added }, missing }
}

/** @throws {TypeError} if the caller compiles with facts of another site */
function addedFileFact({ addedFiles }: Facts, file: string): AddedFileFact {
  const fact = addedFiles?.get(file)
  if (fact === undefined) throw new TypeError(`site was not scanned: ${file} not among the facts`)
  return fact
}
