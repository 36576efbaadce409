/** What an operation on images reports: its progress, and the error that ends it. */

import type { ImageCode } from './codes.ts'

/** An error that the administrator or the server can fix: the message states what is wrong and, if possible, what to do. */
export class ImageProblem extends Error {
  override readonly name = 'ImageProblem'
  readonly code: ImageCode

  constructor(code: ImageCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Returns the text of a system error. Errors that combine several addresses have only a code. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || (code ?? 'unknown error')
}

export type Notice =
  /** The total size; sent again when it is known better. `undefined` while the size of a file is unknown. */
  | { readonly kind: 'total'; readonly octets: number | undefined }
  | {
      readonly kind: 'started'
      readonly file: string
      /** Bytes of an earlier start. */
      readonly octets: number
    }
  /** Bytes of the file up to now; fewer than before if the file is downloaded again. */
  | { readonly kind: 'reached'; readonly file: string; readonly octets: number }
  | { readonly kind: 'done'; readonly file: string; readonly octets: number }
  /** An error after which the operation continues; `reason` is a sentence. */
  | { readonly kind: 'retry'; readonly file: string; readonly reason: string }

/** Called synchronously and often: must be fast and never throw. */
export type Watch = (notice: Notice) => void
