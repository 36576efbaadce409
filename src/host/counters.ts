/** Counts of what happened, by name. Read by /health and by tests; exported as metrics elsewhere. */

export class Counters {
  readonly #counts = new Map<string, number>()

  /** @param name `service.event`, for instance `dhcp.malformed` */
  increment(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** All counts, sorted by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
