/**
 * What a process does before it loads a command: it finds the cache directory, enables the compile cache of Node.js in it, which
 * halves the time of a start, and holds SIGHUPs, one of which would otherwise end the process.
 */
import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/**
 * Returns the CacheDirectory= of the service, or a directory in the home directory of this user. It is used only if no
 * other user can write there, because slipway trusts what is in it.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const [service] = (env['CACHE_DIRECTORY'] ?? '').split(':')
  if (service !== undefined && service !== '') return isOwn(service) ? service : undefined
  const home = env['HOME'] ?? ''
  // Without HOME, as in a container, there is no cache.
  return home !== '' && isOwn(home) ? join(home, '.cache', 'slipway') : undefined
}

/** Enables the cache for modules that are loaded later. Node.js executes what is in it. */
export function enableOwnCompileCache(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const directory = cacheDirectory(env)
  return directory && enableCompileCache(join(directory, 'compile-cache')).directory
}

function isOwn(directory: string): boolean {
  const found = statSync(directory, { throwIfNoEntry: false })
  return found !== undefined && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}

let hasArrived = false

const note = (): void => {
  hasArrived = true
}

/** Remembers SIGHUPs from now on. */
export function holdHangUps(): void {
  process.on('SIGHUP', note)
}

/** Returns whether a SIGHUP arrived since {@link holdHangUps}, and leaves further ones to the handlers of the caller. */
export function takeHangUps(): boolean {
  process.off('SIGHUP', note)
  return hasArrived
}
