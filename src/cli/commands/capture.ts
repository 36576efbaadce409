/** `slipway capture`: writes the packets of one machine to a file for tcpdump or Wireshark. */
import { open, unlink, type FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { parseMac } from '../../proto/address/mac.ts'
import { fileProblem } from '../../text/file-problem.ts'
import { formatBytes, formatDuration } from '../../text/format.ts'
import { openStream, toResult } from '../client.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { interruptible, parseTimeLimit } from '../poll.ts'
import { controlOptions, controlPath, controlRow, jsonRow, nodeKeys } from '../target.ts'

const mebibyte = 1024 * 1024
const maxTimeMs = 3_600_000
/** A file of this size has a header and no packet (pcap-savefile(5)). */
const headerOctets = 24

export const capture: Command = {
  name: 'capture',
  help: {
    usage: ['capture [--timeout TIME] [--size MIB] [--output FILE] [--json] [--control PATH] NODE|MAC'],
    hasResult: true,
    about: [
      'Writes the packets of one machine to a pcap file.',
      'Records the DHCP, TFTP, and DNS datagrams that the running slipway receives from the machine and sends to it, ' +
        'until the time or the size is reached, or you press Ctrl-C. It needs no root, because it reads no interface: ' +
        'the Ethernet and IP headers are filled in from the addresses. Read the file with "tcpdump -r FILE" or Wireshark.',
      'The file has no HTTP, no DNS over TCP, and not the contents of files sent by TFTP, which can contain tokens. ' +
        'An undeclared machine is found in DHCP only, by its MAC address.',
    ],
    options: [
      ['--timeout TIME', 'how long: 90s, 45m, at most 1h (default: 60s)'],
      ['--size MIB', 'maximum size of the file in MiB, from 1 to 100 (default: 10)'],
      ['--output FILE', 'new file (default: NODE.pcap in the current directory)'],
      controlRow,
      jsonRow,
    ],
    exit: [
      ['0', 'the file was written; it can contain no packets'],
      ['1', 'slipway is not running, refused the request, or the file could not be written'],
      ['2', 'invalid command line, or no such node'],
    ],
    examples: ['capture w1', 'capture --timeout 5m --output boot.pcap ocp45/w1', 'capture 00:50:56:96:11:c2'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        control: controlOptions.control,
        timeout: { type: 'string', default: '60s' },
        size: { type: 'string', default: '10' },
        output: { type: 'string' },
      },
    })
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0)
      throw new UsageError('expected the name or MAC address of one machine')
    const timeMs = parseTimeLimit(values.timeout, '1h')
    if (timeMs > maxTimeMs) throw new UsageError(`--timeout ${values.timeout}: expected at most 1h`)
    const size = Number(/^[1-9]\d{0,2}$/.exec(values.size)?.[0] ?? 0)
    if (size < 1 || size > 100) throw new UsageError(`--size ${values.size}: expected a number from 1 to 100`)
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      const mac = parseMac(name)
      const [key = ''] = mac === undefined ? await nodeKeys(path, [name]) : []
      const machine: Record<string, string> = mac === undefined ? { node: key } : { mac }
      const query = new URLSearchParams({
        ...machine,
        seconds: `${timeMs / 1000}`,
        bytes: `${size * mebibyte}`,
      })
      const file = values.output ?? `${(mac ?? key).replace(/[/:]/g, '-')}.pcap`
      const label = mac ?? key
      return interruptible((signal) => writeCapture({ path, query, file, label, timeMs, signal }, terminal))
    })
  },
}

type Writing = {
  readonly path: string
  readonly query: URLSearchParams
  readonly file: string
  /** The machine. */
  readonly label: string
  readonly timeMs: number
  readonly signal: AbortSignal
}

/** @throws {ControlProblem} when slipway is not reachable, or refuses the request */
async function writeCapture(writing: Writing, terminal: Terminal): Promise<number> {
  const { path, query, file, label, timeMs, signal } = writing
  let handle: FileHandle
  try {
    // An existing file is not overwritten.
    handle = await open(file, 'wx', 0o600)
  } catch (error) {
    terminal.err(`slipway capture: ${fileProblem('write', file, error)}`)
    return ExitCode.problems
  }
  let octets: number
  try {
    const response = await openStream(path, {
      ...{ path: `/v1/capture?${query.toString()}`, signal },
      // A machine can send nothing for the whole time.
      ...{ timeoutMs: timeMs + 10_000, silence: 'slipway does not end the capture' },
    })
    const duration = formatDuration(timeMs)
    terminal.err(`slipway capture: recording ${label} for ${duration} to ${file}; press Ctrl-C to end`)
    octets = await copy(response, handle)
  } catch (error) {
    await unlink(file)
    throw error
  } finally {
    await handle.close()
  }
  const packets = octets > headerOctets ? formatBytes(octets) : 'no packets'
  const hint = octets > headerOctets ? '' : `; slipway received nothing from ${label}`
  terminal.out(`${file}: ${packets}${hint}`)
  return ExitCode.fine
}

/** @returns the size of the file; a connection that ends early ends the copy */
async function copy(response: IncomingMessage, handle: FileHandle): Promise<number> {
  let octets = 0
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const next = () => chunks.next().catch(() => ({ done: true, value: Buffer.alloc(0) }) as const)
  for (let chunk = await next(); chunk.done !== true; chunk = await next()) {
    await handle.write(chunk.value)
    octets += chunk.value.length
  }
  return octets
}
