/** Event counts by name, refusals by stable code, and how metrics are written. `/health`, the metrics, and tests read them. */

/** Counts that another thread has not received yet. */
export type Taken = {
  readonly counts: readonly (readonly [name: string, count: number])[]
  readonly refusals: readonly (readonly [code: string, count: number])[]
}

/** An object, so that a count changes without another lookup: each query has several. */
type Count = { value: number }

export class Counters {
  readonly #counts = new Map<string, Count>()
  readonly #refusals = new Map<string, Count>()

  /** @param name `service.event`, for instance `dhcp.malformed` */
  increment(name: string, by = 1): void {
    add(this.#counts, name, by)
  }

  get(name: string): number {
    return this.#counts.get(name)?.value ?? 0
  }

  /** @param code one of `src/codes.ts`; names of clients or files must not become codes, their number is unbounded */
  refuse(code: string, by = 1): void {
    add(this.#refusals, code, by)
  }

  /** Returns the counts since the last call, and sets them to 0; nothing if there are none. */
  take(): Taken | undefined {
    if (this.#counts.size === 0 && this.#refusals.size === 0) return undefined
    const taken = { counts: valuesOf(this.#counts), refusals: valuesOf(this.#refusals) }
    this.#counts.clear()
    this.#refusals.clear()
    return taken
  }

  /** Adds the counts of another thread. */
  add({ counts, refusals }: Taken): void {
    for (const [name, count] of counts) this.increment(name, count)
    for (const [code, count] of refusals) this.refuse(code, count)
  }

  /** Returns all counts, sorted by name. */
  snapshot(): Record<string, number> {
    return sorted(valuesOf(this.#counts))
  }

  /** Returns the refusals, sorted by code. */
  refusals(): Record<string, number> {
    return sorted(valuesOf(this.#refusals))
  }
}

function add(counts: Map<string, Count>, name: string, by: number): void {
  const count = counts.get(name)
  if (count === undefined) counts.set(name, { value: by })
  else count.value += by
}

function valuesOf(counts: ReadonlyMap<string, Count>): [name: string, count: number][] {
  return Array.from(counts, ([name, { value }]) => [name, value])
}

function sorted(counts: readonly (readonly [name: string, count: number])[]): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

// Renders metrics in Prometheus's text exposition format, version 0.0.4. Pure.

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

export type MetricFamily = {
  /** Letters, digits, and underscores; the name of a counter ends in `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[]
}

export function gauge(name: string, help: string, samples: MetricFamily['samples']): MetricFamily {
  return { name, type: 'gauge', help, samples }
}

export function renderExposition(families: readonly MetricFamily[]): string {
  return families
    .flatMap(({ name, type, help, samples }) => [
      `# HELP ${name} ${escapeText(help)}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels = {}, value }) => `${name}${renderLabels(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('')
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeText(value).replaceAll('"', '\\"')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
