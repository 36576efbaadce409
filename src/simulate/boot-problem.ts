/** Why a simulated machine did not get on: what it expected, what came, and where a person should look. */

/** Ends one node's boot; the others go on. */
export class BootProblem extends Error {
  override readonly name = 'BootProblem'

  /** Each part is a phrase without a full stop; together they make the message. */
  constructor(expected: string, came: string, lookAt: string) {
    super(`expected ${expected}; got ${came}; look at ${lookAt}`)
  }
}
