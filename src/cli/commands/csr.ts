/** `slipway csr …`: certificate signing requests that slipway leaves pending, each with its full reason, and their approval. */
import { parseArgs } from 'node:util'
import type { PendingCsrs, PendingCsr } from '../../cluster/csr/approver.ts'
import { actionHelps } from '../action-help.ts'
import { askOnTerminal, type Ask } from '../ask.ts'
import { ExitCode, UsageError, type Command, type Help, type Terminal } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { formatDuration } from '../../text/format.ts'
import { didYouMean } from '../../text/nearest.ts'
import { wrap, clip, printable } from '../../text/lines.ts'
import { paint, type OutputStyle } from '../text/output.ts'

const help: Help = {
  usage: ['csr [list] [--json] [--control PATH]', 'csr approve [--yes] [--json] [--control PATH] NAME…'],
  about: [
    'Lists pending certificate signing requests and why slipway does not approve them, and approves them.',
    'Queries the running slipway for every cluster with "approve: declared" or "approve: dry-run", oldest request first.',
  ],
  lists: {
    Commands: [
      ['list', 'list the pending requests of all clusters, each with the reason'],
      [
        'approve',
        'print the reasons why requests are pending, ask for confirmation, and approve them: a machine that you do ' +
          'not know can become a node',
      ],
    ],
  },
  options: [['--yes', 'approve: do not ask for confirmation'], controlRow, jsonRow],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or refused the request'],
    ['2', 'invalid command line, or no such request'],
  ],
  isPaged: true,
  examples: ['csr list', 'csr approve csr-8xq2f'],
}

export const csr: Command = {
  name: 'csr',
  help,
  helps: actionHelps(help, {
    list: {
      about: [
        'Lists pending certificate signing requests and why slipway does not approve them.',
        'Queries the running slipway for every cluster with "approve: declared" or "approve: dry-run", oldest request first.',
      ],
      examples: ['csr list', 'csr list --json'],
    },
    approve: {
      about: [
        'Approves certificate signing requests that slipway leaves pending.',
        'Prints the reasons why they are pending, and asks for confirmation: a machine that you do not know can become ' +
          'a node. slipway approves only certificates of kubelets; its kubeconfig must permit that (slipway render rbac).',
      ],
      examples: ['csr approve csr-8xq2f', 'csr approve --yes csr-8xq2f csr-x2f4t'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, yes: { type: 'boolean', default: false } },
    })
    const [action = 'list', ...names] = positionals
    const control = controlPath(values.control)
    if (action === 'approve') {
      if (names.length === 0) throw new UsageError('expected the name of a request')
      const request = { control, names, isConfirmed: values.yes, isJson: values.json }
      return toResult(terminal, () => approveRequests(request, terminal))
    }
    if (action !== 'list' || names.length > 0) throw new UsageError('expected list, or approve and names')
    return toResult(terminal, async () => {
      const clusters = await askControl<PendingCsrs[]>(control, '/v1/csrs')
      if (values.json) terminal.out(JSON.stringify(clusters, undefined, 2))
      else for (const line of csrLines(clusters, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}

type ApproveRequest = {
  readonly control: string
  readonly names: readonly string[]
  /** Approves without a question. */
  readonly isConfirmed: boolean
  readonly isJson: boolean
}

/** The API server can take some time to respond. */
const approveTimeoutMs = 30_000

export async function approveRequests(
  { control, names, isConfirmed, isJson }: ApproveRequest,
  terminal: Terminal,
  ask: Ask = askOnTerminal,
): Promise<number> {
  const clusters = await askControl<PendingCsrs[]>(control, '/v1/csrs')
  const chosen = [...new Set(names)].map((name) => chooseRequest(clusters, name))
  for (const { cluster, request } of isJson ? [] : chosen) {
    terminal.out(clip(`${cluster}: ${requestText(request, Date.now())}`, Math.max(terminal.columns, 60)))
    for (const line of indented(`pending because ${request.reason}`, terminal)) terminal.out(line)
  }
  const answer = isConfirmed ? 'yes' : await ask('Type yes to approve: ')
  if (answer !== 'yes') {
    const how = answer === undefined ? '; repeat the command with --yes' : ''
    terminal.err(`slipway csr approve: nothing was approved${how}`)
    return ExitCode.problems
  }
  const approved: object[] = []
  for (const { cluster, request } of chosen) {
    const path = `/v1/clusters/${cluster}/csrs/${encodeURIComponent(request.name)}/approve`
    approved.push(await askControl<object>(control, path, 'POST', approveTimeoutMs))
    if (!isJson) terminal.out(`${request.name}: approved`)
  }
  if (isJson) terminal.out(JSON.stringify(approved, undefined, 2))
  return ExitCode.fine
}

type ChosenRequest = { readonly cluster: string; readonly request: PendingCsr }

/** @throws {UsageError} when no cluster has this request, or several do */
function chooseRequest(clusters: readonly PendingCsrs[], name: string): ChosenRequest {
  const matches = clusters.flatMap(({ cluster, requests }): ChosenRequest[] =>
    requests
      .filter((request) => request.name === name || `${cluster}/${request.name}` === name)
      .map((request) => ({ cluster, request })),
  )
  const [first, ...others] = matches
  if (first !== undefined && others.length === 0) return first
  if (first === undefined) {
    const known = clusters.flatMap(({ requests }) => requests.map((request) => request.name))
    throw new UsageError(`there is no pending request ${name}${didYouMean(name, known)}`)
  }
  const choices = matches.map(({ cluster }) => `${cluster}/${name}`).join(' or ')
  throw new UsageError(`several clusters have a request ${name}: use ${choices}`)
}

/** @param now milliseconds since 1970, like the times of the requests */
export function csrLines(clusters: readonly PendingCsrs[], now: number, output: OutputStyle): string[] {
  if (clusters.length === 0)
    return ['slipway does not approve certificate requests of any cluster (key "approve")']
  return clusters.flatMap((cluster, index) => [
    ...(index === 0 ? [] : ['']),
    paint(output, 'bold', headline(cluster)),
    ...(cluster.trouble === undefined ? [] : indented(`! ${cluster.trouble}`, output)),
    ...cluster.requests.flatMap((request) => [
      clip(`  ${requestText(request, now)}`, Math.max(output.columns, 60)),
      ...indented(request.reason, output),
    ]),
  ])
}

function headline({ cluster, approve, approved, requests }: PendingCsrs): string {
  const mode = approve === 'dry-run' ? 'dry run' : `${approved} approved`
  return `${cluster}: ${requests.length === 0 ? 'none' : requests.length} pending, ${mode}`
}

/** Omits the group of the signer, which is the same for all requests. */
function requestText({ name, createdAt, signer, username }: PendingCsr, now: number): string {
  const age = createdAt === 0 ? 'at an unknown time' : `${formatDuration(Math.max(0, now - createdAt))} ago`
  return printable(`${name}  ${signer.replace(/^kubernetes\.io\//, '')}  ${username}  ${age}`)
}

function indented(text: string, output: OutputStyle): string[] {
  return wrap(printable(text), Math.max(20, output.columns - 4)).map((line) => `    ${line}`)
}
