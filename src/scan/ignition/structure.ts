/**
 * What Ignition does not accept in a configuration of version 3 (https://coreos.github.io/ignition/configuration-v3_5/): wrong
 * types, incomplete or invalid values, and duplicate entries. A node with such a file stops at its first boot. Each rule is
 * one that `ignition-validate` reports as an error, but it knows more of them. Keys that are unknown here are accepted, because later minor versions add
 * some. Pure.
 */
import { printableAscii } from '../../text/lines.ts'

/** A part that Ignition does not accept: `storage.files.3.path: got "etc/motd", expected an absolute path`. */
export type StructureFault = string

/** A file that a script wrote can repeat its mistake for each entry. */
export const maxFaults = 10

/** Returns the first faults of a parsed configuration in the order of its keys; at most {@link maxFaults}. */
export function structureFaults(config: unknown): readonly StructureFault[] {
  const faults: StructureFault[] = []
  const report: Report = (at, value, expected) => {
    if (faults.length < maxFaults) faults.push(`${at}: got ${shown(value)}, expected ${expected}`)
  }
  configuration(config, '', report)
  return faults
}

type Report = (at: string, value: unknown, expected: string) => void
/** Reports the faults of a value that is present. */
type Check = (value: unknown, at: string, report: Report) => void

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text =
    typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'an object') : JSON.stringify(value)
  return printableAscii(text, 60)
}

/** A field that is absent or null has no value, so only `required` reports it. */
function object(
  fields: Readonly<Record<string, Check>>,
  required: Readonly<Record<string, string>> = {},
): Check {
  return (value, at, report) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      report(at, value, 'an object')
      return
    }
    const given = value as Readonly<Record<string, unknown>>
    const inside = (key: string) => (at === '' ? key : `${at}.${key}`)
    for (const [key, expected] of Object.entries(required)) {
      if ((given[key] ?? '') === '') report(inside(key), given[key] ?? undefined, expected)
    }
    for (const [key, check] of Object.entries(fields)) {
      const each = given[key] ?? undefined
      if (each !== undefined && !(each === '' && key in required)) check(each, inside(key), report)
    }
  }
}

/** @param keyOf returns what must be unique within the list */
function list(check: Check, keyOf?: (entry: unknown) => unknown): Check {
  return (value, at, report) => {
    if (!Array.isArray(value)) {
      report(at, value, 'a list')
      return
    }
    const seen = new Map<unknown, number>()
    for (const [index, entry] of value.entries()) {
      check(entry, `${at}.${index}`, report)
      const key = keyOf?.(entry)
      if (key === undefined) continue
      const first = seen.get(key)
      if (first === undefined) seen.set(key, index)
      else report(`${at}.${index}`, key, `another value than that of ${at}.${first}`)
    }
  }
}

function all(...checks: readonly Check[]): Check {
  return (value, at, report) => {
    for (const check of checks) check(value, at, report)
  }
}

function value(isValid: (value: unknown) => boolean, expected: string): Check {
  return (given, at, report) => {
    if (!isValid(given)) report(at, given, expected)
  }
}

function text(isValid: (text: string) => boolean, expected: string): Check {
  return value((given) => typeof given === 'string' && isValid(given), expected)
}

const field = (name: string) => (entry: unknown) =>
  typeof entry === 'object' && entry !== null
    ? ((entry as Readonly<Record<string, unknown>>)[name] ?? undefined)
    : undefined

const string = text(() => true, 'a string')
const boolean = value((given) => typeof given === 'boolean', 'true or false')
const integer = value(Number.isSafeInteger, 'a whole number')
const mode = value(
  (given) => Number.isInteger(given) && Number(given) >= 0 && Number(given) <= 0o7777,
  'a mode as a decimal number from 0 to 4095 (420 is 0644)',
)

/** Ignition also demands the shortest form: no `//`, no `.` or `..`, and no slash at the end. */
const absolutePath = text(
  (path) => path.startsWith('/') && (path === '/' || !/\/(?:\.{0,2})(?:\/|$)/.test(path)),
  'an absolute path in its shortest form',
)

const urlSchemes = ['data:', 'http:', 'https:', 'tftp:', 's3:', 'arn:', 'gs:']

const source = text(
  (url) => {
    if (url === '') return true
    if (url.startsWith('data:'))
      return /^data:(?:[^/,;]*\/[^,;]*)?(?:;[^,]*)?,[\w\-.~!$&'()*+,;=:@/?%]*$/.test(url)
    return URL.canParse(url) && urlSchemes.includes(new URL(url).protocol)
  },
  `a URL with one of the schemes ${urlSchemes.map((scheme) => scheme.slice(0, -1)).join(', ')}`,
)

const hash = text(
  (given) => /^(?:sha512-[0-9a-f]{128}|sha256-[0-9a-f]{64})$/i.test(given),
  'sha512- or sha256- and the hash in hexadecimal digits',
)

const resourceFields = {
  source,
  compression: text((given) => given === '' || given === 'gzip', 'gzip, or no compression'),
  verification: object({ hash }),
  httpHeaders: list(object({ name: string, value: string }, { name: 'the name of a header' }), field('name')),
}
const resource = all(object(resourceFields), headersNeedHttp)
const requiredResource = all(object(resourceFields, { source: 'a URL' }), headersNeedHttp)

function headersNeedHttp(given: unknown, at: string, report: Report): void {
  const [headers, url] = [field('httpHeaders')(given), field('source')(given)]
  if (Array.isArray(headers) && headers.length > 0 && typeof url === 'string' && !/^https?:/.test(url)) {
    report(`${at}.httpHeaders`, headers, 'no headers, because the URL is not one of http or https')
  }
}

const owner = all(object({ id: integer, name: string }), (given, at, report) => {
  if (field('id')(given) !== undefined && (field('name')(given) ?? '') !== '')
    report(at, given, 'id or name, not both')
})

const nodeFields = { path: absolutePath, overwrite: boolean, user: owner, group: owner }
const nodePath = { path: 'an absolute path' }

const file = all(
  object({ ...nodeFields, mode, contents: resource, append: list(requiredResource) }, nodePath),
  (given, at, report) => {
    const isEmpty = (field('source')(field('contents')(given)) ?? undefined) === undefined
    if (field('overwrite')(given) === true && isEmpty) {
      report(`${at}.overwrite`, true, 'false, because contents.source is missing')
    }
  },
)
const directory = object({ ...nodeFields, mode }, nodePath)
const link = object(
  { ...nodeFields, target: string, hard: boolean },
  { ...nodePath, target: 'the target of the link' },
)

/** Files, directories, and links share one set of paths, and none is below a link. */
function uniqueNodes(storage: unknown, at: string, report: Report): void {
  const seen = new Map<unknown, string>()
  const links = new Set<string>()
  for (const [kind, position, path] of nodePaths(storage, at)) {
    const first = seen.get(path)
    if (first === undefined) seen.set(path, position)
    else report(position, path, `another path than that of ${first}`)
    if (kind === 'links') links.add(path)
  }
  if (links.size === 0) return
  for (const [, position, path] of nodePaths(storage, at)) {
    const above = parents(path).find((parent) => links.has(parent))
    if (above !== undefined)
      report(position, path, `a path that is not below the link ${printableAscii(above, 60)}`)
  }
}

function* nodePaths(
  storage: unknown,
  at: string,
): Generator<readonly [kind: string, position: string, path: string]> {
  for (const kind of ['links', 'files', 'directories']) {
    const nodes = field(kind)(storage)
    if (!Array.isArray(nodes)) continue
    for (const [index, node] of nodes.entries()) {
      const path = field('path')(node)
      if (typeof path === 'string') yield [kind, `${at}.${kind}.${index}`, path]
    }
  }
}

/** A path that an attacker chose can have thousands of parts; a real one has a dozen. */
function parents(path: string): string[] {
  const parts = path.split('/').slice(0, 64)
  return parts.slice(2).map((_, index) => parts.slice(0, index + 2).join('/'))
}

const device = { device: 'the path of a device' }
const label = text(
  (given) => given.length <= 36 && !given.includes(':'),
  'at most 36 characters, without a colon',
)
const guid = text(
  (given) => given === '' || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given),
  'a GUID',
)

const partition = all(
  object({
    number: integer,
    label,
    guid,
    typeGuid: guid,
    sizeMiB: integer,
    startMiB: integer,
    wipePartitionEntry: boolean,
  }),
  (given, at, report) => {
    if (!(Number(field('number')(given) ?? 0) >= 1) && (field('label')(given) ?? '') === '') {
      report(at, given, 'a partition with a number from 1 or a label')
    }
  },
)

const filesystemFormats: readonly unknown[] = ['ext4', 'btrfs', 'xfs', 'vfat', 'swap', 'none']
const filesystem = all(
  object(
    {
      device: absolutePath,
      format: string,
      path: absolutePath,
      label: string,
      uuid: string,
      wipeFilesystem: boolean,
    },
    device,
  ),
  (given, at, report) => {
    const format = field('format')(given) ?? ''
    const needsFormat = ['path', 'label', 'uuid'].some((name) => (field(name)(given) ?? '') !== '')
    const isKnown = filesystemFormats.includes(format)
    if (format === '' ? needsFormat : !isKnown)
      report(`${at}.format`, format, 'ext4, btrfs, xfs, vfat, swap, or none')
  },
)

const raidLevels = /^(?:linear|raid(?:[014-6]|10)|[014-6]|10|stripe|mirror)$/
const raid = object(
  {
    name: string,
    level: text((given) => raidLevels.test(given), 'a RAID level, such as raid1'),
    devices: list(absolutePath, (path) => path),
    spares: integer,
  },
  { name: 'the name of the array', level: 'a RAID level, such as raid1' },
)

const numberOf = (entry: unknown) =>
  Number(field('number')(entry) ?? 0) >= 1 ? field('number')(entry) : undefined
const labelOf = (entry: unknown) => field('label')(entry) || undefined

const partitions = all(
  list(partition, numberOf),
  list(() => undefined, labelOf),
)
const disk = object({ device: absolutePath, wipeTable: boolean, partitions }, device)

const storage = all(
  object({
    files: list(file),
    directories: list(directory),
    links: list(link),
    disks: list(disk, field('device')),
    filesystems: list(filesystem, field('device')),
    raid: list(raid, field('name')),
    luks: list(object({ name: string, device: absolutePath, keyFile: resource })),
  }),
  uniqueNodes,
)

const unitExtensions =
  /\.(?:service|socket|device|mount|automount|swap|target|path|timer|snapshot|slice|scope)$/
const unitContents = text(
  (given) => !/(?<!\\\n)^[ \t]*\[[^\]\n]*$/m.test(given),
  'a unit whose section headers end with "]"',
)
const unit = object(
  {
    name: text((given) => unitExtensions.test(given), 'the name of a unit, such as chronyd.service'),
    enabled: boolean,
    mask: boolean,
    contents: unitContents,
    dropins: list(
      object(
        {
          name: text((given) => given.endsWith('.conf'), 'a name that ends with .conf'),
          contents: unitContents,
        },
        { name: 'a name that ends with .conf' },
      ),
      field('name'),
    ),
  },
  { name: 'the name of a unit, such as chronyd.service' },
)

const user = object({
  name: string,
  passwordHash: string,
  sshAuthorizedKeys: list(string),
  uid: integer,
  groups: list(string),
})

const configuration = object({
  ignition: object({
    version: string,
    config: object({ merge: list(requiredResource), replace: resource }),
    security: object({ tls: object({ certificateAuthorities: list(requiredResource, field('source')) }) }),
    timeouts: object({ httpResponseHeaders: integer, httpTotal: integer }),
    proxy: object({ httpProxy: string, httpsProxy: string, noProxy: list(string) }),
  }),
  storage,
  systemd: object({ units: list(unit, field('name')) }),
  passwd: object({
    users: list(user, field('name')),
    groups: list(object({ name: string, gid: integer }), field('name')),
  }),
  kernelArguments: object({ shouldExist: list(string), shouldNotExist: list(string) }),
})
