/** Why an operation of a BMC failed. The message names the BMC and ends with what to do; it never contains a password. */
import type { BmcCode } from './codes.ts'

export class BmcProblem extends Error {
  override readonly name = 'BmcProblem'
  readonly code: BmcCode

  constructor(code: BmcCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
