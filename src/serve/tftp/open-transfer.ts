/** A request that was granted, from opening its file to the log line that tells how its transfer ended. */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log, LogLevel } from '../../host/log.ts'
import type { UdpPort } from '../../host/udp.ts'
import type { Observe } from '../../install/observation.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'
import { CannotRead, type Files } from './files.ts'
import { explainMissingFile, openNamed } from './locate.ts'
import { negotiate, type Agreement } from './negotiate.ts'
import type { ReadRequest } from './request.ts'
import { runTransfer, type Outcome, type RunningTransfer } from './active-transfer.ts'
import { NoPortFree } from './transfer-ports.ts'

export type Grant = {
  readonly client: { readonly address: string; readonly port: number }
  /** The request, to know it again. */
  readonly text: string
  /** Whether it answers from the request port, which then has to outlast it. */
  readonly sharesRequestPort: boolean
  /** Whether the client stopped answering after it had begun to. */
  isQuiet(): boolean
  /** Ends it now, wherever it is; a client that was answered is told why. */
  stop(reason: string): void
  /** The client has begun something else on the same port: ends without an ERROR, which it would take for its new one. */
  abandon(): void
  /** Resolves when nothing of it is left. Never rejects. */
  readonly ended: Promise<void>
}

export type GrantOptions = Pick<Grant, 'client' | 'text'> & {
  readonly plan: TftpPlan
  readonly read: ReadRequest
  /** What every log line about it carries. */
  readonly facts: { readonly node: string | undefined; readonly client: string; readonly file: string }
  readonly services: {
    readonly log: Log
    readonly counters: Counters
    readonly clock: Clock
    readonly files: Files
    readonly observe: Observe
  }
  /** Has the port that the transfer answers from; it is closed when the transfer ends. */
  readonly openPort: (onLost: (error: Error) => void) => Promise<UdpPort>
  /** Sends an ERROR from the request port, for a transfer that never began. */
  readonly sendError: (code: number, message: string) => void
}

export function grant(options: GrantOptions): Grant {
  const { plan, read, facts, openPort, sendError } = options
  const { log, counters, clock, files, observe } = options.services
  const startedAt = clock.monotonic()
  let running: RunningTransfer | undefined
  /** Set by a stop that came before the transfer could begin. */
  let isStopped = false

  async function serve(): Promise<void> {
    const file = await openNamed(plan, files, read.name)
    try {
      const port = await openPort((error) => running?.stop(error.message))
      if (isStopped) {
        await port.close()
        return
      }
      const agreement = negotiate(read.options, read.mode === 'octet' ? file.octets : undefined)
      running = runTransfer({
        port,
        client: options.client,
        file,
        mode: read.mode,
        agreement,
        clock,
        counters,
        log,
      })
      report(await running.ended, agreement, running)
    } finally {
      file.close()
    }
  }

  /** Of a declared node only: nobody follows the others. */
  function tell(outcome: 'sent' | 'probed' | 'aborted' | 'missing', octets: number): void {
    const { node, file } = facts
    if (node === undefined) return
    const durationMs = Math.round(clock.monotonic() - startedAt)
    observe({ node, kind: 'loader', file, by: 'tftp', outcome, octets, durationMs })
  }

  function report(outcome: Outcome, agreement: Agreement, transfer: RunningTransfer): void {
    const { octets, retransmissions } = transfer.progress()
    counters.increment('tftp.octets', octets)
    counters.increment('tftp.retransmissions', retransmissions)
    const line = {
      ...facts,
      octets,
      durationMs: Math.round(clock.monotonic() - startedAt),
      blksize: agreement.blockOctets,
      windowsize: agreement.windowBlocks,
      retransmissions,
    }
    switch (outcome.kind) {
      case 'finished':
        counters.increment('tftp.finished')
        tell('sent', octets)
        log.info(line, 'file sent')
        break
      case 'probe':
        counters.increment('tftp.probes')
        tell('probed', 0)
        log.debug(facts, 'probe: the client only asked for the size')
        break
      case 'failed':
        counters.increment('tftp.failed')
        tell('aborted', octets)
        log.warn({ ...line, reason: outcome.reason }, 'file not sent')
        break
    }
  }

  async function reportFailure(error: unknown): Promise<void> {
    if (error instanceof NoPortFree) {
      counters.increment('tftp.portsExhausted')
      log.warn({ ...facts, reason: error.message }, 'transfer could not begin')
      sendError(ErrorCode.notDefined, error.message)
      return
    }
    if (!(error instanceof CannotRead)) {
      counters.increment('tftp.failed')
      log.error({ ...facts, err: error }, 'transfer could not begin')
      sendError(ErrorCode.notDefined, 'the server cannot begin a transfer now')
      return
    }
    sendError(error.code, error.message)
    if (error.code !== ErrorCode.fileNotFound) {
      counters.increment('tftp.failed')
      log.error({ ...facts, reason: error.message }, 'file cannot be read')
      return
    }
    counters.increment('tftp.notFound')
    tell('missing', 0)
    const absence = await explainMissingFile(plan, read.name)
    log[absenceLevel(read.name, facts.node)]({ ...facts, ...absence }, 'file not found')
  }

  return {
    client: options.client,
    text: options.text,
    sharesRequestPort: plan.transfers.kind === 'single',
    isQuiet: () => running?.isQuiet() ?? false,
    stop(reason) {
      isStopped = true
      running?.stop(reason)
    },
    abandon() {
      isStopped = true
      running?.abandon()
    },
    ended: serve().catch(reportFailure),
  }
}

/** A declared node that is refused does not boot; who else asks for what is not there may be anybody. */
function absenceLevel(name: string, node: string | undefined): LogLevel {
  // iPXE for EFI looks for this one at every start since 2024 and boots without it.
  if (name.toLowerCase().endsWith('autoexec.ipxe')) return 'debug'
  return node === undefined ? 'warn' : 'error'
}
