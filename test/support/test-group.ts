/**
 * Runs test files one after the other in one process, each as a subtest that has the name of the file. A file cannot
 * see the difference: `import t from 'tap'` gives it its own subtest, with its own teardown, time-out, and
 * `t.testdir`. A file that leaves something behind for the next one fails.
 */
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'

/** Longer than any file needs on a busy machine. Ends a file that waits forever. */
const fileTimeoutMs = 300_000
/** For the root test, whose time-out ends the process: a file that loops forever never reaches its own. */
const graceMs = 10_000
/** For sockets and processes that are closing when a file ends. */
const closeTimeoutMs = 10_000

/** Where the substitute module below finds the subtest of the file that is being imported. */
const shared = globalThis as { testOfFile?: Test }
const root = new URL('../../', import.meta.url)
const tests = new URL('test/', root).href
const group = new Set<string>()

registerHooks({
  resolve(specifier, context, nextResolve) {
    const from = context.parentURL
    if (specifier !== 'tap' || from === undefined || !from.startsWith(tests)) {
      return nextResolve(specifier, context)
    }
    if (!group.has(from)) throw new Error(`${from}: only a test file imports tap, pass its t as an argument`)
    // The comment makes the URL, and therefore the module, different for each file.
    return { url: `data:text/javascript,export default globalThis.testOfFile // ${from}`, shortCircuit: true }
  },
})

/** @param files their paths from the root of the repository */
export async function runTestFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    t.setTimeout(fileTimeoutMs + graceMs)
    await t.test(file, { timeout: fileTimeoutMs }, async (test) => {
      const before = { state: processState(), handles: openHandles() }
      test.testdirName = resolve('.tap/fixtures', file.replaceAll('/', '-'))
      // The teardown that is registered first runs last.
      test.teardown(async () => {
        const changed = changes(before.state, processState())
        restore(before.state)
        // A test that failed has reason enough to leave something behind.
        if (!test.passing()) return
        if (changed.length > 0)
          throw new Error(`${file} changes ${changed.join(', ')} and does not restore it`)
        await waitForHandles(file, before.handles)
      })
      const { href } = new URL(file, root)
      group.add(href)
      shared.testOfFile = test
      await import(href)
    })
  }
  t.end()
  // What a failed test left open must not keep the process running until its time-out.
  if (!t.passing()) setTimeout(() => process.exit(), closeTimeoutMs).unref()
}

type ProcessState = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly exitCode: typeof process.exitCode
  /** Their numbers, by signal or kind of error. */
  readonly listeners: Readonly<Record<string, number>>
}

function processState(): ProcessState {
  const events = process.eventNames().filter((event) => /^(?:SIG|uncaught|unhandled)/.test(String(event)))
  return {
    env: { ...process.env },
    directory: process.cwd(),
    exitCode: process.exitCode,
    listeners: Object.fromEntries(events.map((event) => [String(event), process.listenerCount(event)])),
  }
}

/** Names what is different. */
function changes(before: ProcessState, after: ProcessState): string[] {
  return [
    ...differentKeys(before.env, after.env).map((name) => `process.env.${name}`),
    ...differentKeys(before.listeners, after.listeners).map((event) => `the listeners of ${event}`),
    ...(after.directory === before.directory ? [] : ['the working directory']),
    ...(after.exitCode === before.exitCode ? [] : ['process.exitCode']),
  ]
}

function differentKeys(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  return Object.keys({ ...before, ...after }).filter((key) => before[key] !== after[key])
}

function restore({ env, directory }: ProcessState): void {
  for (const name of differentKeys(env, process.env)) {
    if (env[name] === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = env[name]
  }
  process.chdir(directory)
}

/** Sorted names of what keeps the process running, such as TCPServerWrap. */
const openHandles = (): string[] => process.getActiveResourcesInfo().sort()

/** Resolves when the file has closed what it opened. @throws when that takes too long */
async function waitForHandles(file: string, before: readonly string[]): Promise<void> {
  const deadline = performance.now() + closeTimeoutMs
  let left = added(before, openHandles())
  while (left.length > 0 && performance.now() < deadline) {
    await pause(5)
    left = added(before, openHandles())
  }
  if (left.length > 0) throw new Error(`${file} leaves open: ${left.join(', ')}`)
}

/** Returns what occurs in `after` more often than in `before`. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...before]
  return after.filter((name) => {
    const index = rest.indexOf(name)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
}
