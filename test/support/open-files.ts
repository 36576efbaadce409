/** Lists the open files of this process below a directory, for tests of descriptors. */
import { readdirSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

/** Returns the paths of the open files below `folder`, one for each descriptor. */
export function openFilesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const path = target(descriptor)
    return path?.startsWith(folder + sep) ? [path] : []
  })
}

/** Returns undefined for a descriptor that has been closed, like that of the listing itself. */
function target(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return undefined
  }
}
