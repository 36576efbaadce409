/** `slipway token …`: creates, lists, and revokes the tokens of the API on the network. */
import { parseArgs } from 'node:util'
import { defined } from '../../text/defined.ts'
import { alignColumns } from '../../text/lines.ts'
import { askControl, toResult } from '../client.ts'
import { actionHelps } from '../action-help.ts'
import { ExitCode, UsageError, type Command, type Help, type Terminal } from '../command.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { dateTime } from '../text/output.ts'

const scopes = ['read', 'operate', 'admin'] as const

type Token = {
  readonly id: string
  readonly name: string
  readonly scope: (typeof scopes)[number]
  readonly createdAt: number
  readonly createdBy: string
  readonly expiresAt?: number
  readonly lastUsedAt?: number
}

type TokenCall = { readonly control: string; readonly isJson: boolean; readonly terminal: Terminal }

const help: Help = {
  usage: [
    'token create [--scope SCOPE] [--expires TIME] [--json] [--control PATH] NAME',
    'token list [--json] [--control PATH]',
    'token revoke [--json] [--control PATH] ID…',
  ],
  about: [
    'Creates, lists, and revokes tokens for the API on the network and for the web page.',
    'A token is printed once, when it is created: slipway stores only its hash. Store it in a file that only its user ' +
      'can read (umask 077). Users reach the API and the page if the site file has the section api (docs/page.md).',
  ],
  options: [
    [
      '--scope SCOPE',
      'read (status and events), operate (also commands and reloads), or admin (default: read)',
    ],
    ['--expires TIME', 'for example 12h, 30d, or 365d; never for no expiry (default: 90d)'],
    controlRow,
    jsonRow,
  ],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or refused the request'],
    ['2', 'invalid command line, or no such token'],
  ],
  examples: ['token create --scope operate ansible > token', 'token list', 'token revoke 4ea3b585c811'],
}

export const token: Command = {
  name: 'token',
  help,
  helps: actionHelps(help, {
    create: {
      about: [
        'Creates a token for the API on the network and for the web page.',
        'The token is printed once, because slipway stores only its hash. Store it in a file that only its user can read ' +
          '(umask 077).',
      ],
      examples: ['token create --scope operate ansible > token', 'token create --expires 365d dashboard'],
    },
    list: {
      about: ['Lists the tokens with their scopes and when they expire.'],
      examples: ['token list', 'token list --json'],
    },
    revoke: {
      hasResult: true,
      about: ['Revokes tokens: requests with them are refused at once.'],
      examples: ['token revoke 4ea3b585c811'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...controlOptions,
        scope: { type: 'string', default: 'read' },
        expires: { type: 'string', default: '90d' },
      },
    })
    const [action = 'list', ...rest] = positionals
    const call = { control: controlPath(values.control), isJson: values.json, terminal }
    return toResult(terminal, () => {
      if (action === 'create') return create(call, rest, values)
      if (action === 'revoke') return revoke(call, rest)
      if (action === 'list' && rest.length === 0) return list(call)
      throw new UsageError('expected create NAME, list, or revoke ID')
    })
  },
}

async function create(
  { control, isJson, terminal }: TokenCall,
  [name, ...more]: readonly string[],
  given: { readonly scope: string; readonly expires: string },
): Promise<number> {
  if (name === undefined || more.length > 0) throw new UsageError('expected one name of the token')
  const scope = scopes.find((each) => each === given.scope)
  if (scope === undefined)
    throw new UsageError(`--scope ${given.scope}: expected one of ${scopes.join(', ')}`)
  const body = { name, scope, ...defined({ lifetimeSeconds: secondsOf(given.expires) }) }
  const created = await askControl<Token & { token: string }>(control, '/v1/tokens', 'POST', undefined, body)
  if (isJson) terminal.out(JSON.stringify(created, undefined, 2))
  else {
    terminal.out(created.token)
    terminal.err(`token ${created.id} created: ${created.name}, ${scope}, ${expiry(created)}`)
  }
  return ExitCode.fine
}

async function list({ control, isJson, terminal }: TokenCall): Promise<number> {
  const tokens = await askControl<Token[]>(control, '/v1/tokens')
  if (isJson) terminal.out(JSON.stringify(tokens, undefined, 2))
  else for (const line of tokenLines(tokens)) terminal.out(line)
  return ExitCode.fine
}

async function revoke({ control, terminal }: TokenCall, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) throw new UsageError('expected the id of a token; "slipway token list" shows it')
  for (const id of ids) {
    await askControl(control, `/v1/tokens/${encodeURIComponent(id)}`, 'DELETE')
    terminal.out(`token ${id} revoked`)
  }
  return ExitCode.fine
}

const unitSeconds: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 }

/** @returns nothing for a token without expiry */
function secondsOf(text: string): number | undefined {
  if (text === 'never') return undefined
  const [, amount = '', unit = ''] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? []
  const factor = unitSeconds[unit]
  if (factor !== undefined) return Number(amount) * factor
  throw new UsageError(`--expires ${text}: expected a time such as 30m, 12h, or 90d, or never`)
}

function expiry({ expiresAt }: Token): string {
  return expiresAt === undefined ? 'never expires' : `expires ${dateTime(expiresAt)}`
}

function tokenLines(tokens: readonly Token[]): string[] {
  if (tokens.length === 0) return ['there are no tokens']
  return alignColumns([
    ['ID', 'name', 'scope', 'created', 'by', 'expires', 'last used'],
    ...tokens.map(({ id, name, scope, createdAt, createdBy, expiresAt, lastUsedAt }) => [
      ...[id, name, scope, dateTime(createdAt), createdBy],
      expiresAt === undefined ? 'never' : dateTime(expiresAt),
      lastUsedAt === undefined ? '-' : dateTime(lastUsedAt),
    ]),
  ])
}
