/**
 * The files of the page. A package contains them ready to send (packaging/bundle.ts); from the source tree, each module
 * of the browser is sent without its types, line for line.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

export type Asset = {
  readonly type: string
  readonly body: Buffer
  /** `body` for clients that accept gzip. */
  readonly compressed: Buffer
  /** Changes with the body. */
  readonly etag: string
}

/** Keys are URL paths. */
export type Assets = ReadonlyMap<string, Asset>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The directory below which the page may use modules. */
const sourceRoot = new URL('../../', import.meta.url)
const browser = new URL('browser/', import.meta.url)
/** Exists only beside the built program. */
const built = new URL('page/', import.meta.url)

/** Joined in this order: later rules have precedence. */
export const styleNames = ['base', 'header', 'views', 'rack', 'details', 'dialogs', 'narrow'] as const

/** Reads all files: from the package if `directory` has them, else from the source. */
export async function loadAssets(directory = built): Promise<Assets> {
  const texts = existsSync(directory) ? await readBuilt(directory) : await readSource()
  return new Map(
    await Promise.all([...texts].map(async ([path, text]) => [path, await asset(path, text)] as const)),
  )
}

type Texts = ReadonlyMap<string, string>

async function readBuilt(directory: URL): Promise<Texts> {
  const read = async (name: string) => readFile(new URL(name, directory), 'utf8')
  const files = ['page.css', 'icon.svg', 'main.js'].map(
    async (name) => [`/page/${name}`, await read(name)] as const,
  )
  return new Map([['/', await read('index.html')], ...(await Promise.all(files))])
}

async function readSource(): Promise<Texts> {
  const modules = new Map<string, string>()
  await addModule(new URL('main.ts', browser), modules)
  const [main = '', ...others] = modules.keys()
  const html = await readFile(new URL('index.html', browser), 'utf8')
  const preloads = others.map((path) => `<link rel="modulepreload" href="${path}">`).join('\n    ')
  const styles = await Promise.all(
    styleNames.map((name) => readFile(new URL(`${name}.css`, browser), 'utf8')),
  )
  return new Map([
    ['/', html.replace('/page/main.js', main).replace('</head>', `  ${preloads}\n  </head>`)],
    ...modules,
    ['/page/page.css', styles.join('\n')],
    ['/page/icon.svg', await readFile(new URL('icon.svg', browser), 'utf8')],
  ])
}

const importPattern = /(\bfrom\s+'\.[^']*)\.ts'/g

/** Adds a module and all modules that it imports. */
async function addModule(url: URL, modules: Map<string, string>): Promise<void> {
  const path = modulePath(url)
  if (modules.has(path)) return
  modules.set(path, '')
  const code = withoutTypes(await readFile(url, 'utf8'))
  modules.set(path, code.replaceAll(importPattern, "$1.js'"))
  for (const [, specifier = ''] of code.matchAll(/\bfrom\s+'(\.[^']*)'/g)) {
    await addModule(new URL(specifier, url), modules)
  }
}

function modulePath(url: URL): string {
  return `/page/${url.href.slice(sourceRoot.href.length).replace(/\.ts$/, '.js')}`
}

/** Node.js warns that this function is experimental. A package does not use it, and a checkout needs no warning. */
function withoutTypes(code: string): string {
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning') as PropertyDescriptor
  process.emitWarning = () => undefined
  try {
    return stripTypeScriptTypes(code)
  } finally {
    Object.defineProperty(process, 'emitWarning', before)
  }
}

const compress = promisify(gzip)

async function asset(path: string, text: string): Promise<Asset> {
  const body = Buffer.from(text)
  return {
    type: types[extname(path)] ?? (types['.html'] as string),
    body,
    compressed: await compress(body, { level: constants.Z_BEST_COMPRESSION }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
}
