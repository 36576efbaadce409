/** Reads dhcpd.conf of the ISC DHCP server (dhcpd.conf(5), dhcp-options(5)). */
import { parseIpv4 } from '../proto/address/ip.ts'
import { defined } from '../text/defined.ts'
import { optionKeys, settingOf, type Settings } from './dhcp-options.ts'
import { ImportProblem, noFacts, plainName, type At, type Facts } from './facts.ts'
import { rangeText } from './helpernode.ts'

/** A statement that ends with a semicolon, or one with a block. */
type Statement = {
  readonly words: readonly string[]
  readonly line: number
  readonly block?: readonly Statement[]
}

/** Deeper blocks than those of groups in pools in shared networks do not occur. */
const maxDepth = 16

export function readDhcpd(text: string, file: string): Facts {
  const facts = noFacts()
  const tokens = tokensOf(text, file)
  const { statements } = readStatements(tokens, 0, { file, depth: 0 })
  readBlock(statements, { facts, file, settings: {} })
  return facts
}

type Token = { readonly text: string; readonly line: number }

function tokensOf(text: string, file: string): Token[] {
  const tokens: Token[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    for (const [token] of line.matchAll(/#.*|"(?:[^"\\]|\\.)*"|[;{},]|[^\s;{},"#]+|"/g)) {
      if (token === '"') throw new ImportProblem({ file, line: index + 1 }, 'this " is never closed')
      if (!token.startsWith('#')) tokens.push({ text: token, line: index + 1 })
    }
  }
  return tokens
}

function readStatements(
  tokens: readonly Token[],
  from: number,
  { file, depth }: { readonly file: string; readonly depth: number },
): { statements: Statement[]; end: number } {
  const statements: Statement[] = []
  let words: string[] = []
  let line = tokens[from]?.line ?? 1
  let at = from
  if (depth > maxDepth) throw new ImportProblem({ file, line }, 'too many levels of blocks')
  for (; at < tokens.length; at++) {
    const token = tokens[at] as Token
    if (words.length === 0) line = token.line
    if (token.text === '}') break
    if (token.text === '{') {
      const inner = readStatements(tokens, at + 1, { file, depth: depth + 1 })
      if (tokens[inner.end] === undefined)
        throw new ImportProblem({ file, line: token.line }, 'this { is never closed')
      statements.push({ words, line, block: inner.statements })
      at = inner.end
      words = []
    } else if (token.text === ';') {
      statements.push({ words, line })
      words = []
    } else if (token.text !== ',') words.push(token.text)
  }
  if (depth === 0 && at < tokens.length) throw new ImportProblem({ file, line }, 'this } has no {')
  if (words.length > 0)
    throw new ImportProblem({ file, line }, `a semicolon is missing after ${words.join(' ')}`)
  return { statements, end: at }
}

type Scope = {
  readonly facts: Facts
  readonly file: string
  readonly settings: Settings
  readonly hostDomain?: string
}

/** Statements of a scope apply to all blocks in it, including those before them. */
function readBlock(statements: readonly Statement[], scope: Scope): void {
  const simple = statements.filter(({ block }) => block === undefined)
  const inner = {
    ...scope,
    settings: simple.reduce((before, each) => ({ ...before, ...settingsOf(each) }), scope.settings),
  }
  if (inner.settings.domain !== undefined) scope.facts.domain ??= inner.settings.domain
  for (const statement of simple) readSimple(statement, inner)
  for (const { words, line, block } of statements) {
    if (block === undefined) continue
    const [kind, ...rest] = words
    if (kind === 'subnet') readSubnet(rest, block, { ...inner, line })
    else if (kind === 'host') readHost(rest[0] ?? '', block, { ...inner, line })
    else if (kind === 'group' || kind === 'shared-network' || kind === 'pool') readBlock(block, inner)
    else if (!isBootBlock(block))
      addNote(inner, line, `${words.join(' ')}: conditions and classes have no counterpart`)
  }
}

/** A class or condition that only chooses the boot file, which slipway does automatically. */
function isBootBlock(block: readonly Statement[]): boolean {
  return block.every(({ words: [word = ''], block: inner }) =>
    inner ? isBootBlock(inner) : bootWords.has(word),
  )
}

const bootWords: ReadonlySet<string> = new Set([
  'filename',
  'next-server',
  'match',
  'vendor-option-space',
  'log',
])

function addNote({ facts, file }: Scope, line: number, text: string): void {
  facts.notes.push({ file, line, text })
}

function settingsOf({ words: [word, name = '', ...values] }: Statement): Settings {
  if (word === 'default-lease-time') return { leaseSeconds: Number(name) }
  const key = word === 'option' ? optionKeys.get(name) : undefined
  return key === undefined
    ? {}
    : settingOf(
        key,
        values.map((value) => value.replace(/^"(.*)"$/, '$1')),
      )
}

/** Statements that have no meaning for a site, or that slipway replaces automatically. */
const unrelated: ReadonlySet<string> = new Set([
  'authoritative',
  'not',
  'ddns-update-style',
  'ddns-updates',
  'max-lease-time',
  'min-lease-time',
  'default-lease-time',
  'log-facility',
  'allow',
  'deny',
  'ignore',
  'filename',
  'next-server',
  'use-host-decl-names',
  'get-lease-hostnames',
  'one-lease-per-client',
  'update-static-leases',
  'boot-unknown-clients',
  'omapi-port',
])

const unrelatedOptions = new Set([
  'subnet-mask',
  'broadcast-address',
  'arch',
  'host-name',
  'architecture-type',
  'space',
])

function readSimple({ words, line }: Statement, scope: Scope): void {
  const [word = '', name = '', ...rest] = words
  if (word === 'next-server' && parseIpv4(name) !== undefined) scope.facts.server.address ??= name
  if (word === 'range') {
    const [start = '', end = start] = [name, ...rest].filter((each) => each !== 'dynamic-bootp')
    addNote(scope, line, rangeText(`${start} to ${end}`))
  } else if (word === 'option') {
    const isKnown =
      optionKeys.has(name) || unrelatedOptions.has(name) || rest[0] === 'code' || name.startsWith('space')
    if (!isKnown) addNote(scope, line, `option ${name}: set dhcpOptions of the subnet`)
  } else if (word === 'include') addNote(scope, line, `include ${name}: import this file as well`)
  else if (!unrelated.has(word)) addNote(scope, line, `${word} has no counterpart in a site file`)
}

function readSubnet(
  words: readonly string[],
  block: readonly Statement[],
  { line, ...scope }: Scope & At,
): void {
  const [network = '', , mask = ''] = words
  const pools = block.flatMap((statement) => (statement.words[0] === 'pool' ? (statement.block ?? []) : []))
  const simple = [...block, ...pools].filter((statement) => statement.block === undefined)
  const settings = simple.reduce<Settings>(
    (before, each) => ({ ...before, ...settingsOf(each) }),
    scope.settings,
  )
  scope.facts.subnets.push({ file: scope.file, line, cidr: `${network}/${mask}`, ...settings })
  readBlock(block, { ...scope, settings: {} })
}

function readHost(name: string, block: readonly Statement[], { line, ...scope }: Scope & At): void {
  const find = (...start: readonly string[]) =>
    block
      .find(({ words }) => start.every((word, index) => words[index] === word))
      ?.words.slice(start.length) ?? []
  const [mac] = find('hardware', 'ethernet')
  const fixed = find('fixed-address')
  const [hostName] = find('option', 'host-name')
  const addresses = fixed.filter((each) => parseIpv4(each) !== undefined)
  const names = [hostName?.replaceAll('"', ''), name, ...fixed.filter((each) => !addresses.includes(each))]
  const known = ['hardware', 'fixed-address']
  for (const statement of block) if (!known.includes(statement.words[0] ?? '')) readSimple(statement, scope)
  // The name of the declaration is often that of the machine; an address as a name resolves by DNS.
  const fullest = names
    .flatMap((each) => (each === undefined ? [] : [plainName(each)]))
    .find((each) => each !== '')
  scope.facts.machines.push({ file: scope.file, line, addresses, ...defined({ mac, name: fullest }) })
}
