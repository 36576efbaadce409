/** The cache directory, and the compile cache of Node.js in it, which halves the time of a start. */
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
