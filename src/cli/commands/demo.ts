/** `slipway demo`: the main job on one machine without root, and then something to play with. */
import { createWriteStream } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { startApp, type App } from '../../app.ts'
import { choosePorts } from '../../demo/free-ports.ts'
import { prepareDemo, type Demo } from '../../demo/demo-site.ts'
import { invocationOf, suggestions } from '../../demo/suggestions.ts'
import { CannotListen } from '../../host/cannot-listen.ts'
import { createLog } from '../../host/log.ts'
import { createSockets } from '../../host/sockets.ts'
import { openMemoryStore } from '../../install/store.ts'
import type { Model } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { followSignals } from './serve.ts'
import { runSimulation } from './simulate.ts'

const defaultFolder = join('.slipway', 'demo')

/** Nobody waits for a transfer of the demo. */
const graceMs = 1000

export const demo: Command = {
  name: 'demo',
  summary: 'serve the example site on loopback without root, and boot its nodes',
  usage: `usage: slipway demo [--once] [--folder FOLDER]

Serves the example site on loopback and high ports, boots its nodes with real
packets (slipway simulate), prints what each got, and keeps serving until Ctrl-C.

  --once            end after the simulation; exit code 1 when a node did not boot
  --folder FOLDER   where site file, stand-ins and log go (${defaultFolder})`,

  async run(args, terminal) {
    const { folder, isOnce } = readArguments(args)
    const sockets = createSockets({})
    const chosen = await choosePorts(sockets)
    if (chosen === undefined) {
      terminal.err('slipway demo: no free ports from 20053 to 29080; see who has them with: ss -lntup')
      return ExitCode.problems
    }
    const made = await prepareDemo(folder, chosen.ports)
    const prepared = await prepare(made.sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { sitePath } = made
    const { model } = prepared
    const logPath = join(folder, 'slipway.log')
    const log = createLog('info', createWriteStream(logPath))
    const end = Promise.withResolvers<number>()
    const ended = new AbortController()
    const stop = (code: number): void => {
      ended.abort()
      end.resolve(code)
    }
    const onLost = (error: Error): void => {
      terminal.err(`slipway demo: a socket was lost: ${error.message}`)
      stop(ExitCode.problems)
    }
    let app: App
    try {
      app = await startApp({ sitePath, plan: prepared.plan, log, sockets, store: openMemoryStore(), onLost })
    } catch (error) {
      if (!(error instanceof CannotListen)) throw error
      terminal.err(`slipway demo: ${error.message}`)
      return ExitCode.problems
    }
    const stopListening = followSignals(sayingReloads(app, terminal), log, () => stop(ExitCode.fine))
    introduce(app, made, logPath, chosen.taken, terminal)
    const simulation = await runSimulation(model, model.nodes, 'mixed', terminal)
    const isBooted = simulation?.boots.every((boot) => boot.isBooted) === true
    if (isOnce) stop(isBooted ? ExitCode.fine : ExitCode.problems)
    if (!ended.signal.aborted) suggest(model, sitePath, join(folder, 'haproxy.cfg'), terminal)

    const code = await end.promise
    await app.close(graceMs)
    stopListening()
    return code
  },
}

function readArguments(args: readonly string[]): { folder: string; isOnce: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      folder: { type: 'string', default: defaultFolder },
    },
  })
  if (values.folder === '') throw new UsageError('--folder takes the name of a folder')
  return { folder: values.folder, isOnce: values.once }
}

/** The log goes to a file, so a reload is also told where the person looks. */
function sayingReloads(app: App, terminal: Terminal): App {
  return {
    ...app,
    async reload() {
      const reloaded = await app.reload()
      const isKept = reloaded.outcome === 'kept'
      terminal.out(`site file ${isKept ? 'not taken over:' : 'read, and served from now on'}`)
      for (const reason of isKept ? reloaded.reasons : []) terminal.out(`  ${reason}`)
      return reloaded
    },
  }
}

function introduce(
  app: App,
  { sitePath, standInLoaders }: Demo,
  logPath: string,
  taken: readonly number[],
  terminal: Terminal,
): void {
  const listening = app.services.map(({ name, listening: where }) => `${name} ${where.join(' ')}`)
  terminal.out(`slipway demo: the example site, served on loopback without root`)
  terminal.out('')
  terminal.out(`  site file   ${sitePath}`)
  terminal.out('  images      generated stand-ins, Ignition files too')
  terminal.out(`  loaders     ${describeLoaders(standInLoaders)}`)
  for (const [index, where] of listening.entries()) {
    terminal.out(`  ${(index === 0 ? 'listening' : '').padEnd(12)}${where}`)
  }
  terminal.out(`  log         ${logPath}`)
  if (taken.length > 0)
    terminal.out(`  ports       taken by another program, so not used: ${taken.join(', ')}`)
  terminal.out('')
}

function describeLoaders(standIns: Demo['standInLoaders']): string {
  if (standIns.length === 0) return 'iPXE as installed on this machine'
  return `stand-ins for ${standIns.join(', ')}; iPXE itself: apt-get install ipxe`
}

function suggest(model: Model, sitePath: string, haproxyPath: string, terminal: Terminal): void {
  const invocation = invocationOf(process.env, relative('', process.argv[1] ?? 'slipway'))
  terminal.out('')
  terminal.out('Serving until Ctrl-C. To try from another terminal, in this folder:')
  for (const { about, command } of suggestions(model, sitePath, haproxyPath, invocation, process.pid)) {
    if (about !== '') terminal.out(`\n  # ${about}`)
    terminal.out(`  ${command}`)
  }
}
