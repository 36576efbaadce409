/**
 * The directory of the demo: the example site with the changes that a machine without root needs, and small generated files in
 * place of images, Ignition files, and boot loaders. Replaces values in place, so that comments stay unchanged.
 */
import { isMap, isNode, isSeq, parseDocument, type Document } from 'yaml'
import type { Site } from '../site/schema.ts'
import { mkdir, readFile, writeFile, stat } from 'node:fs/promises'
import { join, relative, resolve, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoaderName } from '../plan/facts.ts'
import { loadSite } from '../site/load.ts'
import { formatProblem } from '../site/problem.ts'
import { scanSite } from '../scan/scan.ts'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Sockets } from '../host/udp.ts'
import { CannotListen } from '../host/cannot-listen.ts'
import { root } from '../host/root.ts'

type DemoSite = {
  readonly ports: DemoPorts
  /** Loader files by kind where the machine has no `ipxe` package; relative to the site file. */
  readonly loaders: Readonly<Record<string, string>>
  /** The JSON Schema, for editors; relative to the site file. */
  readonly schemaPath: string
  /** Whether it serves the page. */
  readonly hasPage?: boolean
}

/** A value in the flow style of YAML. */
type Value = string | number | readonly Value[] | { readonly [key: string]: Value }
type Path = readonly (string | number)[]

/** Applies all changes of the demo. Paths become relative to the site file. */
export function demoSite(example: string, { ports, loaders, schemaPath, hasPage = false }: DemoSite): string {
  const document = parseDocument(example)
  const changes: [Path, Value][] = [
    [['server'], { address: '127.0.0.1', ports }],
    // A demo must not send packets to the resolver of the example, which can be any machine.
    [['dns', 'forward'], []],
    [['dns', 'clients'], ['127.0.0.0/8']],
    ...namesIn(document, 'images').map((name): [Path, Value] => [['images', name, 'dir'], `images/${name}`]),
    ...clusterNames(document).map((name, index): [Path, Value] => [
      ['clusters', index, 'ignition'],
      `ignition/${name}`,
    ]),
    // A socket that does not exist, so that the demo does not affect HAProxy on this machine.
    [['haproxy'], { file: 'haproxy.cfg', socket: '/run/slipway-demo/admin.sock' }],
  ]
  let text = example
  for (const { start, end, value } of changes.map((change) => locate(document, change)).sort(lastFirst)) {
    text = text.slice(0, start) + flow(value) + text.slice(end)
  }
  const [begin] = rangeOf(document.contents, [])
  const page = hasPage
    ? `\n# The API and the page, on this machine only.\napi: { port: ${pagePort(ports)} }\n`
    : ''
  return header(schemaPath) + text.slice(begin) + loaderSection(loaders) + page
}

/** Returns the port of the page: as far from that of the HTTP service as by default. */
export function pagePort({ http }: Pick<Site['server']['ports'], 'http'>): number {
  return http + 8443 - 8080
}

function header(schemaPath: string): string {
  return `# yaml-language-server: $schema=${schemaPath}
#
# The example site on loopback and high ports, written by \`slipway demo\` on every start.
# Change it while the demo runs, and copy it to keep your changes.

`
}

function loaderSection(loaders: DemoSite['loaders']): string {
  if (Object.keys(loaders).length === 0) return ''
  return `\n# This machine has no ipxe package: generated files in place of boot loaders.\ntftp: ${flow({ loaders })}\n`
}

type Replacement = { readonly start: number; readonly end: number; readonly value: Value }

function locate(document: Document, [path, value]: [Path, Value]): Replacement {
  const [start, end] = rangeOf(document.getIn(path, true), path)
  return { start, end, value }
}

/** Orders from the end of the text, so that earlier positions stay valid. */
function lastFirst(a: Replacement, b: Replacement): number {
  return b.start - a.start
}

/** @throws {TypeError} when the example does not have a value that the demo changes, which is a fault of slipway */
function rangeOf(node: unknown, path: Path): readonly [number, number] {
  const range = isNode(node) ? node.range : undefined
  if (range === undefined || range === null) throw new TypeError(`the example site has no ${path.join('.')}`)
  return [range[0], range[1]]
}

function flow(value: Value): string {
  if (typeof value !== 'object') return String(value)
  if (isList(value)) return `[${value.map(flow).join(', ')}]`
  const pairs = Object.entries(value).map(([key, each]) => `${key}: ${flow(each)}`)
  return `{ ${pairs.join(', ')} }`
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function namesIn(document: Document, key: string): string[] {
  const map = document.get(key)
  return isMap(map) ? map.items.map((item) => String(item.key)) : []
}

function clusterNames(document: Document): string[] {
  const clusters = document.get('clusters')
  return isSeq(clusters) ? clusters.items.map((item) => (isMap(item) ? String(item.get('name')) : '')) : []
}

const config = fileURLToPath(new URL('config', root))

/** The keys of `tftp.loaders` for the loaders of the example, and the names of their placeholders. */
const loaderKinds: readonly { key: 'bios' | 'x64'; name: LoaderName; file: string }[] = [
  { key: 'bios', name: 'bios/undionly.kpxe', file: 'loaders/undionly.kpxe' },
  { key: 'x64', name: 'efi/snponly.efi', file: 'loaders/snponly.efi' },
]

export type Demo = {
  readonly sitePath: string
  /** Names of loaders that are placeholders, because the machine has no `ipxe` package. */
  readonly placeholderLoaders: readonly LoaderName[]
}

/** Creates the directory of the demo: site file, placeholders, and loaders that the machine does not have. */
export async function prepareDemo(
  folder: string,
  ports: Site['server']['ports'],
  hasPage = false,
): Promise<Demo> {
  await mkdir(folder, { recursive: true })
  const example = await readFile(join(config, 'site.example.yaml'), 'utf8')
  const sitePath = join(folder, 'site.yaml')
  const schemaPath = relative(resolve(folder), join(config, 'site.schema.json'))
  const write = (loaders: Readonly<Record<string, string>>): string =>
    demoSite(example, { ports, loaders, schemaPath, hasPage })

  const { loaders } = await scanSite(load(write({}), sitePath))
  const missing = loaderKinds.filter(({ name }) => loaders.get(name)?.kind !== 'found')
  for (const { name, file } of missing) await writeLoader(name, join(folder, file))
  const text = write(Object.fromEntries(missing.map(({ key, file }) => [key, file])))
  await writePlaceholders(load(text, sitePath))
  await writeFile(sitePath, text)
  return { sitePath, placeholderLoaders: missing.map(({ name }) => name) }
}

/** @throws {TypeError} when the example of the package is not a valid site, which is a fault of slipway */
function load(text: string, sitePath: string): Site {
  const loaded = loadSite(text, resolve(sitePath))
  if (loaded.kind === 'site') return loaded.site
  throw new TypeError(`the example site has problems: ${loaded.problems.map(formatProblem).join('; ')}`)
}

const mebibyte = 1024 * 1024

/** Names that the scan recognizes, and sizes in proportion to real files (about 1:70). */
const imageFiles = [
  { name: 'rhcos-live-kernel-x86_64', bytes: mebibyte / 4 },
  { name: 'rhcos-live-initramfs.x86_64.img', bytes: 2 * mebibyte },
  { name: 'rhcos-live-rootfs.x86_64.img', bytes: 16 * mebibyte },
]

/** The sizes of the Debian package, so that a transfer has as many blocks. */
const loaderBytes: Partial<Record<LoaderName, number>> = {
  'bios/undionly.kpxe': 74_000,
  'efi/snponly.efi': 174_000,
}

/** Writes the files that do not exist; the paths of `site` are absolute. */
export async function writePlaceholders(site: Site): Promise<void> {
  for (const { dir } of Object.values(site.images)) {
    for (const { name, bytes } of imageFiles) await writeOnce(join(dir, name), noise(name, bytes))
  }
  for (const { ignition } of site.clusters) {
    if (ignition === undefined) continue
    for (const kind of ['bootstrap', 'master', 'worker']) {
      await writeOnce(join(ignition, `${kind}.ign`), () => ignitionFile(kind), 0o600)
    }
  }
}

/** Writes the placeholder of a boot loader. */
export async function writeLoader(name: LoaderName, path: string): Promise<void> {
  await writeOnce(path, noise(name, loaderBytes[name] ?? mebibyte))
}

/** Leaves an existing file unchanged: another demo can be serving it. */
async function writeOnce(path: string, make: () => Uint8Array, mode = 0o644): Promise<void> {
  const made = make()
  const there = await stat(path).catch(() => undefined)
  if (there?.size === made.length) return
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, made, { mode })
}

/** Returns bytes that do not compress and resemble no file format, after a line that describes them. */
function noise(name: string, size: number): () => Uint8Array {
  return () => {
    const words = new Uint32Array(Math.ceil(size / 4))
    let state = name.length + 1
    for (let index = 0; index < words.length; index++) {
      // Marsaglia's xorshift32: 13, 17, 5.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[index] = state
    }
    const file = new Uint8Array(words.buffer, 0, size)
    file.set(new TextEncoder().encode(`slipway demo: a placeholder for ${name}\n`))
    return file
  }
}

function ignitionFile(kind: string): Uint8Array {
  const contents = { source: `data:,A%20placeholder%20for%20${kind}.ign%0A` }
  const files = [{ path: '/etc/slipway-demo', mode: 0o644, contents }]
  const text = JSON.stringify({ ignition: { version: '3.4.0' }, storage: { files } }, null, 2)
  return new TextEncoder().encode(`${text}\n`)
}

// Ports for a demo without root: the default ports plus an offset, all five free.

type DemoPorts = Omit<Site['server']['ports'], 'dhcp6' | 'dhcp6Client' | 'https'>

const defaults: DemoPorts = { dhcp: 67, dhcpClient: 68, tftp: 69, http: 80, dns: 53 }

/** Below the ports that Linux uses for outgoing connections (32768 and up). */
const demoOffsets = [20_000, 21_000, 22_000, 23_000, 24_000, 25_000, 26_000, 27_000, 28_000, 29_000]

/**
 * Returns the first set of free ports, and the ports of earlier sets that are in use; `undefined` when no set is free.
 *
 * @param offsets the offsets to try, in order
 */
export async function choosePorts(
  sockets: Pick<Sockets, 'bindUdp'>,
  offsets: readonly number[] = demoOffsets,
): Promise<{ readonly ports: DemoPorts; readonly taken: readonly number[] } | undefined> {
  const taken: number[] = []
  for (const offset of offsets) {
    const ports = Object.fromEntries(
      Object.entries(defaults).map(([name, port]) => [name, port + offset]),
    ) as DemoPorts
    const inUse = await portsInUse(ports, sockets)
    if (inUse.length === 0) return { ports, taken }
    taken.push(...inUse)
  }
  return undefined
}

async function portsInUse(ports: DemoPorts, sockets: Pick<Sockets, 'bindUdp'>): Promise<number[]> {
  const { dhcp, dhcpClient, tftp, dns, http } = ports
  const inUse = new Set<number>()
  for (const port of [dhcp, dhcpClient, tftp, dns]) {
    if (!(await isUdpFree(port, sockets))) inUse.add(port)
  }
  for (const port of [http, dns, pagePort(ports)]) {
    if (!(await isTcpFree(port))) inUse.add(port)
  }
  return [...inUse]
}

async function isUdpFree(port: number, sockets: Pick<Sockets, 'bindUdp'>): Promise<boolean> {
  try {
    await (await sockets.bindUdp({ address: '0.0.0.0', port })).close()
    return true
  } catch (error) {
    if (error instanceof CannotListen) return false
    throw error
  }
}

async function isTcpFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
