/** `slipway serve SITE`: runs the services that machines boot from. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { startApp, type App } from '../../app.ts'
import { checkedSites } from '../../checked-site.ts'
import { systemClock } from '../../host/clock.ts'
import { Counters } from '../../host/counters.ts'
import { removeLitter } from '../../host/files.ts'
import { takeHangUps } from '../../host/startup.ts'
import { requireInterface, untilAddress } from '../../host/cannot-listen.ts'
import type { HostCode } from '../../host/codes.ts'
import { createProcessLog, logLevels, type Log, type LogLevel, type ProcessLog } from '../../host/log.ts'
import { logFormats, logText } from '../../host/log-text.ts'
import { notify, startWatchdog } from '../../host/notify.ts'
import { createSending } from '../../host/send-guard.ts'
import { createSockets } from '../../host/sockets.ts'
import { openStore } from '../../install/open-store.ts'
import { chooseSite } from '../../start-site.ts'
import { defined } from '../../text/defined.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { Site } from '../../site/schema.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { firstDirectory, stateDirectory } from '../target.ts'

/** How long transfers in flight can continue after SIGTERM; shorter than TimeoutStopSec of the unit. */
const graceMs = 20_000

/** systemd creates these directories for the service. If root starts slipway by hand, slipway creates them. */
const runtimeDirectory = '/run/slipway'

export const serve: Command = {
  name: 'serve',
  help: {
    usage: [
      'serve [--log-level LEVEL] [--log-format FORMAT] [--state DIR] [--control PATH] [--wait-for-address] [SITE]',
    ],
    about: [
      'Serves DHCP, TFTP, HTTP, and DNS for a site.',
      'Reads the site file SITE (default: $SLIPWAY_SITE) and serves until SIGTERM. SIGHUP reloads the site file; if ' +
        'the file has errors, slipway keeps the current plan. The log goes to standard output: as text on a terminal, ' +
        'otherwise one JSON document per line.',
    ],
    options: [
      ['--log-level LEVEL', `one of ${logLevels.join(', ')} (default: info)`],
      ['--log-format FORMAT', `one of ${logFormats.join(', ')} (default: text on a terminal, else json)`],
      [
        '--state DIR',
        `directory for installation records (default: $STATE_DIRECTORY, else /var/lib/slipway)`,
      ],
      [
        '--control PATH',
        `control socket for "slipway status" and others (default: $SLIPWAY_CONTROL, else control.sock in $RUNTIME_DIRECTORY, else in ${runtimeDirectory})`,
      ],
      [
        '--wait-for-address',
        'if no interface has the address of the site yet, wait for it instead of ending',
      ],
    ],
    exit: [
      ['0', 'stopped by SIGTERM or SIGINT'],
      ['1', 'the site file has errors, a socket is not available, or a socket was lost'],
      ['2', 'invalid command line'],
    ],
    examples: ['serve /etc/slipway/site.yaml', 'serve --state ./state --control ./control.sock site.yaml'],
  },

  async run(args, terminal) {
    const end = Promise.withResolvers<number>()
    const started = await start(readArguments(args), terminal, () => end.resolve(ExitCode.problems))
    if (started === undefined) return ExitCode.problems
    const { app, log } = started
    const stopListening = followSignals(app, log, () => end.resolve(ExitCode.fine))
    if (takeHangUps()) process.emit('SIGHUP')
    const stopWatchdog = startWatchdog(systemClock)
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
    stopWatchdog()
    stopListening()
    log.info({ code }, 'stopped')
    await log.flush()
    return code
  },
}

/**
 * Starts the services. It is separate from `run`, because the variables of that function last as long as the process, and the
 * first plan of a large site is large.
 *
 * @param onLost called when a socket was lost
 * @returns undefined if they cannot start; the reasons are printed
 */
async function start(
  { sitePath, level, format, state, control, ownDirectory, isWaiting }: Arguments,
  terminal: Terminal,
  onLost: () => void,
): Promise<{ readonly app: App; readonly log: ProcessLog } | undefined> {
  const { prepared, reasons, siteProblem } = await chooseSite(state, sitePath, Date.now(), checkedSites())
  for (const line of reasons) terminal.err(line)
  if (prepared === undefined) return undefined
  const isText = format === undefined ? terminal.rows !== undefined : format === 'text'
  const log = createProcessLog(level, {
    ...(isText && { format: (line: string) => logText(line, terminal.usesColor) }),
  })
  if (siteProblem?.code === 'site.rolled-back')
    log.error(siteProblem, 'site rolled back, serving the earlier site')
  else if (siteProblem !== undefined) log.error(siteProblem, 'site file invalid, serving the last valid site')
  const counters = new Counters()
  const sending = createSending({ clock: systemClock, counters, log: log.for('udp') })
  const sockets = createSockets(process.env, sending)
  // systemd's CacheDirectory= survives a loss of the state directory.
  const markDirectory = firstDirectory(process.env['CACHE_DIRECTORY']) || undefined
  const directories = [state, ...writtenDirectories(prepared.model.site)]
  const litter = (await Promise.all(directories.map(removeLitter))).flat()
  if (litter.length > 0) log.info({ files: litter }, 'temporary files of an earlier process removed')
  try {
    const { interface: name, address } = prepared.model.site.server
    // Sockets that systemd passes are bound to an interface, which can come up later.
    if (!sockets.isAdopted('dhcp')) await checkAddress({ name, address: formatIpv4(address) }, isWaiting, log)
    // The control service reports a directory that cannot be created.
    if (ownDirectory !== undefined)
      await mkdir(ownDirectory, { recursive: true, mode: 0o700 }).catch(() => {})
    const store = openStore(state, {
      now: Date.now(),
      site: prepared.model.site.site,
      ...(markDirectory === undefined ? {} : { markDirectory }),
    })
    const follow = { site: prepared.model.site, directory: state }
    const app = await startApp({
      logLinesLost: () => log.lost(),
      sitePath,
      prepared,
      log,
      sockets,
      counters,
      store,
      control,
      follow,
      onLost(error) {
        const code: HostCode = 'server.socket-lost'
        log.error({ code, err: error }, 'socket lost, exiting for a restart')
        onLost()
      },
      directory: state,
      ...defined({ siteProblem }),
    })
    return { app, log }
  } catch (error) {
    // The message names the socket and what to do.
    terminal.err(`slipway: ${(error as Error).message}`)
    await log.flush()
    return undefined
  }
}

type Arguments = {
  readonly sitePath: string
  readonly level: LogLevel
  readonly format: (typeof logFormats)[number] | undefined
  readonly state: string
  readonly control: string
  /** Whether to wait for the address of the site. */
  readonly isWaiting: boolean
  /** Directory of the default control socket. slipway does not create the directory of a given path. */
  readonly ownDirectory: string | undefined
}

function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'log-level': { type: 'string', default: 'info' },
      'log-format': { type: 'string' },
      state: { type: 'string' },
      control: { type: 'string' },
      'wait-for-address': { type: 'boolean', default: false },
    },
  })
  const [sitePath = process.env['SLIPWAY_SITE'] ?? '', ...more] = positionals
  if (sitePath === '' || more.length > 0) throw new UsageError('expected one site file')
  const level = logLevels.find((name) => name === values['log-level'])
  if (level === undefined) throw new UsageError(`--log-level: expected one of ${logLevels.join(', ')}`)
  const format = logFormats.find((name) => name === values['log-format'])
  if (format === undefined && values['log-format'] !== undefined)
    throw new UsageError(`--log-format: expected one of ${logFormats.join(', ')}`)
  const state = stateDirectory(values.state)
  if (state === '') throw new UsageError('--state: expected the name of a directory')
  if (values.control === '') throw new UsageError('--control: expected the path of a socket')
  const folder = firstDirectory(process.env['RUNTIME_DIRECTORY']) || runtimeDirectory
  const control = values.control ?? process.env['SLIPWAY_CONTROL']
  return {
    sitePath,
    level,
    format,
    state,
    isWaiting: values['wait-for-address'],
    control: control ?? `${folder}/control.sock`,
    ownDirectory: control === undefined ? folder : undefined,
  }
}

/** @throws {CannotListen} if the interface of the site does not have its address, and slipway does not wait for it */
async function checkAddress(
  { name, address }: { readonly name: string | undefined; readonly address: string },
  isWaiting: boolean,
  log: Log,
): Promise<void> {
  if (!isWaiting) {
    if (name !== undefined) requireInterface(name, address)
    return
  }
  const code: HostCode = 'server.address-missing'
  await untilAddress({ name, address }, systemClock, (reason) => {
    log.error({ code, reason }, 'waiting for the address')
  })
}

/** Returns the directories of the site in which slipway writes. */
function writtenDirectories({ images, haproxy }: Site): string[] {
  const file = haproxy?.file
  return [...Object.values(images).map(({ dir }) => dir), ...(file === undefined ? [] : [dirname(file)])]
}

/** Reloads on SIGHUP and stops on SIGTERM and SIGINT. Returns a function that removes the three handlers. */
export function followSignals(app: App, log: Log, stop: () => void): () => void {
  const reload = (): void => {
    app.reload().catch((error: unknown) => log.error({ err: error }, 'site reload failed'))
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
