/** Sizes of files and transfers. Pure. */

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `658 B`, `72.3 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length)
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`
}
