/**
 * The administrator's own entries in the boot menu. They boot what the administrator wrote, so they never get a token: the
 * guard of installations is in the scripts that the other entries request. Pure.
 */
import type { OwnEntry } from '../../site/menu-section.ts'
import { defined } from '../../text/defined.ts'
import type { PlanFinding } from '../codes.ts'
import type { FilesPlan } from '../files/compile.ts'
import type { Model, NodeModel } from '../model.ts'
import { flatMapSteps } from '../steps.ts'
import { nodeFactNames, nodeFacts } from '../template/node-facts.ts'
import { parseTemplate, renderTemplate, templateProblems, type Template } from '../template/template.ts'
import { absoluteUrl } from '../urls.ts'

/** An entry for one node: URLs are absolute. */
export type OwnChoice = { readonly title: string; readonly key?: string } & (
  | {
      readonly kind: 'kernel'
      readonly kernel: string
      readonly initrd?: string
      readonly arguments: readonly string[]
    }
  | { readonly kind: 'script'; readonly script: string }
)

/** Returns the entries that can be rendered for a node. */
export function ownChoices(model: Model, node: NodeModel): readonly OwnChoice[] {
  const { entries } = node.menu
  if (entries === undefined) return []
  const facts = nodeFacts(model, node)
  // Entries with problems are left out below.
  const fill = (text: string): string => renderTemplate(parseTemplate(text) as Template, facts)
  const url = (text: string) => {
    const filled = fill(text)
    return filled.startsWith('/') ? absoluteUrl(model.endpoint, filled, node) : filled
  }
  return entries
    .filter((entry) => placeholderProblems(entry, facts).length === 0)
    .map(({ title, key, kernel, initrd, script, arguments: words = [] }): OwnChoice => {
      const shown = { title, ...defined({ key }) }
      if (kernel === undefined) return { ...shown, kind: 'script', script: url(script as string) }
      const more = initrd === undefined ? {} : { initrd: url(initrd) }
      return { ...shown, kind: 'kernel', kernel: url(kernel), ...more, arguments: words.map(fill) }
    })
}

/** Reports whether a script is one of GRUB, by its name. */
export function isGrubScript(url: string): boolean {
  return /\.(?:cfg|grub)(?:\?|$)/.test(url)
}

function placeholderProblems(entry: OwnEntry, facts: ReadonlyMap<string, string>): string[] {
  const { kernel, initrd, script, arguments: words = [] } = entry
  return [kernel, initrd, script, ...words].flatMap((text) => {
    if (text === undefined) return []
    const template = parseTemplate(text)
    if (template.kind === 'problem') return [template.problem]
    return templateProblems(template, nodeFactNames, facts, 'the node').map(({ problem }) => problem)
  })
}

/** Reports entries that cannot be shown, and those that name a file of this server that is not declared. */
export function* menuFindings(model: Model, files: FilesPlan | undefined): Generator<void, PlanFinding[]> {
  const nodes = model.nodes.filter(({ menu }) => menu.entries !== undefined)
  const all = yield* flatMapSteps(nodes, (node) => {
    const facts = nodeFacts(model, node)
    return (node.menu.entries as readonly OwnEntry[]).flatMap((entry) =>
      [...placeholderProblems(entry, facts), ...undeclared(model, entry, files)].map((problem) => ({
        problem: `menu entry ${JSON.stringify(entry.title)}: ${problem}`,
        node: node.key,
      })),
    )
  })
  return [...Map.groupBy(all, ({ problem }) => problem)].map(([message, group]) => ({
    code: 'boot.menu-entry-invalid',
    severity: 'error',
    about: group.length === 1 ? (group[0] as { node: string }).node : `${group.length} nodes`,
    message,
  }))
}

function undeclared({ site }: Model, entry: OwnEntry, files: FilesPlan | undefined): string[] {
  return [entry.kernel, entry.initrd, entry.script].flatMap((path) => {
    if (path?.startsWith('/') !== true || path.includes('{{')) return []
    const [, section, first = '', ...rest] = path.split('/')
    if (section === 'images') return first in site.images ? [] : [`${path}: there is no image ${first}`]
    const parts = [first, ...rest]
    const isDeclared = parts.some((_, index) => {
      const part = parts.slice(0, index + 1).join('/')
      const isWhole = index === parts.length - 1
      return (
        files?.shared.get(part)?.kind === (isWhole ? 'file' : 'dir') ||
        (isWhole && files?.templates.has(part))
      )
    })
    return isDeclared ? [] : [`${path} is not declared under http.files`]
  })
}
