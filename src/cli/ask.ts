/** Questions on the terminal, for commands that an administrator confirms. */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'

/** Asks a question on the terminal; returns nothing where there is no terminal. */
export type Ask = (question: string) => Promise<string | undefined>

export const askOnTerminal: Ask = async (question) => {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined
  const input = createInterface({ input: process.stdin, output: process.stdout })
  try {
    // Ctrl-C and Ctrl-D close the input without an answer.
    const closed = once(input, 'close').then(() => '')
    const answer = input.question(question).catch(() => '')
    const text = (await Promise.race([answer, closed])).trim()
    if (text === '') process.stdout.write('\n')
    return text
  } finally {
    input.close()
  }
}
