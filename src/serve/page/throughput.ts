/** How much the services did in the last minutes, sampled from the counters for the plots of the page. */
import type { Clock, Timer } from '../../host/clock.ts'

/** Rates per second since the sample before. */
export type Sample = Readonly<Record<Series, number>> & {
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The counters of each plot. */
const series = {
  images: ['http.imageOctets'],
  tftp: ['tftp.octets'],
  dns: ['dns.queries'],
  http: ['http.requests'],
} as const satisfies Readonly<Record<string, readonly string[]>>

type Series = keyof typeof series

const intervalMs = 5000
/** Ten minutes. */
const maxSamples = 120

export function createThroughput(counters: () => Readonly<Record<string, number>>, clock: Clock) {
  const samples: Sample[] = []
  let before = counters()
  let beforeAt = clock.monotonic()
  let timer: Timer = clock.after(intervalMs, sample)

  function sample(): void {
    const counts = counters()
    const seconds = (clock.monotonic() - beforeAt) / 1000
    const rate = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + (counts[name] ?? 0) - (before[name] ?? 0), 0) / seconds
    const rates = Object.fromEntries(Object.entries(series).map(([name, names]) => [name, rate(names)]))
    samples.push({ at: clock.now(), ...(rates as Record<Series, number>) })
    if (samples.length > maxSamples) samples.shift()
    before = counts
    beforeAt = clock.monotonic()
    timer = clock.after(intervalMs, sample)
  }

  return {
    /** Oldest first. */
    samples: (): readonly Sample[] => samples,
    close: () => timer.cancel(),
  }
}
