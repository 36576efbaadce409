/** Reads user names and passwords of BMCs: files in the format of mount.cifs, or systemd credentials. Read for each operation. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { BmcProblem } from './problem.ts'

export type Credentials = { readonly username: string; readonly password: string }

const maxBytes = 4096
const othersMask = 0o077

/**
 * @param source absolute path of a file, or name of a systemd credential
 * @throws {BmcProblem} with the path and what to do; never with the content
 */
export async function readCredentials(source: string, environment = process.env): Promise<Credentials> {
  const path = pathOf(source, environment)
  let text: string
  try {
    text = await readPrivately(path, source.startsWith('/'))
  } catch (error) {
    if (error instanceof BmcProblem) throw error
    throw unusable(`cannot read the BMC credentials: ${(error as Error).message}`)
  }
  const { username, password } = parseCredentials(text)
  if (username !== undefined && password !== undefined) return { username, password }
  throw unusable(`${path} has no BMC credentials: write the lines username=… and password=…`)
}

function pathOf(source: string, environment: NodeJS.ProcessEnv): string {
  if (source.startsWith('/')) return source
  const directory = environment['CREDENTIALS_DIRECTORY']
  if (directory !== undefined) return join(directory, source)
  throw unusable(
    `the systemd credential ${source} is not available: add LoadCredential=${source}:PATH to the service, or set bmc.credentials to the path of a file`,
  )
}

async function readPrivately(path: string, isFile: boolean): Promise<string> {
  // Non-blocking, because opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await file.stat()
    if (!status.isFile()) throw unusable(`${path} is not a regular file`)
    // systemd protects the directory of credentials.
    if (isFile && (status.mode & othersMask) !== 0) {
      const mode = (status.mode & 0o777).toString(8).padStart(4, '0')
      throw unusable(`${path} has mode ${mode}, so other users can read the password: set it to 0600`)
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** A password can contain any character, also spaces and equals signs. */
export function parseCredentials(text: string): Partial<Credentials> {
  const pairs = text.split(/\r?\n/).map((line): [string, string] => {
    const at = line.indexOf('=')
    return [line.slice(0, Math.max(0, at)).trim(), line.slice(at + 1)]
  })
  return Object.fromEntries(pairs.filter(([key]) => key === 'username' || key === 'password'))
}

function unusable(message: string): BmcProblem {
  return new BmcProblem('bmc.credentials-unusable', message)
}
