/**
 * `npm test`: runs the test files with tap, one process for each folder. Most test files take less time than the start
 * of a process, so one process for each file takes more than twice as long.
 * Usage: run-tests.ts [TAP-OPTION | TEST-FILE]...  With test files, tap runs only these, each in its own process.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tapFailures } from './tap-failures.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = '.tap/groups'
const results = '.tap/test-results'
/** A folder with more test files than this gets a process for each of its own folders. */
const maxFiles = 40
/**
 * Groups that start many programs or compute much. tap starts groups in the order of their names, digits first: a long
 * group must not be the last one, with the other processors idle.
 */
const slowest = ['test', 'install', 'cli', 'demo', 'site']

process.chdir(root)
const args = process.argv.slice(2)
const files = args.filter((arg) => !arg.startsWith('-'))
const tap = spawn(
  process.execPath,
  ['node_modules/.bin/tap', ...args, ...(files.length > 0 ? [] : writeGroups())],
  { stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void tap.kill(signal))
}
tap.on('close', (code) => {
  process.exitCode = code ?? 1
  if (code !== 0) for (const failure of failures()) console.error(`failed: ${failure}`)
})

/** Returns the failed assertions. tap prints them before its long table of the coverage, where nobody finds them. */
function failures(): string[] {
  return readdirSync(results, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.tap'))
    .flatMap((entry) => tapFailures(readFileSync(join(entry.parentPath, entry.name), 'utf8')))
}

/** @returns the paths of the test files that it wrote, one for each group */
function writeGroups(): string[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return [...groups()].map(([name, members]) => {
    const path = `${folder}/${slowest.includes(name) ? '0-' : ''}${name}.mjs`
    writeFileSync(
      path,
      `import { runTestFiles } from '../../test/support/test-group.ts'\n\n` +
        `await runTestFiles(${JSON.stringify(members, undefined, 2)})\n`,
    )
    return path
  })
}

function groups(): Map<string, string[]> {
  const all = globSync('test/**/*.test.ts', { exclude: ['test/e2e'] }).sort()
  const byFolder = Map.groupBy(all, (file) => groupName(file, 1))
  const split = [...byFolder].flatMap(([name, members]) =>
    members.length > maxFiles
      ? [...Map.groupBy(members, (file) => groupName(file, 2))]
      : [[name, members] as const],
  )
  return new Map(split)
}

/** The first folders of a path below test/, `test/serve/dns/answer.test.ts` → `serve-dns`. */
function groupName(file: string, depth: number): string {
  const folders = file.split('/').slice(1, -1)
  return folders.slice(0, depth).join('-') || 'test'
}
