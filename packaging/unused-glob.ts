/** Replaces the package glob in the built program. @fastify/static calls it only to list the files of a directory at its start. */
export function glob(): never {
  throw new Error('the built program does not contain the package glob')
}
