/** What keeps an image from being had, as one sentence for people. */

/** The operator's or the other side's to mend: the message says what and, where there is one, the way out. */
export class ImageProblem extends Error {
  override readonly name = 'ImageProblem'
}

/** The words of a system error; errors of several addresses at once have a code only. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || (code ?? 'unknown error')
}
