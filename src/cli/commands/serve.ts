/** `slipway serve SITE`: the process that machines boot from. */
import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startApp, type App } from '../../app.ts'
import { requireInterface } from '../../host/interface.ts'
import { createLog, logLevels, type Log, type LogLevel } from '../../host/log.ts'
import { notify } from '../../host/notify.ts'
import { createSockets } from '../../host/sockets.ts'
import { openStore } from '../../install/store.ts'
import { explain, prepare } from '../../prepare.ts'
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'

/** How long SIGTERM lets transfers in flight go on; systemd's own limit is above it (TimeoutStopSec). */
const graceMs = 20_000

/** systemd makes these for the service; whoever starts it by hand gets them made, for root alone. */
const stateDirectory = '/var/lib/slipway'
const runtimeDirectory = '/run/slipway'

export const serve: Command = {
  name: 'serve',
  summary: 'answer DHCP, TFTP, HTTP and DNS as the site file says',
  usage: `usage: slipway serve [--log-level LEVEL] [--state DIR] [--control PATH] SITE

Serves until SIGTERM. SIGHUP reads the site file again; one with problems leaves
the old plan in place and says so. The log goes to standard output, a JSON line
for each decision.

  --log-level LEVEL   ${logLevels.join(', ')} (info)
  --state DIR         where it keeps what is known of the nodes' installations
                      ($STATE_DIRECTORY, or else ${stateDirectory})
  --control PATH      the Unix socket for slipway status and its like (control.sock in
                      $RUNTIME_DIRECTORY, or else ${runtimeDirectory}/control.sock)`,

  async run(args, terminal) {
    const { sitePath, level, state, control, ownFolder } = readArguments(args)
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const log = createLog(level)
    const end = Promise.withResolvers<number>()
    const onLost = (error: Error): void => {
      log.error({ err: error }, 'a socket was lost, ending so that the service manager starts anew')
      end.resolve(ExitCode.problems)
    }
    const sockets = createSockets(process.env)
    let app: App
    try {
      const { interface: name, address } = prepared.model.site.server
      // The sockets that systemd passes are tied to an interface already, which may come up later.
      if (name !== undefined && !sockets.isAdopted('dhcp')) requireInterface(name, formatIpv4(address))
      // A folder that cannot be made is told by whoever wants to use it.
      if (ownFolder !== undefined) await mkdir(ownFolder, { recursive: true, mode: 0o700 }).catch(() => {})
      const store = openStore(state, Date.now())
      const follow = { site: prepared.model.site, directory: state }
      app = await startApp({ sitePath, plan: prepared.plan, log, sockets, store, control, follow, onLost })
    } catch (error) {
      // CannotListen and its kind: one sentence that says which socket and what to do.
      terminal.err(`slipway: ${(error as Error).message}`)
      return ExitCode.problems
    }
    const stopListening = followSignals(app, log, () => end.resolve(ExitCode.fine))
    const listening = app.services.flatMap((service) =>
      service.listening.map((where) => `${service.name} ${where}`),
    )
    log.info(
      { site: app.plan().site, nodes: app.plan().nodes.length, listening, pid: process.pid },
      'serving',
    )
    await notify(`READY=1\nSTATUS=serving ${app.plan().nodes.length} nodes of ${app.plan().site}`)

    const code = await end.promise
    await notify('STOPPING=1')
    await app.close(graceMs)
    stopListening()
    log.info({ code }, 'stopped')
    return code
  },
}

type Arguments = {
  readonly sitePath: string
  readonly level: LogLevel
  readonly state: string
  readonly control: string
  /** Of the control socket, where no path was given: one that was given may be a slip of the pen. */
  readonly ownFolder: string | undefined
}

function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'log-level': { type: 'string', default: 'info' },
      state: { type: 'string' },
      control: { type: 'string' },
    },
  })
  const [sitePath, ...more] = positionals
  if (sitePath === undefined || more.length > 0) throw new UsageError('serve takes one site file')
  const level = logLevels.find((name) => name === values['log-level'])
  if (level === undefined) throw new UsageError(`--log-level takes one of ${logLevels.join(', ')}`)
  const state = values.state ?? (firstOf(process.env['STATE_DIRECTORY']) || stateDirectory)
  if (state === '') throw new UsageError('--state takes the name of a directory')
  if (values.control === '') throw new UsageError('--control takes the path of a socket')
  const folder = firstOf(process.env['RUNTIME_DIRECTORY']) || runtimeDirectory
  return {
    ...{ sitePath, level, state },
    control: values.control ?? `${folder}/control.sock`,
    ownFolder: values.control === undefined ? folder : undefined,
  }
}

/** systemd gives several directories (StateDirectory=, RuntimeDirectory=) with a colon between them; ours is the first. */
function firstOf(directories = ''): string {
  return directories.split(':')[0] as string
}

/** SIGHUP reloads, SIGTERM and SIGINT stop; the returned function forgets all three. */
export function followSignals(app: App, log: Log, stop: () => void): () => void {
  const reload = (): void => {
    app
      .reload()
      .catch((error: unknown) => log.error({ err: error }, 'site not reloaded, the old plan keeps serving'))
  }
  process.on('SIGHUP', reload)
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  return () => {
    process.off('SIGHUP', reload)
    process.off('SIGTERM', stop)
    process.off('SIGINT', stop)
  }
}
