/** The options before the command: which server it queries. Without them, it queries the slipway of this machine. */
import { UsageError, type HelpRow } from './command.ts'

/** Options before the command. Each is also an environment variable. */
const serverOptions = {
  '--server': 'SLIPWAY_SERVER',
  '--token-file': 'SLIPWAY_TOKEN_FILE',
  '--ca-file': 'SLIPWAY_CA_FILE',
  '--fingerprint': 'SLIPWAY_FINGERPRINT',
  '--cert-file': 'SLIPWAY_CERT_FILE',
  '--key-file': 'SLIPWAY_KEY_FILE',
} as const

export const serverRows: readonly HelpRow[] = [
  ['--server URL', 'query the slipway at this URL instead of the local one ($SLIPWAY_SERVER)'],
  ['--token-file FILE', 'file with a token ($SLIPWAY_TOKEN_FILE)'],
  ['--ca-file FILE', "CA certificates for the server's certificate ($SLIPWAY_CA_FILE)"],
  [
    '--fingerprint SHA256',
    "fingerprint of the server's certificate; slipway status prints it on the server ($SLIPWAY_FINGERPRINT)",
  ],
  ['--cert-file FILE', 'client certificate, instead of a token ($SLIPWAY_CERT_FILE)'],
  ['--key-file FILE', 'key of the client certificate ($SLIPWAY_KEY_FILE)'],
]

type Environment = Record<string, string | undefined>

/**
 * Stores the options before the command in the environment, and returns the other arguments.
 *
 * @throws {UsageError} if an option has no value
 */
export function takeServerOptions(
  args: readonly string[],
  environment: Environment = process.env,
): readonly string[] {
  const [first = '', second, ...rest] = args
  const [option = '', ...inline] = first.split('=')
  if (!isServerOption(option)) return args
  const value = inline.length > 0 ? inline.join('=') : second
  if (value === undefined || value === '') throw new UsageError(`${option}: expected a value`)
  if (option === '--server' && !(isRemote(value) && URL.canParse(value))) {
    throw new UsageError(`--server ${value}: expected a URL such as https://slipway.example.net:8443`)
  }
  environment[serverOptions[option]] = value
  return takeServerOptions(inline.length > 0 ? args.slice(1) : rest, environment)
}

function isServerOption(text: string): text is keyof typeof serverOptions {
  return Object.hasOwn(serverOptions, text)
}

/** Whether a target is the URL of a server, and not the path of a control socket. */
export function isRemote(target: string): boolean {
  return target.startsWith('https://')
}

/** @throws {UsageError} if a command that works on the files of the server is to run elsewhere */
export function requireLocal(target: string, command: string): void {
  if (!isRemote(target)) return
  throw new UsageError(`${command} works on files of the server: run it there, without --server`)
}
