/** `slipway demo`: serves the example site on one machine without root, boots its nodes, and suggests what to try. */
import { createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startApp, type App } from '../../app.ts'
import { choosePorts, pagePort, prepareDemo, type Demo } from '../../demo/demo-site.ts'
import { CannotListen } from '../../host/cannot-listen.ts'
import { createLog } from '../../host/log.ts'
import { createSockets } from '../../host/sockets.ts'
import { openMemoryStore } from '../../install/open-store.ts'
import { type Model, clusterDomain, httpBase } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import type { SimulatedBoot } from '../../simulate/timeline.ts'
import { askControl } from '../client.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { recordBoot } from '../demo-boots.ts'
import { followSignals } from './serve.ts'
import { runSimulation } from './simulate.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { x64 } from '../../plan/dhcp/boot-table.ts'
import { urlPaths } from '../../plan/urls.ts'

const defaultFolder = join('.slipway', 'demo')

/** Short, because no real node depends on a transfer of the demo. */
const graceMs = 1000

export const demo: Command = {
  name: 'demo',
  help: {
    usage: ['demo [--once] [--folder DIR]'],
    about: [
      'Serves the example site on loopback and boots its nodes.',
      'Needs neither root nor a network. Boots the nodes with real packets ("slipway simulate"), prints what each ' +
        'received, and serves until Ctrl-C, also the web page.',
    ],
    options: [
      ['--once', 'exit after the simulation'],
      [
        '--folder DIR',
        `directory for the site file, placeholder images, and log (default: ${defaultFolder})`,
      ],
    ],
    exit: [
      ['0', 'interrupted, or all nodes booted with --once'],
      ['1', 'a node did not boot, or no ports are free'],
      ['2', 'invalid command line'],
    ],
    examples: ['demo', 'demo --once'],
  },

  async run(args, terminal) {
    const { folder, isOnce } = readArguments(args)
    const sockets = createSockets({})
    const chosen = await choosePorts(sockets)
    if (chosen === undefined) {
      terminal.err(
        'slipway demo: no free ports from 20053 to 29080; list the programs that use them with: ss -lntup',
      )
      return ExitCode.problems
    }
    const made = await prepareDemo(folder, chosen.ports, true)
    const prepared = await prepare(made.sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { sitePath } = made
    const { model } = prepared
    const logPath = join(folder, 'slipway.log')
    const log = createLog('info', createWriteStream(logPath))
    const control = controlSocket(folder)
    const end = Promise.withResolvers<number>()
    const ended = new AbortController()
    const stop = (code: number): void => {
      ended.abort()
      end.resolve(code)
    }
    const onLost = (error: Error): void => {
      terminal.err(`slipway demo: a socket was lost: ${error.message}; start the demo again`)
      stop(ExitCode.problems)
    }
    let app: App
    try {
      const store = openMemoryStore()
      app = await startApp({ sitePath, prepared, log, sockets, store, control, onLost })
    } catch (error) {
      if (!(error instanceof CannotListen)) throw error
      terminal.err(`slipway demo: ${error.message}`)
      return ExitCode.problems
    }
    const stopListening = followSignals(printingReloads(app, terminal), log, () => stop(ExitCode.fine))
    introduce(app, made, logPath, chosen.taken, terminal)
    const simulation = await runSimulation(model, model.nodes, 'mixed', terminal)
    const isBooted = simulation?.boots.every((boot) => boot.isBooted) === true
    if (isOnce) stop(isBooted ? ExitCode.fine : ExitCode.problems)
    const haproxyPath = join(folder, 'haproxy.cfg')
    if (!ended.signal.aborted) {
      const page = await openPage(app, control, simulation?.boots ?? [])
      suggest(model, { sitePath, haproxyPath, control }, page, terminal)
    }

    const code = await end.promise
    await app.close(graceMs)
    stopListening()
    return code
  },
}

type DemoPage = { readonly url: string; readonly token: string }

/** Shows the simulated boots on the page. @returns its address, and a token that lasts as long as the demo */
async function openPage(app: App, control: string, boots: readonly SimulatedBoot[]): Promise<DemoPage> {
  await Promise.all(boots.map((boot) => recordBoot(app.installs, boot, setTimeout)))
  const body = { name: 'demo', scope: 'admin' }
  const { token } = await askControl<{ token: string }>(control, '/v1/tokens', 'POST', undefined, body)
  return { url: `https://127.0.0.1:${pagePort(app.plan().endpoint.ports)}/`, token }
}

/** The longest path that a socket address can contain on Linux (sun_path), with the end of the string. */
const maxSocketPath = 108

/** Returns the path of the control socket, which is not in the directory of the demo if its name is too long. */
function controlSocket(folder: string): string {
  const path = join(folder, 'control.sock')
  return path.length < maxSocketPath ? path : join(tmpdir(), `slipway-demo-${process.pid}.sock`)
}

function readArguments(args: readonly string[]): { folder: string; isOnce: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      folder: { type: 'string', default: defaultFolder },
    },
  })
  if (values.folder === '') throw new UsageError('--folder: expected the name of a directory')
  return { folder: values.folder, isOnce: values.once }
}

/** The log goes to a file, so the result of a reload is printed as well. */
function printingReloads(app: App, terminal: Terminal): App {
  return {
    ...app,
    async reload() {
      const reloaded = await app.reload()
      const isKept = reloaded.outcome === 'kept'
      terminal.out(isKept ? 'site reload rejected, the current plan stays active:' : 'site reloaded')
      for (const reason of isKept ? reloaded.reasons : []) terminal.out(`  ${reason}`)
      return reloaded
    },
  }
}

function introduce(
  app: App,
  { sitePath, placeholderLoaders }: Demo,
  logPath: string,
  taken: readonly number[],
  terminal: Terminal,
): void {
  const listening = app.services
    .filter(({ listening: where }) => where.length > 0)
    .map(({ name, listening: where }) => `${name} ${where.join(' ')}`)
  terminal.out('slipway demo: serves the example site on loopback, without root')
  terminal.out('')
  terminal.out(`  site file   ${sitePath}`)
  terminal.out('  images      generated placeholders, also for Ignition files')
  terminal.out(`  loaders     ${describeLoaders(placeholderLoaders)}`)
  for (const [index, where] of listening.entries()) {
    terminal.out(`  ${(index === 0 ? 'listening' : '').padEnd(12)}${where}`)
  }
  terminal.out(`  log         ${logPath}`)
  if (taken.length > 0) terminal.out(`  ports       skipped, another program uses them: ${taken.join(', ')}`)
  terminal.out('')
}

function describeLoaders(placeholders: Demo['placeholderLoaders']): string {
  if (placeholders.length === 0) return 'iPXE of this machine'
  return `placeholders for ${placeholders.join(', ')}; for real ones: apt-get install ipxe`
}

function suggest(model: Model, files: DemoFiles, { url, token }: DemoPage, terminal: Terminal): void {
  const invocation = invocationOf(process.env, relative('', process.argv[1] ?? 'slipway'))
  terminal.out('')
  terminal.out(
    'The page of this demo shows these boots. Its certificate is generated, so accept it in the browser:',
  )
  terminal.out('')
  terminal.out(`  page        ${url}`)
  terminal.out(`  token       ${token}`)
  terminal.out('')
  terminal.out('Serving until Ctrl-C. Try from another terminal, in this directory:')
  for (const { about, command } of suggestions(model, files, invocation)) {
    if (about !== '') terminal.out(`\n  # ${about}`)
    terminal.out(`  ${command}`)
  }
}

/** Paths relative to the directory in which the demo was started. */
type DemoFiles = { readonly sitePath: string; readonly haproxyPath: string; readonly control: string }

type Suggestion = { readonly about: string; readonly command: string }

type Invocation = {
  /** The words before the name of a command: `slipway`, or how npm starts it. */
  readonly slipway: string
  /** Whether options need `--` before them, because npm would use them itself. */
  readonly needsDashes: boolean
}

/** @param environment of the process: npm marks the scripts that it starts */
export function invocationOf(
  environment: Readonly<Record<string, string | undefined>>,
  script: string,
): Invocation {
  if (environment['npm_lifecycle_event'] !== undefined)
    return { slipway: 'npm run -s slipway', needsDashes: true }
  return { slipway: script.endsWith('.ts') ? `node ${script}` : 'slipway', needsDashes: false }
}

function suggestions(
  model: Model,
  { sitePath, haproxyPath, control }: DemoFiles,
  invocation: Invocation,
): readonly Suggestion[] {
  const { endpoint, nodes, site } = model
  const { ports } = endpoint
  const [cluster] = site.clusters
  const node = nodes.find(({ role }) => role === 'master') ?? nodes[0]
  if (node === undefined || cluster === undefined) return []
  const { slipway, needsDashes } = invocation
  const dig = `dig @127.0.0.1 -p ${ports.dns} +short`
  const dashes = needsDashes ? ' --' : ''
  return [
    {
      about: `the boot script of ${node.name}`,
      command: `curl ${httpBase(endpoint)}${urlPaths.bootScript(node)}`,
    },
    {
      about: 'its Ignition file, which only the node can read, and the size of its boot loader',
      command: `curl ${httpBase(endpoint)}${urlPaths.openIgnition(node, node.ignition)}`,
    },
    { about: '', command: `curl -s tftp://127.0.0.1:${ports.tftp}/${x64(node)} | wc -c` },
    { about: 'a name, and the name of an address', command: `${dig} api.${clusterDomain(cluster)}` },
    { about: '', command: `${dig} -x ${formatIp(node.address)}` },
    { about: 'the state of the nodes', command: `${slipway} status${dashes} --control ${control}` },
    {
      about: `everything that slipway sends to ${node.name}`,
      command: `${slipway} explain${dashes} --control ${control} ${node.name}`,
    },
    { about: 'what the site serves, and what has happened', command: `${slipway} check ${sitePath}` },
    { about: '', command: `curl ${httpBase(endpoint)}${urlPaths.health}` },
    { about: 'the HAProxy configuration, validated by HAProxy', command: `haproxy -c -f ${haproxyPath}` },
    {
      about: `boot ${node.name} again, as a BIOS machine`,
      command: `${slipway} simulate${dashes} --node ${node.name} --firmware bios ${sitePath}`,
    },
    {
      about: `change ${sitePath}, then show what changes, and apply it`,
      command: `${slipway} plan${dashes} --control ${control}`,
    },
    { about: '', command: `${slipway} reload${dashes} --control ${control}` },
  ]
}
