/** Which files this process holds open: what a test about descriptors may count, and nothing else of the process. */
import { readdirSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

/** Paths of the open files below `folder`, one for each descriptor. */
export function openFilesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const path = target(descriptor)
    return path?.startsWith(folder + sep) ? [path] : []
  })
}

/** Undefined for a descriptor that was closed since it was listed: the one of the listing itself is. */
function target(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return undefined
  }
}
