import { fileURLToPath } from 'node:url'

const compileCache = fileURLToPath(new URL('../../.tap/compile-cache', import.meta.url))

/**
 * Returns what `spawn` takes to run a program without the loaders and the coverage that tap adds to every process that
 * a test starts, even to one with an environment of its own. They double the time that Node needs to start, and a
 * process that is killed reports no coverage. Node also keeps compiled modules from one start to the next.
 */
export const uninstrumented = (
  program: string,
  ...args: readonly string[]
): [command: string, args: string[]] => [
  '/usr/bin/env',
  ['-u', 'NODE_OPTIONS', `NODE_COMPILE_CACHE=${compileCache}`, program, ...args],
]
