/** A map for facts about clients: bounded, so that a flood does not fill the memory. */

const maxEntries = 1024

/** A map with a maximum size. It drops the entry that was set least recently. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>()
  readonly #max: number

  constructor(max = maxEntries) {
    this.#max = max
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key)
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size > this.#max) this.#values.delete(this.#values.keys().next().value as Key)
  }

  /** Returns the values, latest first. */
  values(): Value[] {
    return [...this.#values.values()].reverse()
  }
}
