/** Why a simulated boot failed: what the machine expected, what it got, and what the administrator should check. */

/** Ends the boot of one node; the other nodes continue. */
export class BootProblem extends Error {
  override readonly name = 'BootProblem'

  /** Each part is a phrase without a full stop; together they make the message. */
  constructor(expected: string, got: string, check: string) {
    super(`expected ${expected}; got ${got}; check ${check}`)
  }
}
