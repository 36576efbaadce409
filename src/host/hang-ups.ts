/** SIGHUPs that arrive while the process starts: without a handler, one would end it. */

let hasArrived = false

const note = (): void => {
  hasArrived = true
}

/** Remembers SIGHUPs from now on. */
export function holdHangUps(): void {
  process.on('SIGHUP', note)
}

/** Returns whether a SIGHUP arrived since {@link holdHangUps}, and leaves further ones to the handlers of the caller. */
export function takeHangUps(): boolean {
  process.off('SIGHUP', note)
  return hasArrived
}
