/**
 * Decodes an Ignition file: its version, its age, and every certificate in it, or what is wrong with it. Certificates are PEM
 * (RFC 7468) as text, in data URLs, in base64 in kubeconfigs and secrets, compressed with gzip, and in nested configurations.
 */
import type { PlanCode } from '../../plan/codes.ts'
import {
  type IgnitionAge,
  type IgnitionCertificate,
  type IgnitionContents,
  isPointer,
  pointerUrl,
} from '../../plan/ignition/document.ts'
import { defined } from '../../text/defined.ts'
import { X509Certificate } from 'node:crypto'
import { printableAscii } from '../../text/lines.ts'
import { gunzipSync } from 'node:zlib'
import { structureFaults } from './structure.ts'

/** `problem` is the rest of a sentence that starts with the path. */
export type Decoded =
  | {
      readonly contents: IgnitionContents
      readonly certificates: readonly IgnitionCertificate[]
    }
  | { readonly code: PlanCode; readonly problem: string }

/** The installer's short-lived certificates are valid for a day (two hours in rotation tests), all others for years. */
const maxShortLifetimeMs = 30 * 86_400_000

/** @param isLive as for {@link versionProblem} */
export function decodeIgnition(octets: Uint8Array, isLive: boolean): Decoded {
  if (countValues(octets) > maxValues) {
    return { code: 'ignition.invalid', problem: `has more than ${maxValues} JSON values` }
  }
  const config = parse(octets)
  if (config === undefined) return { code: 'ignition.invalid', problem: 'is not JSON' }
  const version = config?.ignition?.version
  if (typeof version !== 'string' || version === '') {
    return {
      code: 'ignition.invalid',
      problem: 'is not an Ignition file, because ignition.version is missing',
    }
  }
  const problem = versionProblem(version, isLive)
  if (problem !== undefined) return { code: 'ignition.version-unsupported', problem }
  const { certificates, unread } = findCertificates(config)
  const faults = version.startsWith('3.') ? structureFaults(config) : []
  const firstToExpire = certificates.toSorted((one, other) => one.notAfter - other.notAfter)[0]
  return {
    contents: {
      version,
      unread,
      ...defined({ firstToExpire, pointer: pointerOf(config) }),
      ...ageOf(certificates),
      ...(faults.length > 0 && { faults }),
    },
    certificates,
  }
}

/** A configuration with 10,000 files has 80,000 values. Parsing millions of them takes seconds and a gigabyte. */
export const maxValues = 500_000

/** Returns the number of objects, lists, and their elements in JSON, without parsing it. */
function countValues(octets: Uint8Array): number {
  let count = 0
  let isInString = false
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]
    if (octet === quote) isInString = !isInString
    else if (isInString) at += octet === backslash ? 1 : 0
    else if (octet === comma || octet === bracket || octet === brace) count += 1
  }
  return count
}

const [quote, backslash, comma, bracket, brace] = Buffer.from('"\\,[{')

type Config = { readonly ignition?: { readonly version?: unknown } | null } | null

/** Parses JSON as Ignition does: UTF-8 without a byte order mark. */
function parse(octets: Uint8Array): Config | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)) as Config
  } catch {
    return undefined
  }
}

function pointerOf(config: Config): IgnitionContents['pointer'] {
  const url = pointerUrl(config)
  return url === undefined
    ? undefined
    : { url: printableAscii(url, maxShownCharacters), isPlain: isPointer(config) }
}

/** Directories of the bootstrap node with nothing but the installer's own files. Manifests can be the administrator's. */
const installerPath = /(?:^|: )(?:\/opt\/openshift\/(?:tls|auth)\/|\/etc\/kubernetes\/kubeconfig)/
const installerSubject =
  /(?:^|, )(?:OU=openshift|O=kube-master|O=system:masters|O=system:serviceaccounts:openshift-machine-config-operator)(?:,|$)/

/**
 * Administrators add certificates of their own, with any lifetime (802.1X, IPsec, ACME); only those of the installer
 * determine the age of a file.
 */
function isInstallers({ subject, where }: IgnitionCertificate): boolean {
  return installerPath.test(where) || installerSubject.test(subject)
}

/** A certificate of openshift-install is valid from the same time as its signer, so the latest start is that of the run. */
function ageOf(certificates: readonly IgnitionCertificate[]): IgnitionAge {
  const short = certificates.filter(
    (each) => isInstallers(each) && each.notAfter - each.notBefore <= maxShortLifetimeMs,
  )
  if (short.length === 0) return {}
  return {
    madeAt: Math.max(...short.map(({ notBefore }) => notBefore)),
    usableUntil: Math.min(...short.map(({ notAfter }) => notAfter)),
  }
}

/**
 * Checks the version of Ignition's specification. Installers wrote 2.2 until 4.5, and 3.1 to 3.5 since 4.6. Minor versions
 * that are unknown here are accepted: the image reads the file, and slipway only wraps it.
 *
 * @param isLive whether all nodes with this file boot the live style (4.6 or later), which reads only version 3
 * @returns what is wrong with the version, as the rest of a sentence
 */
function versionProblem(version: string, isLive: boolean): string | undefined {
  if (/^3\.(?:0|[1-9]\d{0,3})\.\d{1,4}(?:-experimental)?$/.test(version)) return undefined
  if (!/^2\.\d+\.\d+(?:-|$)/.test(version)) {
    return `has Ignition version ${JSON.stringify(version.slice(0, 40))}, but only 2.x and 3.x are supported`
  }
  return isLive
    ? `has Ignition version ${version.slice(0, 40)} of an installer before 4.6, but the image reads 3.x: use the openshift-install of the same release`
    : undefined
}

export function majorVersion(version: string): string {
  return version.slice(0, version.indexOf('.'))
}

const maxShownCharacters = 200

/** A certificate in a secret in a manifest in a merged configuration has depth 4. */
const maxDepth = 6

/** A bundle of all public certificate authorities has 150. */
const maxCertificates = 5000

type Search = {
  readonly found: Map<string, IgnitionCertificate | 'unreadable'>
  readonly budget: Budget
  unread: number
}

export type Certificates = {
  /** Without duplicates, in the order of the file. */
  readonly certificates: readonly IgnitionCertificate[]
  /** Number of parts that may be or contain certificates and could not be read. */
  readonly unread: number
}

/** @param config the parsed JSON */
export function findCertificates(config: unknown): Certificates {
  const budget = { bytes: maxUnpackedBytes, values: maxValues }
  const search: Search = { found: new Map(), budget, unread: 0 }
  searchConfig(search, config, '', 1)
  const certificates = [...search.found.values()].filter((each) => each !== 'unreadable')
  return { certificates, unread: search.unread + search.found.size - certificates.length }
}

type ValuePosition = {
  readonly where: string
  /** Whether it is that of a file on the node, which needs no further description. */
  readonly isFile: boolean
}

/** Without recursion, because the author of the JSON decides how deep it is nested. */
function searchConfig(search: Search, config: unknown, outer: string, depth: number): void {
  const pending: (ValuePosition & { readonly value: unknown })[] = [
    { value: config, where: outer, isFile: false },
  ]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, ...position } = next
    if (typeof value === 'string') searchText(search, value, position.where, depth)
    if (typeof value !== 'object' || value === null) continue
    const inside = Object.entries(value).map(([key, each]: [string, unknown]) => ({
      value: each,
      ...(Array.isArray(value) ? position : positionOf(key, value, position, outer)),
    }))
    // The last one is taken first. Without spreading: a list can have more elements than a call has arguments.
    for (const each of inside.reverse()) pending.push(each)
  }
}

/** A file is identified by its path, everything else by the keys that lead to it. */
function positionOf(key: string, parent: object, position: ValuePosition, outer: string): ValuePosition {
  if (position.isFile) return position
  const { path } = parent as { readonly path?: unknown }
  if (typeof path === 'string') return { where: shown(join(outer, ': ', path)), isFile: true }
  return { where: shown(join(position.where, position.where === outer ? ': ' : '.', key)), isFile: false }
}

function join(outer: string, between: string, inner: string): string {
  return outer === '' ? inner : outer + between + inner
}

function searchText(search: Search, text: string, where: string, depth: number): void {
  searchPem(search, text, where)
  const { texts, unread } = unpack(text, search.budget)
  search.unread += unread
  if (depth === maxDepth) {
    search.unread += texts.length
    return
  }
  for (const inner of texts) {
    const config = inner.startsWith('{') ? parseJson(inner, search.budget) : undefined
    if (config === undefined) searchText(search, inner, where, depth + 1)
    else searchConfig(search, config, where, depth + 1)
  }
}

function parseJson(text: string, budget: Budget): unknown {
  const values = countValues(Buffer.from(text, 'latin1'))
  if (values > budget.values) return undefined
  budget.values -= values
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Line breaks may be those of YAML, or `\n` in JSON. A script that only contains the markers has no certificate. */
function searchPem({ found }: Search, text: string, where: string): void {
  const [, ...parts] = text.split('-----BEGIN CERTIFICATE-----')
  for (const part of parts) {
    const end = part.indexOf('-----END CERTIFICATE-----')
    const base64 = part.slice(0, Math.max(0, end)).replace(/\\+[rn]|\s/g, '')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || found.has(base64)) continue
    if (found.size < maxCertificates) found.set(base64, readCertificate(base64, where))
  }
}

function readCertificate(base64: string, where: string): IgnitionCertificate | 'unreadable' {
  try {
    const { subject, validFromDate, validToDate } = new X509Certificate(Buffer.from(base64, 'base64'))
    return {
      subject: shown(subject.replaceAll('\n', ', ')),
      notBefore: validFromDate.getTime(),
      notAfter: validToDate.getTime(),
      where,
    }
  } catch {
    return 'unreadable'
  }
}

function shown(text: string): string {
  return printableAscii(text, maxShownCharacters)
}

// * Unpacks texts inside a text: data URLs (RFC 2397) and long runs of base64, decompressed if they are gzip. Bytes become
// characters one to one (latin1), because the search is for ASCII. The total size is bounded.

/** The remaining bytes that all parts of one file may unpack to, and the JSON values of configurations among them. */
type Budget = { bytes: number; values: number }

/** An Ignition file of the installer unpacks to a few MiB. */
export const maxUnpackedBytes = 32 * 1024 * 1024

type Unpacked = {
  readonly texts: readonly string[]
  /** Number of parts that were broken gzip, or exceeded the budget. */
  readonly unread: number
}

// The length of the media type is bounded, so that many `data:` without a comma do not take quadratic time.
const dataUrl = /data:([^\s"'\\,]{0,200}),([^\s"'\\]*)/g
/** The shortest certificate in PEM has about 400 characters. A run has no base64 character before it. */
const base64Run = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{400,}={0,2}/g

export function unpack(text: string, budget: Budget): Unpacked {
  const parts: Buffer[] = []
  const rest = text.replace(dataUrl, (_, type: string, data: string) => {
    const octets = percentDecode(data)
    parts.push(/;base64$/i.test(type) ? Buffer.from(octets.toString('latin1'), 'base64') : octets)
    return ' '
  })
  for (const [run] of rest.matchAll(base64Run)) parts.push(Buffer.from(run, 'base64'))
  const texts = parts.map((part) => plainText(part, budget)).filter((each) => each !== undefined)
  return { texts, unread: parts.length - texts.length }
}

/** In one pass (RFC 3986 §2.1), because a data URL can consist of millions of escapes. */
function percentDecode(data: string): Buffer {
  const octets = Buffer.from(data, 'latin1')
  let length = 0
  for (let at = 0; at < octets.length; at++) {
    const escaped = octets[at] === percent ? hexValue(octets[at + 1]) * 16 + hexValue(octets[at + 2]) : NaN
    octets[length++] = Number.isNaN(escaped) ? (octets[at] as number) : escaped
    if (!Number.isNaN(escaped)) at += 2
  }
  return octets.subarray(0, length)
}

const percent = 0x25

/** Returns NaN for an octet that is not a hexadecimal digit. */
function hexValue(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const letter = octet | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN
}

function plainText(octets: Buffer, budget: Budget): string | undefined {
  const plain = octets[0] === 0x1f && octets[1] === 0x8b ? gunzip(octets, budget.bytes) : octets
  if (plain === undefined || plain.length > budget.bytes) return undefined
  budget.bytes -= plain.length
  return plain.toString('latin1')
}

function gunzip(octets: Buffer, maxBytes: number): Buffer | undefined {
  try {
    // zlib does not accept a bound of 0.
    return gunzipSync(octets, { maxOutputLength: Math.max(1, maxBytes) })
  } catch {
    return undefined
  }
}
