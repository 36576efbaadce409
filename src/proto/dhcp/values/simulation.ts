/**
 * A mark in requests of `slipway simulate`, in an option for private use (RFC 3942 §3.2): the server answers them like
 * those of a machine, and does not take them for its boot.
 */
export const simulationOption = 224

const mark = new TextEncoder().encode('slipway simulate')

/** Returns the option that marks a request as simulated. */
export function simulationMark(): { readonly code: number; readonly value: Uint8Array } {
  return { code: simulationOption, value: mark }
}

/** Returns whether the value of the option is the mark. */
export function isSimulationMark(value: Uint8Array): boolean {
  return value.length === mark.length && mark.every((octet, index) => octet === value[index])
}
