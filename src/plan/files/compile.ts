/**
 * Compiles the plan of the files below /files: files and directories for every client, and templates, which are rendered
 * for the node that requests them. For the same path, a node overrides its cluster, and a cluster the site.
 */
import type { Cluster, Node } from '../../site/schema.ts'
import type { PlanFinding } from '../codes.ts'
import { NodeMap } from '../http/node-map.ts'
import type { Model, NodeModel } from '../model.ts'
import { listSome } from '../../text/format.ts'
import { flatMapSteps, lazy } from '../steps.ts'
import { nodeFactNames, nodeFacts } from '../template/node-facts.ts'
import { renderTemplate, templateProblems } from '../template/template.ts'
import type { ServedFacts, TemplateFact } from './facts.ts'

export type FilesPlan = {
  /** For every client, by path below /files. */
  readonly shared: ReadonlyMap<string, SharedSource>
  /** Paths below /files that only nodes get. */
  readonly templates: ReadonlySet<string>
  /** By {@link renderedKey}. */
  readonly rendered: ReadonlyMap<string, RenderedFile>
  /** Files and directories from which nothing is served. */
  readonly protectedPaths: readonly string[]
}

export type SharedSource =
  { readonly kind: 'file'; readonly file: string } | { readonly kind: 'dir'; readonly dir: string }

export type RenderedFile = {
  /** The template on this machine. */
  readonly file: string
  /** Why it cannot be rendered, a sentence; absent if it can. */
  readonly problem?: string
  /** Rendered on access; empty with a problem. */
  readonly text: string
}

/** @param node key of the node @param path below /files */
export function renderedKey(node: string, path: string): string {
  return `${node}/${path}`
}

type Compiled = { readonly plan: FilesPlan | undefined; readonly findings: readonly PlanFinding[] }

export function* filesSteps(model: Model): Generator<void, Compiled> {
  const { site, facts, nodes } = model
  const served: ServedFacts = facts.served ?? {
    templates: new Map(),
    problems: new Map(),
    protectedPaths: [],
  }
  const templatesOf = templateOwners(model)
  const shared = site.http.files.flatMap(({ path, dir, file }): [string, SharedSource][] => {
    if (dir !== undefined) return [[path, { kind: 'dir', dir }]]
    return file === undefined ? [] : [[path, { kind: 'file', file }]]
  })
  const templates = new Set(
    [site, ...site.clusters, ...site.clusters.flatMap((cluster) => cluster.nodes)].flatMap(({ http }) =>
      (http?.files ?? []).flatMap(({ path, template }) => (template === undefined ? [] : [path])),
    ),
  )
  if (shared.length === 0 && templates.size === 0) return { plan: undefined, findings: [] }
  const violations =
    templates.size === 0
      ? []
      : yield* flatMapSteps(nodes, (node) => templateViolations(model, node, templatesOf(node), served))
  return {
    plan: {
      shared: new Map(shared),
      templates,
      rendered: new NodeMap({
        nodes: new Map(nodes.map((node) => [node.key, node])),
        nodeOf: (key) => key.split('/', 2).join('/'),
        create: (node) =>
          [...templatesOf(node)].map(([path, file]) => [
            renderedKey(node.key, path),
            rendered(model, node, file, served.templates.get(file)),
          ]),
      }),
      protectedPaths: served.protectedPaths,
    },
    findings: [...sharedFindings(shared, served), ...templateFindings(violations)],
  }
}

/** Returns a function that returns the templates of a node: files on this machine by path below /files. */
function templateOwners({ site }: Model): (node: NodeModel) => ReadonlyMap<string, string> {
  const owners = lazy(
    () =>
      new Map(
        site.clusters.flatMap((cluster) =>
          cluster.nodes.map((node): [string, (Cluster | Node)[]] => [
            `${cluster.name}/${node.name}`,
            [cluster, node],
          ]),
        ),
      ),
  )
  return ({ key }) =>
    new Map(
      [site, ...(owners().get(key) ?? [])].flatMap(({ http }) =>
        (http?.files ?? []).flatMap(({ path, template }) =>
          template === undefined ? [] : [[path, template] as const],
        ),
      ),
    )
}

function rendered(model: Model, node: NodeModel, file: string, fact: TemplateFact | undefined): RenderedFile {
  if (fact?.kind !== 'found') return { file, problem: fact?.problem ?? `${file} was not read`, text: '' }
  const { template } = fact
  const facts = nodeFacts(model, node)
  const [problem] = templateProblems(template, nodeFactNames, facts, 'the node')
  if (problem !== undefined) return { file, problem: `${file}:${problem.line}: ${problem.problem}`, text: '' }
  return {
    file,
    // Not kept: many nodes with a large template would need much memory.
    get text() {
      return renderTemplate(template, facts)
    },
  }
}

type Violation = { readonly about: string; readonly problem: string; readonly node: string }

function templateViolations(
  model: Model,
  node: NodeModel,
  templates: ReadonlyMap<string, string>,
  served: ServedFacts,
): Violation[] {
  return [...templates].flatMap(([path, file]) => {
    const { problem } = rendered(model, node, file, served.templates.get(file))
    return problem === undefined ? [] : [{ about: `/files/${path}`, problem, node: node.key }]
  })
}

/** Reports each problem once, with the nodes that have it. */
function templateFindings(violations: readonly Violation[]): PlanFinding[] {
  const groups = Map.groupBy(violations, ({ about, problem }) => `${about} ${problem}`)
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map(({ about, problem }): PlanFinding => {
      const nodes = group.map(({ node }) => node)
      const message = `${problem} (needed by ${listSome(nodes, 8)})`
      return { code: 'http.template-invalid', severity: 'error', about, message }
    }),
  )
}

function sharedFindings(
  shared: readonly (readonly [string, SharedSource])[],
  { problems }: ServedFacts,
): PlanFinding[] {
  return shared.flatMap(([path, source]): PlanFinding[] => {
    const message = problems.get(source.kind === 'dir' ? source.dir : source.file)
    if (message === undefined) return []
    return [{ code: 'http.file-not-served', severity: 'error', about: `/files/${path}`, message }]
  })
}
