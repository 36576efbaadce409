/**
 * Types the commands of a document as a reader does, word for word and in their order, into a bare system without a
 * network, and stops at the first one that fails. It only adds what the reader has beside the document: answers to
 * questions, an editor, openshift-install with its downloads, and a resolver. Runs in that system as root.
 *
 * Usage: node walk.ts DOCUMENT
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { stepsOf } from './command-blocks.ts'

type Manner = {
  readonly command: RegExp
  /** The command does not end: the reader continues when it has printed this, and ends it later. */
  readonly until?: RegExp
  /** The command does not end here: the reader looks at it for some time. */
  readonly watchMs?: number
  /** What the reader types after each question. */
  readonly answers?: readonly string[]
  /** What the document describes in a sentence, after the command. */
  readonly then?: string
}

const manners: readonly Manner[] = [
  { command: /^slipway demo$/, until: /^Serving until Ctrl-C/m },
  { command: /^slipway serve /, until: /"msg":"serving"/ },
  { command: /^slipway status --watch$/, watchMs: 3000 },
  { command: /^slipway wait /, watchMs: 3000 },
  // Address, network, router, resolver, and cluster.
  {
    command: /^slipway init /,
    answers: ['172.16.0.101', '', '172.16.0.254', '192.168.124.1', 'ocp45.example.com'],
  },
  {
    command: /^openshift-install coreos print-stream-json \|/,
    then: 'openshift-install create ignition-configs --dir=/var/lib/slipway/ignition/ocp45',
  },
]

const limitMs = 120_000
const startedAt = performance.now()
const hasDnf = spawnSync('dnf', ['--version']).status === 0
let running: ChildProcess | undefined

const [document = ''] = process.argv.slice(2)
serveDownloads()
answerQueries('192.168.124.1')
try {
  const markdown = readFileSync(document, 'utf8')
  let commands = 0
  for (const { kind, text: shown } of stepsOf(markdown)) {
    if (kind === 'site') writeFileSync('site.yaml', shown)
    if (kind !== 'command') continue
    commands++
    const text = hasDnf && shown.startsWith('apt install ') ? withDnf(markdown) : shown
    const begin = performance.now()
    await type(text)
    console.log(`step: ${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${text}`)
    if (text.startsWith('slipway status --control')) {
      console.log(`step: a simulated rack after ${commands} commands and ${sinceStart()} s`)
      if (commands > 3 || performance.now() - startedAt > 600_000) throw new Error('that is too late')
    }
  }
  console.log(`step: ${commands} commands of ${document} in ${sinceStart()} s`)
  await end()
  process.exit(0)
} catch (error) {
  console.error(error)
  await end()
  process.exit(1)
}

/** Returns the command for Red Hat systems, which the document has in a sentence. */
function withDnf(markdown: string): string {
  const [, command] = /`(dnf install [^`]+)`/.exec(markdown) ?? []
  if (command === undefined) throw new Error('the document has no command for dnf')
  return command
}

function sinceStart(): string {
  return ((performance.now() - startedAt) / 1000).toFixed(0)
}

async function type(command: string): Promise<void> {
  const { until, watchMs, answers, then } = manners.find((each) => each.command.test(command)) ?? {}
  console.log(`$ ${command}`)
  if (until !== undefined) {
    await end()
    running = start(command)
    await printed(running, until)
  } else if (watchMs !== undefined) {
    const watched = start(command)
    await setTimeout(watchMs)
    if (watched.exitCode !== null) throw new Error(`it ended with ${watched.exitCode}`)
    await interrupt(watched)
  } else await finish(answers === undefined ? start(command) : answering(command, answers))
  if (then !== undefined) await finish(start(then))
}

/** Starts a command in a process group of its own, as a shell does. */
function start(command: string): ChildProcess {
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => process.stdout.write(data))
  return child
}

/** Runs a command on a terminal, and types an answer after each question. */
function answering(command: string, answers: readonly string[]): ChildProcess {
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const left = [...answers]
  child.stdout.on('data', (data: Buffer) => {
    process.stdout.write(data)
    // The terminal moves its cursor after the question.
    if (stripVTControlCharacters(data.toString()).endsWith(': ')) child.stdin.write(`${left.shift() ?? ''}\r`)
  })
  return child
}

async function finish(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  child.once('exit', (code) =>
    code === 0 ? resolve(undefined) : reject(new Error(`it ended with ${String(code)}`)),
  )
  await within(child, promise)
}

async function printed(child: ChildProcess, text: RegExp): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      output += data.toString()
      if (text.test(output)) resolve(undefined)
    })
  }
  child.once('exit', (code) =>
    reject(new Error(`it ended with ${String(code)} before it printed ${String(text)}`)),
  )
  await within(child, promise)
}

async function within(child: ChildProcess, done: Promise<undefined>): Promise<void> {
  const timer = new AbortController()
  const late = setTimeout(limitMs, 'late', { signal: timer.signal }).catch(() => 'ended')
  const result = await Promise.race([done, late]).finally(() => timer.abort())
  if (result !== 'late') return
  await interrupt(child)
  throw new Error(`it did not end within ${limitMs / 1000} s`)
}

/** Ends the command that was left running, as Ctrl-C does. */
async function end(): Promise<void> {
  if (running !== undefined) await interrupt(running)
  running = undefined
}

async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGINT')
  await Promise.race([ended, setTimeout(30_000)])
}

/** Serves the files of a release, in small, and writes the document that describes them. */
function serveDownloads(): void {
  const [host, port] = ['127.0.0.1', 8099]
  const release = '417.94.202410090854-0'
  const names = {
    kernel: `rhcos-${release}-live-kernel-x86_64`,
    initramfs: `rhcos-${release}-live-initramfs.x86_64.img`,
    rootfs: `rhcos-${release}-live-rootfs.x86_64.img`,
  }
  const contents = new Map(
    Object.values(names).map((name) => [`/${name}`, Buffer.from(`${name}\n`.repeat(20_000))]),
  )
  const artifact = (name: string) => ({
    location: `http://${host}:${port}/${name}`,
    sha256: createHash('sha256')
      .update(contents.get(`/${name}`) ?? '')
      .digest('hex'),
  })
  const pxe = Object.fromEntries(Object.entries(names).map(([part, name]) => [part, artifact(name)]))
  const metal = { release, formats: { pxe } }
  const stream = { stream: 'rhcos-4.17', architectures: { x86_64: { artifacts: { metal } } } }
  writeFileSync('/e2e/stream.json', JSON.stringify(stream))
  createServer(({ method, url = '' }, response) => {
    const content = contents.get(url)
    if (content === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-length': content.length }).end(method === 'HEAD' ? undefined : content)
  }).listen(port, host)
}

/** A resolver that knows no name. */
function answerQueries(address: string): void {
  spawnSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address: client }) => {
    // A response with the code NXDOMAIN (RFC 1035 §4.1.1).
    query.writeUInt16BE(0x8183, 2)
    socket.send(query, port, client)
  })
  socket.bind(53, address)
}
