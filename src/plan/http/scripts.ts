/** Boot scripts of all nodes, and the files that they lack. */
import { listSome } from '../../text/format.ts'
import type { IgnitionKind } from '../facts.ts'
import type { PlanCode, PlanFinding } from '../codes.ts'
import { renderInstall, kernelArguments } from '../ipxe/install.ts'
import {
  ignitionKindsOf,
  imageFacts,
  installationOf,
  missingFor,
  missingSentence,
  missingSentences,
} from '../ipxe/installation.ts'
import { renderLocal, renderMenu } from '../ipxe/menu.ts'
import { flatMapSteps, lazy } from '../steps.ts'
import type { Model, NodeModel } from '../model.ts'
import { absoluteUrl, tokenCharacters, tokenPlaceholder, urlPaths } from '../urls.ts'
import type { BootScript } from './plan.ts'

/** COMMAND_LINE_SIZE of Linux on x86_64 and aarch64, without the terminating NUL. */
const maxCommandLineBytes = 2047

type Compiled = {
  readonly scripts: ReadonlyMap<string, BootScript>
  readonly findings: readonly PlanFinding[]
}

export function* compileScripts(model: Model): Generator<void, Compiled> {
  const scripts = new Map(yield* flatMapSteps(model.nodes, (node) => nodeScripts(model, node)))
  yield
  const missing = yield* missingFiles(model)
  yield
  const long = yield* flatMapSteps(model.nodes, (node) => longCommandLine(model, node))
  return { scripts, findings: [...missing, ...long] }
}

function nodeScripts(model: Model, node: NodeModel): [path: string, script: BootScript][] {
  const url = (path: string) => absoluteUrl(model.endpoint, path)
  // An agent image decides the roles itself, so there is nothing to choose.
  const isAgent = imageFacts(model, node.image).style === 'agent'
  const roles = ignitionKindsOf(model, node)
    .filter((role) => !isAgent || role === node.ignition)
    .map((role) => ({ role, path: urlPaths.installScript(node, role) }))
  const bootPath = urlPaths.bootScript(node)
  const menuPath = urlPaths.menuScript(node)
  const install = (role: IgnitionKind): BootScript => {
    const missing = missingFor(model, node, role).map(({ fact }) => fact)
    const problem = missing.length === 0 ? undefined : missingSentences(missing).join('; ')
    const render = () => renderInstall(node, role, installationOf(model, node, role), url(bootPath))
    return lazyScript(node, problem === undefined ? 'install' : 'wait', render, problem)
  }
  const choices = () =>
    roles.map(({ role, path }) => ({
      role,
      url: url(path),
      installation: installationOf(model, node, role),
    }))
  const menu = lazyScript(node, 'menu', () => renderMenu(node, choices(), url(menuPath)))
  const local = lazyScript(node, 'local', () => renderLocal(node, url(bootPath)))
  const installs = new Map(roles.map(({ role, path }) => [role, { path, script: install(role) }]))
  const { script: declaredInstall } = installs.get(node.ignition) as { readonly script: BootScript }
  const declared = { install: declaredInstall, menu, local }
  return [
    [bootPath, declared[node.boot]],
    [menuPath, menu],
    [urlPaths.localScript(node), local],
    ...[...installs.values()].map(({ path, script }): [string, BootScript] => [path, script]),
  ]
}

function lazyScript(
  { key }: NodeModel,
  boot: BootScript['boot'],
  render: () => string,
  problem?: string,
): BootScript {
  const body = lazy(render)
  return {
    get body() {
      return body()
    },
    node: key,
    boot,
    ...(problem !== undefined && { problem }),
  }
}

/** Reports each missing file once, with the nodes that need it for their declared role. */
function* missingFiles(model: Model): Generator<void, PlanFinding[]> {
  type Needed = { readonly code: PlanCode; readonly about: string; readonly nodes: Set<string> }
  const needed = new Map<string, Needed>()
  const all = yield* flatMapSteps(model.nodes, (node) =>
    node.boot === 'local'
      ? []
      : missingFor(model, node, node.ignition).map((missing) => ({ ...missing, node: node.key })),
  )
  for (const { fact, about, node } of all) {
    // A missing directory is the reason for all files in it, and is reported once.
    const sentence = missingSentence(fact)
    const entry = needed.get(sentence) ?? { code: fact.code, about, nodes: new Set() }
    entry.nodes.add(node)
    needed.set(sentence, entry)
  }
  return [...needed].map(([sentence, { code, about, nodes }]) => ({
    code,
    severity: 'error',
    about,
    message: `${sentence} (needed by ${listSome([...nodes], 8)})`,
  }))
}

/** The kernel cuts the end off a longer command line without a message. */
function longCommandLine(model: Model, node: NodeModel): PlanFinding[] {
  const installation = installationOf(model, node, node.ignition)
  if (installation.kind === 'impossible') return []
  // UEFI puts the name of the kernel before its arguments.
  const { length } = [installation.kernel.name, ...kernelArguments(node, installation)]
    .join(' ')
    .replaceAll(tokenPlaceholder, 'x'.repeat(tokenCharacters))
  if (length <= maxCommandLineBytes) return []
  const message = `kernel command line of ${length} bytes is longer than the ${maxCommandLineBytes} bytes that the kernel accepts: shorten kernelArguments`
  return [{ code: 'boot.command-line-too-long', severity: 'error', about: node.key, message }]
}
