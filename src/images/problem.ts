/** Errors of image operations, one sentence each. */

/** An error that the administrator or the server can fix: the message states what is wrong and, if possible, what to do. */
export class ImageProblem extends Error {
  override readonly name = 'ImageProblem'
}

/** Returns the text of a system error. Errors that combine several addresses have only a code. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || (code ?? 'unknown error')
}
