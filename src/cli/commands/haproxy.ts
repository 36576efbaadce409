/** `slipway haproxy accept`: the privileged side of the hand-over to HAProxy, run by slipway-haproxy.service. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { writeAtomically } from '../../host/files.ts'
import { refusedLine } from '../../plan/haproxy/accept.ts'
import { fileModeOf } from '../../plan/haproxy/render.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { jsonRow } from '../target.ts'
import { isSystemError, systemErrorText } from '../../text/file-problem.ts'

const maxBytes = 4 * 1024 * 1024

export const haproxy: Command = {
  name: 'haproxy',
  help: {
    usage: ['haproxy accept [--json] SOURCE TARGET'],
    hasResult: true,
    about: [
      'Checks a HAProxy configuration that slipway wrote, and copies it to TARGET.',
      'The unit slipway-haproxy.service runs this command as root, because the service user cannot write to ' +
        '/etc/haproxy. The command refuses a symbolic link, and a file with a directive that slipway does not write: ' +
        'for example, one that loads a Lua script or starts a program.',
    ],
    options: [jsonRow],
    exit: [
      ['0', 'SOURCE was copied to TARGET'],
      ['1', 'SOURCE was refused, or a file cannot be read or written'],
      ['2', 'invalid command line'],
    ],
    examples: ['haproxy accept /var/lib/slipway/haproxy.cfg /etc/haproxy/new.cfg'],
  },

  async run(args, terminal) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} })
    const [action, source, target, ...more] = positionals
    if (action !== 'accept' || source === undefined || target === undefined || more.length > 0)
      throw new UsageError('expected accept, a source, and a target')
    try {
      await accept(source, target)
      return ExitCode.fine
    } catch (error) {
      const text = isSystemError(error) ? systemErrorText(error) : (error as Error).message
      terminal.err(`slipway haproxy accept: ${text}`)
      return ExitCode.problems
    }
  },
}

/** Checks and writes the same bytes: the file may change in between. */
async function accept(source: string, target: string): Promise<void> {
  const text = await readOwnFile(source)
  const refused = refusedLine(text)
  if (refused !== undefined) throw new Error(`${source}:${refused.line}: ${refused.reason}`)
  await writeAtomically(target, text, fileModeOf(text))
}

/** @throws for anything but a regular file: the path may lead to a file that only root can read */
async function readOwnFile(path: string): Promise<string> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP')
      throw new Error(`${path} is a symbolic link; name the file that it leads to`)
    throw error
  })
  try {
    const { size, nlink } = await file.stat().then((stats) => {
      if (!stats.isFile()) throw new Error(`${path} is not a regular file; name the file that slipway wrote`)
      return stats
    })
    if (nlink !== 1) throw new Error(`${path} has ${nlink} hard links; remove all but one`)
    if (size > maxBytes)
      throw new Error(
        `${path} has ${size} bytes, more than the maximum of ${maxBytes}; name the file that slipway wrote`,
      )
    const bytes = Buffer.alloc(size)
    const { bytesRead } = await file.read(bytes, 0, size, 0)
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
