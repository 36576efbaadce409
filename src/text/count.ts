/** Counts in sentences. Pure. */

/** `never`, `once`, `twice`, `3 times`. */
export function formatCount(count: number): string {
  return ['never', 'once', 'twice'][count] ?? `${count} times`
}

/** `1 node`, `3 nodes`. */
export function pluralize(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}
