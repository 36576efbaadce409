/** Durations, counts, sizes, and lists in sentences. Pure. */

/** `350 ms`, `4.2 s`, `42 s`, `12 min`, `3 h`, `5 d`: about two digits, which is enough to compare by eye. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = ms / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 99.5) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 99.5) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 47.5 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}

/** `40 min`, `13 h`, `12 days`: whole units, rounded down, so that no limit seems reached before it is. */
export function formatAge(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000))
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 72 ? `${hours} h` : `${Math.floor(hours / 24)} days`
}

/** `42 s`, `3 min`: whole units, rounded up, for the remaining time of a running operation. */
export function formatRemaining(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}

/** `0:04`, `12:30`, `1:02:03`: a running clock. */
export function formatStopwatch(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `never`, `once`, `twice`, `3 times`. */
export function formatCount(count: number): string {
  return ['never', 'once', 'twice'][count] ?? `${count} times`
}

/** `1 node`, `3 nodes`. */
export function pluralize(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `658 B`, `72.3 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length)
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`
}

/** `a, b`, or `a, b and 3 more`. */
export function listSome(items: readonly string[], max: number): string {
  const shown = items.slice(0, max).join(', ')
  return items.length > max ? `${shown} ${more(items.length - max)}` : shown
}

/** The first `max` lines, and one for those left out: `and 3 more`. */
export function firstLines(lines: readonly string[], max: number, hint = ''): string[] {
  return lines.length > max ? [...lines.slice(0, max), more(lines.length - max) + hint] : [...lines]
}

function more(count: number): string {
  return `and ${count} more`
}
