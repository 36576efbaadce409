/**
 * `npm run release -- VERSION`: makes a release of the current commit. Sets the version, builds the packages, and tags the
 * commit. It checks everything before it changes anything, and pushes nothing. With --dry-run, it only checks and prints.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Release = {
  readonly root: string
  readonly version: string
  readonly isDry: boolean
  readonly print: (line: string) => void
  /** Runs a command in `root`, and returns its output. @throws {Error} if it fails */
  readonly run: (command: string, ...args: string[]) => string
}

/** Where users read the names of the packages. */
const documents = ['README.md', 'docs/install.md', 'docs/quick-start.md']

if (import.meta.main) {
  const args = process.argv.slice(2)
  const root = join(import.meta.dirname, '..')
  const [version = '', ...more] = args.filter((argument) => argument !== '--dry-run')
  const isDry = args.includes('--dry-run')
  const run = (command: string, ...rest: string[]): string => {
    const { status, stdout, error } = spawnSync(command, rest, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: Infinity,
    })
    if (status !== 0)
      throw new Error(`${command} ${rest.join(' ')} failed: ${error?.message ?? `status ${String(status)}`}`)
    return stdout
  }
  const problems =
    more.length > 0 || version === ''
      ? ['usage: npm run release -- VERSION [--dry-run]']
      : release({ root, version, isDry, run, print: (line) => console.log(line) })
  for (const problem of problems) console.error(`release: ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

/** Makes the release. @returns why it cannot be made; then nothing was changed */
export function release({ root, version, isDry, print, run }: Release): string[] {
  const read = (name: string): string => readFileSync(join(root, name), 'utf8')
  const { version: current } = JSON.parse(read('package.json')) as { version: string }
  const notes = notesOf(read('CHANGELOG.md'), version)
  const tag = `v${version}`
  const problems = [
    ...versionProblems(version, current),
    ...(notes === undefined
      ? [`CHANGELOG.md must start with a section "## ${version}": write what changed`]
      : []),
    ...(run('git', 'status', '--porcelain') === ''
      ? []
      : ['there are changes that are not committed: commit them']),
    ...(run('git', 'tag', '--list', tag) === '' ? [] : [`the tag ${tag} exists: choose a later version`]),
  ]
  if (problems.length > 0 || notes === undefined) return problems

  const steps: [string, () => void][] = [
    ['check the code: npm run check', () => void run('npm', 'run', 'check')],
    ...(version === current
      ? []
      : ([
          [
            `set the version ${version} in package.json and in the documents, and commit it`,
            () => {
              run('npm', 'version', '--no-git-tag-version', version)
              for (const name of documents)
                writeFileSync(join(root, name), renamed(read(name), current, version))
              run('git', 'commit', '--all', '--message', `Release ${version}`)
            },
          ],
        ] satisfies [string, () => void][])),
    [
      'write the packages and their checksums to dist/packages: npm run package',
      () => {
        run('npm', 'run', 'package')
        writeChecksums(join(root, 'dist/packages'), version)
      },
    ],
    [
      `create the tag ${tag}`,
      () => void run('git', 'tag', '--annotate', tag, '--message', `slipway ${version}\n\n${notes}`),
    ],
  ]
  for (const [text, step] of steps) {
    print(isDry ? `would ${text}` : text)
    if (!isDry) step()
  }
  print('next: git push --follow-tags, then publish the packages and SHA256SUMS of dist/packages')
  return []
}

/** Returns the text of the first section of the changelog, if it is that of the version. */
function notesOf(changelog: string, version: string): string | undefined {
  const [, first = ''] = changelog.split(/^## /m)
  const [heading = '', ...lines] = first.split('\n')
  const text = lines.join('\n').trim()
  return heading.trim() === version && text !== '' ? text : undefined
}

function versionProblems(version: string, current: string): string[] {
  // Without pre-releases: packages would order them differently (https://semver.org).
  const numbers = [version, current].map((text) => /^(\d+)\.(\d+)\.(\d+)$/.exec(text)?.slice(1).map(Number))
  const [next, previous] = numbers
  if (next === undefined) return [`${version} is not a version such as 1.2.3`]
  const difference =
    next.map((number, index) => number - (previous?.[index] ?? 0)).find((each) => each !== 0) ?? 0
  return difference < 0 ? [`${version} is earlier than ${current}`] : []
}

/** Replaces the version in the names of packages. */
function renamed(text: string, current: string, version: string): string {
  return ['slipway_', 'slipway-', 'slipway:'].reduce(
    (changed, name) => changed.replaceAll(`${name}${current}`, `${name}${version}`),
    text,
  )
}

/** Writes the file that `sha256sum --check` reads. */
function writeChecksums(directory: string, version: string): void {
  const lines = globSync(`slipway[-_]${version}[-._]*`, { cwd: directory })
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(directory, name)))
          .digest('hex')}  ${name}\n`,
    )
  writeFileSync(join(directory, 'SHA256SUMS'), lines.join(''))
}
