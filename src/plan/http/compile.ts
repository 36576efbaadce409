/** Compiles the plan of HTTP: scripts, Ignition files, loaders, and the directories of images. */
import { formatIp, formatIpv4 } from '../../proto/address/ip.ts'
import { defined } from '../../text/defined.ts'
import { pluralize } from '../../text/format.ts'
import type { FoundFile, ImageFileKind, InstallRole, MissingFile } from '../facts.ts'
import { imageLoaders } from '../tftp.ts'
import type { PlanFinding, PlanCode } from '../codes.ts'
import { bootSource, type Model, type NodeModel } from '../model.ts'
import { urlPaths, absoluteUrl, nodeOfPath, tokenCharacters, tokenPlaceholder } from '../urls.ts'
import { menuFindings } from '../boot/menu-entries.ts'
import { filesSteps } from '../files/compile.ts'
import { compileIgnition, isOpen } from './ignition.ts'
import { compileInventory } from './inventory.ts'
import { NodeMap } from './node-map.ts'
import { uncheckedDisk, uncheckedNodes } from '../disk-check.ts'
import { answersOf, reportsEnd } from '../systems/answers.ts'
import type { AnswerFile, HttpPlan, WholeFile, ImageDirectory, BootScript } from './plan.ts'
import { runSteps, flatMapSteps, lazy } from '../steps.ts'
import { usualAgentArguments } from '../image-files.ts'
import {
  declaredImage,
  fileName,
  imageFacts,
  imageFiles,
  isMissing,
  ignitionKindsOf,
  installationOf,
  missingFor,
  missingSentence,
  missingSentences,
  readsIgnition,
} from '../boot/installation.ts'
import { listSome } from '../../text/format.ts'
import { kernelArguments } from '../boot/arguments.ts'
import { planInstall, planMenu, type BootPlan } from '../boot/boot-plan.ts'
import { renderIpxe } from '../ipxe/render.ts'
import { renderEmbedded } from '../ipxe/secure.ts'
import { compileTls } from '../tls.ts'

type Compiled = { readonly plan: HttpPlan; readonly findings: readonly PlanFinding[] }

export function compileHttp(model: Model): Compiled {
  return runSteps(httpSteps(model))
}

export function* httpSteps(model: Model): Generator<void, Compiled> {
  const { endpoint, nodes, facts } = model
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  const scripts = yield* scriptFindings(model)
  yield
  const ignition = compileIgnition(model, byKey)
  const images = compileImages(model)
  const files = yield* filesSteps(model)
  const inventory = compileInventory(model)
  const menus = yield* menuFindings(model, files.plan)
  return {
    plan: {
      address: formatIpv4(endpoint.address),
      address6: endpoint.address6,
      ...defined({ monitors: model.site.server.monitors }),
      port: endpoint.ports.http,
      ...defined({ tls: compileTls(endpoint) }),
      ...(endpoint.tls !== undefined && { secureAutoexec: renderEmbedded(endpoint) }),
      scripts: new NodeMap({
        nodes: byKey,
        nodeOf: nodeOfPath,
        create: (node) => nodeScripts(model, node),
      }),
      ignition: ignition.files,
      ...(nodes.some(({ system }) => system !== undefined) && { answers: answerFiles(model, byKey) }),
      nodes: ignition.nodes,
      loaders: new Map([
        ...[...facts.loaders].map(([name, fact]) => [urlPaths.loader(name), loaderFile(fact)] as const),
        ...imageLoaders(model).map(({ name, fact }) => [urlPaths.loader(name), loaderFile(fact)] as const),
      ]),
      images: images.directories,
      ...defined({ files: files.plan, inventory: inventory.plan }),
      nodeByAddress: new Map(
        nodes.flatMap(({ addresses, key }) => addresses.map((each) => [formatIp(each), key])),
      ),
    },
    findings: [
      ...scripts,
      ...ignition.findings,
      ...images.findings,
      ...files.findings,
      ...menus,
      ...inventory.findings,
    ],
  }
}

function answerFiles(model: Model, nodes: ReadonlyMap<string, NodeModel>): NodeMap<AnswerFile> {
  const create = (node: NodeModel): [path: string, file: AnswerFile][] => {
    if (readsIgnition(node)) return []
    return answersOf(model, node).map(({ name, text, isLast }) => {
      const secret = isLast ? node.ignition : 'live'
      return [urlPaths.plannedAnswers(node, name), { node: node.key, name, secret, text }]
    })
  }
  return new NodeMap({ nodes, nodeOf: nodeOfPath, create })
}

function loaderFile(fact: Pick<FoundFile, 'kind' | 'path'> | MissingFile): WholeFile {
  return { file: fact.path, ...defined({ problem: fact.kind === 'missing' ? fact.problem : undefined }) }
}

function compileImages(model: Model): {
  readonly directories: ReadonlyMap<string, ImageDirectory>
  readonly findings: readonly PlanFinding[]
} {
  const directories = Object.entries(model.site.images).map(([name, { dir }]) => {
    return [name, { dir, files: bootFiles(model, name), secrets: secrets(model, name) }] as const
  })
  return { directories: new Map(directories), findings: agentsWithoutScript(model) }
}

function bootFiles(model: Model, image: string): ReadonlyMap<string, ImageFileKind> {
  const facts = declaredImage(model, image)
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
  // Open access is for every client, but with server.tls over HTTPS only.
  const isOverHttps = model.endpoint.tls !== undefined
  if (!isOverHttps && users.some(({ cluster }) => isOpen(model.site, cluster))) return new Set()
  const { style, initramfs, secrets } = declaredImage(model, image)
  const own = style === 'agent' && !isMissing(initramfs) ? [fileName(initramfs.path)] : []
  return new Set([...own, ...(secrets ?? [])])
}

/** Most clusters need only the usual arguments; one that needs others would be installed wrongly. */
function agentsWithoutScript(model: Model): PlanFinding[] {
  return Object.keys(model.site.images).flatMap((name): PlanFinding[] => {
    const image = declaredImage(model, name)
    if (image.style !== 'agent' || image.kernelArguments !== undefined) return []
    const message =
      `there is no readable iPXE script beside its files, so nodes start with ${usualAgentArguments.join(' ')}; ` +
      'set bootArtifactsBaseURL in agent-config.yaml so that the installer writes one, or add missing arguments (fips=1) to kernelArguments'
    return [{ code: 'image.agent-script-missing', severity: 'warning', about: `image ${name}`, message }]
  })
}

// Boot scripts of all nodes, and the files that they lack.

/** COMMAND_LINE_SIZE of Linux on x86_64, aarch64, and ppc64le, without the terminating NUL. */
const maxCommandLineBytes = 2047
/** ARCH_COMMAND_LINE_SIZE in the firmware of s390x, without the terminating NUL. */
const maxBytesOfS390 = 895

function* scriptFindings(model: Model): Generator<void, PlanFinding[]> {
  const missing = yield* missingFiles(model)
  yield
  const long = yield* flatMapSteps(model.nodes, (node) => longCommandLine(model, node))
  const unsafe = yield* flatMapSteps(model.nodes, (node) => unreported(model, node))
  yield
  return [...missing, ...long, ...unsafe, ...uncheckedNodes(model), ...unencrypted(model)]
}

function nodeScripts(model: Model, node: NodeModel): [path: string, script: BootScript][] {
  // An agent image, or another installer, decides the roles itself, so there is nothing to choose.
  const { style } = imageFacts(model, bootSource(node))
  const hasOwnRoles = style === 'agent' || style === 'script'
  const roles = ignitionKindsOf(model, node).filter((role) => !hasOwnRoles || role === node.ignition)
  const bootPath = urlPaths.bootScript(node)
  const script = (boot: BootScript['boot'], plan: () => BootPlan, problem?: string) =>
    lazyScript(node, absoluteUrl(model.endpoint, bootPath, node), { boot, plan, ...defined({ problem }) })
  const install = (role: InstallRole): BootScript => {
    const missing = missingFor(model, node, role).map(({ fact }) => fact)
    const problem = missing.length === 0 ? undefined : missingSentences(missing).join('; ')
    return script(problem === undefined ? 'install' : 'wait', () => planInstall(model, node, role), problem)
  }
  const menu = script('menu', () => planMenu(model, node, roles))
  const local = script('local', () => ({ kind: 'local' }))
  const installs = new Map(roles.map((role) => [role, install(role)]))
  const declared = { install: installs.get(node.ignition) as BootScript, menu, local }
  return [
    [bootPath, declared[node.boot]],
    [urlPaths.menuScript(node), menu],
    [urlPaths.localScript(node), local],
    ...[...installs].map(([role, each]): [string, BootScript] => [urlPaths.installScript(node, role), each]),
  ]
}

/** @param url of the boot script */
function lazyScript(node: NodeModel, url: string, given: Omit<BootScript, 'body' | 'node'>): BootScript {
  const plan = lazy(given.plan)
  const body = lazy(() => renderIpxe(node, plan(), url))
  const { boot, problem } = given
  return {
    plan,
    get body() {
      return body()
    },
    node: node.key,
    boot,
    ...defined({ problem }),
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

/** Reports installers that do not ask slipway before they overwrite the disk, or do not report the end. */
function unreported(model: Model, node: NodeModel): PlanFinding[] {
  const { system, wipe, key, boot } = node
  if (system === undefined || boot === 'local') return []
  if (missingFor(model, node, node.ignition).length > 0) return []
  const about = { severity: 'warning', about: key } as const
  const unchecked = wipe === 'always' ? undefined : uncheckedDisk(model, node)
  const silent =
    'no answer file runs {{slipway.report}}, so slipway learns only from the next boots whether the installation ended: add it'
  return [
    ...(unchecked === undefined
      ? []
      : [
          {
            code: 'answers.disk-not-checked',
            ...about,
            message: `${unchecked.why}, so each installation needs slipway node install: run it, ${unchecked.fix}set wipe: always`,
          } as const,
        ]),
    ...(system.os === 'talos' || readsIgnition(node) || reportsEnd(model, node)
      ? []
      : [{ code: 'answers.end-not-reported', ...about, message: silent } as const]),
  ]
}

/** Installers of other operating systems do not know the CA. */
function unencrypted({ endpoint, nodes }: Model): PlanFinding[] {
  if (endpoint.tls === undefined) return []
  const readers = nodes.filter(
    ({ boot, system }) =>
      boot !== 'local' && system !== undefined && !readsIgnition({ system }) && system.answers.length > 0,
  )
  return [...Map.groupBy(readers, ({ cluster }) => cluster)].map(([group, { length }]) => ({
    code: 'answers.not-encrypted',
    severity: 'warning',
    about: `group ${group}`,
    message: `the answer files of ${pluralize(length, 'machine')} are sent over plain HTTP, because server.tls does not cover them: use no plain-text passwords in them`,
  }))
}

/** The kernel cuts the end off a longer command line without a message. */
function longCommandLine(model: Model, node: NodeModel): PlanFinding[] {
  const installation = installationOf(model, node, node.ignition)
  if (installation.kind === 'impossible' || installation.style === 'script') return []
  // UEFI puts the name of the kernel before its arguments.
  const { length } = [installation.kernel.name, 'initrd=main', ...kernelArguments(node, installation)]
    .join(' ')
    .replaceAll(tokenPlaceholder, 'x'.repeat(tokenCharacters))
  const max = node.silentFirmware === 's390x' ? maxBytesOfS390 : maxCommandLineBytes
  if (length <= max) return []
  const message = `kernel command line of ${length} bytes is longer than the ${max} bytes that the kernel accepts: shorten kernelArguments`
  return [{ code: 'boot.command-line-too-long', severity: 'error', about: node.key, message }]
}
