/** Numbers as people say them, in sentences about nodes. Pure. */

/** `once`, `twice`, `3 times`. */
export function formatCount(count: number): string {
  return ['never', 'once', 'twice'][count] ?? `${count} times`
}

/** `350 ms`, `4.2 s`, `42 s`, `12 min`, `3 h`, `5 d`: two digits or so, which is what one can take in at a glance. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 99.5) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 99.5) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 47.5 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}
