/** Event counts by name, and refusals by stable code. `/health`, the metrics, and tests read them. */

export class Counters {
  readonly #counts = new Map<string, number>()
  readonly #refusals = new Map<string, number>()

  /** @param name `service.event`, for instance `dhcp.malformed` */
  increment(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** @param code one of `src/codes.ts`; names of clients or files must not become codes, their number is unbounded */
  refuse(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
  }

  /** Returns all counts, sorted by name. */
  snapshot(): Record<string, number> {
    return sorted(this.#counts)
  }

  /** Returns the refusals, sorted by code. */
  refusals(): Record<string, number> {
    return sorted(this.#refusals)
  }
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
