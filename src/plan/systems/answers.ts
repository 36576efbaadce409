/**
 * The answer files of other operating systems: templates of an administrator with the facts of the node, and kernel arguments that
 * name them. Pure. Only the node that is being installed gets them (docs/decisions/0049).
 */
import type { OtherSystem } from '../../site/other-systems.ts'
import { listSome } from '../../text/format.ts'
import type { MissingFile } from '../facts.ts'
import type { Model, NodeModel } from '../model.ts'
import { devicePath } from '../disks/target.ts'
import { nodeFactNames, nodeFacts } from '../template/node-facts.ts'
import { parseTemplate, renderTemplate, templateProblems, type Template } from '../template/template.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { factAt, systemOf, templateAt } from './answer-templates.ts'
import { reviewAnswer } from './review/answer.ts'
import { checkPlace, runsInTime } from './review/check-runs.ts'
import type { LineProblem, OtherDisks, Review } from './review/review.ts'
import { renderSystemScript, scriptName } from './script.ts'

/** The name under which the first answer file is served; that of the file itself if undefined. */
const mainNames: Readonly<Partial<Record<OtherSystem, string>>> = {
  debian: 'preseed.cfg',
  rhel: 'kickstart.cfg',
  ubuntu: 'user-data',
  talos: 'machine.yaml',
}

/** Names that templates can use beside the facts of the node. */
export const answerFactNames = [
  'slipway.answers',
  'slipway.folder',
  'slipway.callback',
  'slipway.diskCheck',
  'slipway.report',
  'slipway.reportFailure',
] as const

const templateNames: readonly string[] = [...nodeFactNames, ...answerFactNames]

/** A file that slipway serves to the installer of a node. */
export type Answer = {
  readonly name: string
  /** With the placeholder of the token. */
  readonly text: string
  /** Whether the installer may write the disk once it has this file. */
  readonly isLast: boolean
}

export function answersOf(model: Model, node: NodeModel): Answer[] {
  const { os, answers } = systemOf(node)
  const values = answerFacts(model, node)
  const isLast = !checksDisk(model, node)
  const files = answers.flatMap((path, index): Answer[] => {
    const template = templateAt(model, path)
    if (template.kind !== 'template' || problemsOf(template, node, values).length > 0) return []
    return [{ name: nameOf(os, path, index), text: renderTemplate(template, values), isLast }]
  })
  const url = absoluteUrl(model.endpoint, urlPaths.answers(node, ''), node).replace(/\/$/, '')
  const script = renderSystemScript({ url, disk: node.disk && devicePath(node.disk) })
  const others = [{ name: scriptName, text: script }, ...(os === 'ubuntu' ? cloudInitFiles(node) : [])]
  return [...files, ...others.map((each) => ({ ...each, isLast: false }))]
}

/** cloud-init needs these beside `user-data`. */
function cloudInitFiles({ key, name }: NodeModel): Pick<Answer, 'name' | 'text'>[] {
  return [
    { name: 'meta-data', text: `instance-id: ${key.replace('/', '-')}\nlocal-hostname: ${name}\n` },
    { name: 'vendor-data', text: '#cloud-config\n{}\n' },
  ]
}

/** Several parts of the plan need the result, for each node. */
const checking = new WeakMap<NodeModel, boolean>()

/** Reports whether an answer file runs the disk check in time, so that nothing is written before slipway permits it. */
export function checksDisk(model: Model, node: NodeModel): boolean {
  const known = checking.get(node)
  if (known !== undefined) return known
  const { os, answers } = systemOf(node)
  const checks = answers.some((path, index) => {
    const template = templateAt(model, path)
    if (template.kind !== 'template') return false
    const text = template.parts.map((part) =>
      typeof part === 'string' ? part : part.name === 'slipway.diskCheck' ? checkMark : 'x',
    )
    return runsInTime(os, index === 0, text.join(''), checkMark)
  })
  checking.set(node, checks)
  return checks
}

/** Replaces the command of the disk check in a text that is searched for it. */
const checkMark = 'slipwayDiskCheckCommand'

/** Returns where the first answer file must run the disk check; undefined if slipway does not know its format. */
export function diskCheckPlace(node: NodeModel): string | undefined {
  return checkPlace(systemOf(node).os)
}

/**
 * Reports whether slipway knows when the installer starts only from its boot loader: the kernel arguments of a custom system
 * name no answer file, and no disk check asks for a permission.
 */
export function needsHandover(model: Model, node: NodeModel): boolean {
  const { os, answers } = systemOf(node)
  if (os !== 'custom' || checksDisk(model, node)) return false
  const namesAnswers = node.kernelArguments.some((argument) => {
    const template = parseTemplate(argument)
    return template.kind === 'template' && usesName(template, ['slipway.answers', 'slipway.folder'])
  })
  return answers.length === 0 || !namesAnswers
}

/** Reports whether an answer file reports the end of the installation. */
export function reportsEnd(model: Model, node: NodeModel): boolean {
  return uses(model, node, ['slipway.callback', 'slipway.report'])
}

function uses(model: Model, node: NodeModel, names: readonly string[]): boolean {
  return systemOf(node).answers.some((path) => {
    const template = templateAt(model, path)
    return template.kind === 'template' && usesName(template, names)
  })
}

function usesName({ parts }: Template, names: readonly string[]): boolean {
  return parts.some((part) => typeof part !== 'string' && names.includes(part.name))
}

/** Returns why the answer files of a node cannot be served. */
export function missingAnswers(model: Model, node: NodeModel): MissingFile[] {
  const { os, answers } = systemOf(node)
  if (answers.length === 0 && os !== 'custom') {
    const problem = `${node.key} has no answer file: set answers to the path of one`
    return [{ kind: 'missing', code: 'answers.missing', path: node.key, problem }]
  }
  const values = answerFacts(model, node)
  const files = answers.flatMap((path): MissingFile[] => {
    const fact = factAt(model, path)
    if (fact.kind === 'missing') return [fact]
    const template = templateAt(model, path)
    const problems = template.kind === 'problem' ? [template] : problemsOf(template, node, values)
    if (problems.length > 0) return invalid('answers.template-invalid', path, problems)
    return path === answers[0] ? invalid('answers.invalid', path, reviewOf(model, node).problems) : []
  })
  const given = node.kernelArguments.flatMap((argument): MissingFile[] => {
    const template = parseTemplate(argument)
    const problems = template.kind === 'problem' ? [template] : problemsOf(template, node, values)
    return problems.map(({ problem }) => ({
      kind: 'missing',
      code: 'answers.template-invalid',
      path: node.key,
      problem: `kernelArguments of ${node.key}: ${problem} in ${argument}`,
    }))
  })
  return [...files, ...given]
}

function invalid(
  code: 'answers.invalid' | 'answers.template-invalid',
  path: string,
  problems: readonly LineProblem[],
): MissingFile[] {
  if (problems.length === 0) return []
  const text = listSome(
    problems.map(({ line, problem }) => `line ${line}: ${problem}`),
    3,
  )
  return [{ kind: 'missing', code, path, problem: `${path}: ${text}` }]
}

/** Returns which other disks than that of the node the first answer file lets the installer overwrite. */
export function otherDisks(model: Model, node: NodeModel): OtherDisks | undefined {
  return reviewOf(model, node).otherDisks
}

/** Several parts of the plan need the result, for each node. */
const reviewed = new WeakMap<NodeModel, Review>()

/** Reviews the first answer file, if it can be rendered. */
function reviewOf(model: Model, node: NodeModel): Review {
  const known = reviewed.get(node)
  if (known !== undefined) return known
  const { os, answers } = systemOf(node)
  const [main] = answers
  const template = main === undefined ? undefined : templateAt(model, main)
  const values = answerFacts(model, node)
  const review: Review =
    template?.kind === 'template' && problemsOf(template, node, values).length === 0
      ? reviewAnswer(os, renderTemplate(template, values), node.disk && devicePath(node.disk))
      : { problems: [] }
  reviewed.set(node, review)
  return review
}

function problemsOf(template: Template, node: NodeModel, values: ReadonlyMap<string, string>) {
  return templateProblems(template, templateNames, values, node.key)
}

/** Returns the values for templates: the facts of the node, and how its installer reaches slipway. */
function answerFacts(model: Model, node: NodeModel): ReadonlyMap<string, string> {
  const { os, answers } = systemOf(node)
  const url = (file: string) => absoluteUrl(model.endpoint, urlPaths.answers(node, file), node)
  const [main] = answers
  const fetch = os === 'debian' ? 'wget -q -O' : 'curl --fail --silent --output'
  const file = `/tmp/${scriptName}`
  // Without the script, the installer must not continue to its disk.
  const get = `until ${fetch} ${file} ${url(scriptName)}; do sleep 5; done`
  const report = (stage: 'written' | 'failed') =>
    `[ -e ${file} ] || ${fetch} ${file} ${url(scriptName)}; sh ${file} ${stage}`
  return new Map([
    ...nodeFacts(model, node),
    ...(main === undefined ? [] : [['slipway.answers', url(nameOf(os, main, 0))] as const]),
    ['slipway.folder', url('')],
    ['slipway.callback', absoluteUrl(model.endpoint, urlPaths.callback(node, 'written'), node)],
    ...(node.disk === undefined ? [] : [['slipway.diskCheck', `${get}; sh ${file} disk`] as const]),
    ['slipway.report', report('written')],
    ['slipway.reportFailure', report('failed')],
  ])
}

function nameOf(os: OtherSystem, path: string, index: number): string {
  return (index === 0 ? mainNames[os] : undefined) ?? path.slice(path.lastIndexOf('/') + 1)
}

/**
 * Returns the kernel arguments of an installer, with those of the node.
 *
 * @param download URL of what the installer downloads: the ISO of Ubuntu
 */
export function systemArguments(model: Model, node: NodeModel, download = ''): string[] {
  const { os } = systemOf(node)
  const values = answerFacts(model, node)
  const given = node.kernelArguments.map((text) => renderTemplate(parseTemplate(text) as Template, values))
  const answers = values.get('slipway.answers') ?? ''
  switch (os) {
    case 'debian':
      return debianArguments(node, answers, given)
    case 'rhel':
      return [
        `inst.ks=${answers}`,
        ...(given.some((each) => each.startsWith('ip=')) ? [] : ['ip=dhcp']),
        ...given,
      ]
    case 'ubuntu':
      return [
        'ip=dhcp',
        `url=${download}`,
        'root=/dev/ram0',
        'ramdisk_size=1500000',
        'cloud-config-url=/dev/null',
        'autoinstall',
        `ds=nocloud-net;s=${values.get('slipway.folder') as string}`,
        ...given,
      ]
    case 'talos':
      return [...talosArguments, `talos.config=${answers}`, ...given]
    case 'flatcar':
      return [
        'flatcar.first_boot=1',
        `ignition.config.url=${absoluteUrl(model.endpoint, urlPaths.liveIgnition(node), node)}`,
        ...given,
      ]
    default:
      return given
  }
}

/** Those that https://talos.dev/latest/reference/kernel requires, and those of its boot assets. */
const talosArguments = [
  'talos.platform=metal',
  'slab_nomerge',
  'pti=on',
  'init_on_alloc=1',
  'consoleblank=0',
  'nvme_core.io_timeout=4294967295',
  'printk.devkmsg=on',
]

/** Debian's installer copies arguments after `---` to the installed system. */
function debianArguments(node: NodeModel, answers: string, given: readonly string[]): string[] {
  const { name, fqdn, mac, otherMacs } = node
  const isConsole = (text: string) => text.startsWith('console=')
  const consoles = given.filter(isConsole)
  return [
    'auto=true',
    'priority=critical',
    `url=${answers}`,
    'interface=auto',
    ...(otherMacs === undefined ? [`BOOTIF=01-${mac.replaceAll(':', '-')}`] : []),
    `hostname=${name}`,
    `domain=${fqdn.slice(fqdn.indexOf('.') + 1)}`,
    ...given.filter((text) => !isConsole(text)),
    ...(consoles.length === 0 ? [] : ['---', ...consoles]),
  ]
}
