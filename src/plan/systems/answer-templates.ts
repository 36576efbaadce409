/** The templates of answer files. Pure. */
import type { AddedFileFact } from '../facts.ts'
import type { Model, NodeModel, SystemModel } from '../model.ts'
import { parseTemplate, type Template, type TemplateProblem } from '../template/template.ts'

/** Templates by content, because many nodes share one file. */
const parsed = new WeakMap<Uint8Array, Template | TemplateProblem>()

/** Returns the parsed file at a path, or why there is none. */
export function templateAt(model: Model, path: string): Template | TemplateProblem {
  const fact = factAt(model, path)
  if (fact.kind === 'missing') return { kind: 'problem', line: 1, problem: fact.problem }
  const known = parsed.get(fact.content)
  if (known !== undefined) return known
  const template = parseTemplate(new TextDecoder().decode(fact.content))
  parsed.set(fact.content, template)
  return template
}

/** @throws {TypeError} if the caller compiles with facts of another site */
export function factAt({ facts }: Model, path: string): AddedFileFact {
  const fact = facts.addedFiles?.get(path)
  if (fact === undefined) throw new TypeError(`site was not scanned: ${path} not among the facts`)
  return fact
}

/** Only nodes with another operating system have answer files. */
export function systemOf({ system }: NodeModel): SystemModel {
  return system as SystemModel
}
