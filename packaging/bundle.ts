/**
 * `npm run build`: bundles the program with its packages, and the page, into dist, or another directory, for packages and
 * the container.
 * Two builds of one commit have the same bytes. docs/decisions/0039 has the figures.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { styleNames } from '../src/serve/page/assets.ts'

const root = join(import.meta.dirname, '..')
const output = resolve(root, process.argv[2] ?? 'dist')

/** The program, and the workers, which it starts from a file beside its own. */
const entries = [
  'src/main.ts',
  'src/site-worker.ts',
  'src/scan/ignition/decode-worker.ts',
  'src/serve/dns/dns-worker.ts',
  'src/serve/dhcp/dhcp-worker.ts',
  'src/serve/dhcpv6/dhcpv6-worker.ts',
  'src/serve/tftp/tftp-worker.ts',
  'src/serve/http/image-worker.ts',
]

/** Packages of Fastify that slipway does not call; src/host/http.ts refuses schemas. */
const unusedPackages = [
  'glob',
  'light-my-request',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
]

/** Packages in CommonJS call `require`, which a module does not have. */
const banner =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);"

rmSync(output, { recursive: true, force: true })
const { status, error } = spawnSync(
  join(root, 'node_modules/.bin/esbuild'),
  [
    ...entries,
    `--outdir=${output}`,
    '--entry-names=[name]',
    '--bundle',
    '--splitting',
    '--format=esm',
    '--platform=node',
    // It loads a binary from its package.
    '--external:koffi',
    ...unusedPackages.map((name) => `--alias:${name}=./packaging/unused-package.ts`),
    '--target=node22.18',
    `--banner:js=${banner}`,
    `--define:BUILD_ID=${JSON.stringify(buildId())}`,
    '--log-level=warning',
  ],
  { cwd: root, stdio: 'inherit' },
)
if (status !== 0) throw error ?? new Error(`esbuild ended with ${status}`)

// The page, which main.js finds beside itself (src/serve/page/assets.ts).
const browser = join(root, 'src/serve/page/browser')
const page = spawnSync(
  join(root, 'node_modules/.bin/esbuild'),
  [
    `${browser}/main.ts`,
    `--outfile=${output}/page/main.js`,
    '--bundle',
    '--minify',
    '--format=esm',
    '--target=es2022',
    '--log-level=warning',
  ],
  { cwd: root, stdio: 'inherit' },
)
if (page.status !== 0) throw page.error ?? new Error(`esbuild ended with ${page.status}`)
for (const name of ['index.html', 'icon.svg']) cpSync(join(browser, name), join(output, 'page', name))
const styles = styleNames.map((name) => readFileSync(join(browser, `${name}.css`), 'utf8'))
writeFileSync(join(output, 'page/page.css'), styles.join('\n'))

/** Returns a value that changes with the program and its packages. */
function buildId(): string {
  const files = ['package-lock.json', ...globSync('src/**/*.ts', { cwd: root })].sort()
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}
