/**
 * `npm run package`: writes the .deb and .rpm packages for amd64 and arm64, the npm package, and, if podman is installed,
 * the container image to dist/packages. Two builds of one commit have the same bytes, except for the image: every time in
 * the packages is the time of the commit. With --no-image, it writes only the packages.
 */
import { spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { commandGroups } from '../src/cli/registry.ts'
import { completionOfShell, shells } from '../src/cli/commands/completion.ts'
import { schemaVersion } from '../src/install/store-schema.ts'
import { writeImage } from './image.ts'
import { manPage } from './man.ts'
import { thirdPartyNotices } from './notices.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const output = join(root, 'dist/packages')
const stage = join(output, 'stage')
/** By the name of the architecture in Debian; the values are those of Node.js. */
const architectures = { amd64: 'x64', arm64: 'arm64' } as const

await main()

async function main(): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const [commit = '', seconds = ''] = run('git', ['log', '-1', '--format=%H %ct']).trim().split(' ')
  const mtime = new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z')
  const nfpm = run('packaging/tools', []).trim()
  run('npm', ['run', 'build', '--silent'])
  await writeFile(join(root, 'dist/commit'), `${commit}\n`)
  await mkdir(output, { recursive: true })
  // The image must get the packages of this version.
  for (const name of await readdir(output)) {
    if (name.startsWith('slipway')) await rm(join(output, name), { recursive: true })
  }
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', output])
  for (const { filename } of JSON.parse(packed) as { filename: string }[]) {
    console.log(`dist/packages/${filename}`)
  }
  for (const [arch, cpu] of Object.entries(architectures)) {
    await stageProgram(cpu)
    await stageDocuments(mtime)
    await keepNative(cpu)
    // nfpm expands variables only in some of its fields.
    const values: Readonly<Record<string, string>> = {
      ARCH: arch,
      VERSION: version,
      MTIME: mtime,
      STAGE: stage,
    }
    const template = await readFile(join(root, 'packaging/nfpm.yaml'), 'utf8')
    const config = join(stage, 'nfpm.yaml')
    await writeFile(
      config,
      template.replace(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? ''),
    )
    for (const packager of ['deb', 'rpm']) {
      const args = ['package', '--config', config, '--packager', packager, '--target', output]
      const env = { ...process.env, SOURCE_DATE_EPOCH: seconds }
      const [, file = ''] = /created package: (.*)/.exec(run(nfpm, args, root, env)) ?? []
      console.log(`dist/packages/${file.split('/').at(-1) ?? ''}`)
    }
  }
  await rm(stage, { recursive: true })
  if (process.argv.includes('--no-image')) return
  const base = process.env['SLIPWAY_IMAGE_BASE']
  const image = writeImage({ root, version, seconds, base })
  console.log(image === undefined ? 'no container image: podman is not installed' : `dist/packages/${image}`)
}

/** Stages /usr/lib/slipway: the bundled program, Node.js, and for the notices the packages of the program. */
async function stageProgram(cpu: string): Promise<void> {
  await rm(stage, { recursive: true, force: true })
  const lib = join(stage, 'lib')
  await mkdir(join(lib, 'bin'), { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    await cp(join(root, name), join(lib, name))
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--os=linux', `--cpu=${cpu}`, '--silent'], lib)
  const node = join(lib, `node_modules/node-linux-${cpu}`)
  await rename(join(node, 'bin/node'), join(lib, 'bin/node'))
  await mkdir(join(stage, 'doc'), { recursive: true })
  await cp(join(node, 'LICENSE'), join(stage, 'doc/NODE-LICENSE'))
  await rm(node, { recursive: true })
  await rm(join(lib, 'node_modules/.bin'), { recursive: true, force: true })
  await rm(join(lib, 'node_modules/.package-lock.json'))
  await rm(join(lib, 'package-lock.json'))
  await rm(join(lib, '.npmrc'))
  for (const name of await readdir(join(root, 'dist')))
    if (name !== 'packages') await cp(join(root, 'dist', name), join(lib, 'dist', name), { recursive: true })
  for (const name of ['slipway', 'slipway.js']) await cp(join(root, 'bin', name), join(lib, 'bin', name))
  await cp(join(root, 'config'), join(lib, 'config'), { recursive: true })
  await chmod(join(lib, 'bin/node'), 0o755)
}

/** Stages the man pages, completions, documents, and the script with the schema of the state. */
async function stageDocuments(mtime: string): Promise<void> {
  const doc = join(stage, 'doc')
  await mkdir(join(stage, 'man'), { recursive: true })
  await mkdir(join(stage, 'completion'), { recursive: true })
  await mkdir(join(doc, 'examples'), { recursive: true })
  const entries = Object.values(commandGroups).flat()
  const commands = await Promise.all(entries.map(async (entry) => ({ ...entry, ...(await entry.load()) })))
  const pages = [manPage(commands, mtime), ...commands.flatMap((command) => manPage([command], mtime))]
  for (const { name, text } of pages) {
    await writeFile(join(stage, 'man', `${name}.1.gz`), gzipSync(text, { level: 9 }))
  }
  for (const shell of shells) {
    await writeFile(
      join(stage, 'completion', `slipway.${shell}`),
      await completionOfShell(shell, commandGroups),
    )
  }
  await cp(join(root, 'docs'), join(doc, 'docs'), { recursive: true })
  for (const name of ['README.md', 'CHANGELOG.md', 'SECURITY.md']) await cp(join(root, name), join(doc, name))
  await cp(join(root, 'LICENSE'), join(doc, 'copyright'))
  await writeFile(join(doc, 'THIRD-PARTY-NOTICES'), await thirdPartyNotices(join(stage, 'lib/node_modules')))
  // The modeline of the example names the installed schema.
  const example = await readFile(join(root, 'config/site.example.yaml'), 'utf8')
  const schema = '$schema=/usr/lib/slipway/config/site.schema.json'
  await writeFile(join(doc, 'examples/site.yaml'), example.replace('$schema=./site.schema.json', schema))
  await cp(join(root, 'config/examples'), join(doc, 'examples'), { recursive: true })
  await cp(join(root, 'config/answers'), join(doc, 'examples/answers'), { recursive: true })
  const check = await readFile(join(root, 'packaging/scripts/preinstall'), 'utf8')
  await writeFile(join(stage, 'preinstall'), check.replace('@SCHEMA@', String(schemaVersion)))
}

/** Keeps the files of koffi that the program loads. All other packages are in the bundled program. */
async function keepNative(cpu: string): Promise<void> {
  const modules = join(stage, 'lib/node_modules')
  const all = join(stage, 'modules')
  await rename(modules, all)
  const binary = `@koromix/koffi-linux-${cpu}`
  const kept = [
    ...['package.json', 'index.js', 'src/koffi/index.js', 'src/koffi/src/static.js'].map(
      (file) => `koffi/${file}`,
    ),
    ...['package.json', 'index.js', `linux_${cpu}/koffi.node`].map((file) => `${binary}/${file}`),
  ]
  for (const file of kept) await cp(join(all, file), join(modules, file))
  await rm(all, { recursive: true })
}

function run(command: string, args: readonly string[], cwd = root, env = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr + stdout}`)
  return stdout
}
