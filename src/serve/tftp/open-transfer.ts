/** An accepted request, from opening its file to the log line about the end of its transfer. */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log, LogLevel } from '../../host/log.ts'
import { UnusableFile } from '../../host/shared-files.ts'
import type { UdpPort } from '../../host/udp.ts'
import type { Observe } from '../../install/observation.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'
import type { TftpCode } from './codes.ts'
import type { TftpFiles } from '../../install/boot/tftp-files.ts'
import { isOptionalName } from '../../plan/boot/names.ts'
import type { Download, Downloads } from '../../install/downloads.ts'
import { CannotRead, NotTheNode, textFile, type Files, type ServedFile } from './files.ts'
import {
  negotiate,
  type Agreement,
  type AgreementLimits,
  type ReadRequest,
  findNamed,
  similarNames,
} from './request.ts'
import {
  startTransfer,
  type AbandonReason,
  type ActiveTransfer,
  type TransferOutcome,
} from './active-transfer.ts'
import { NoPortFree } from './transfer-ports.ts'
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

export type OpenTransfer = {
  readonly client: { readonly address: string; readonly port: number }
  /** Identifies the request, to recognize a retransmission. */
  readonly text: string
  /** Whether it uses the request port, which must then stay open until it ends. */
  readonly sharesRequestPort: boolean
  /** Whether the client stopped responding after its first ACK. */
  isUnresponsive(): boolean
  /** Reacts to the same request again. @returns false when the client starts again */
  repeat(): boolean
  /** Whether the client has acknowledged anything. */
  isAcknowledged(): boolean
  /** Ends it in any state; sends an ERROR packet if the transfer has started. */
  stop(reason: string): void
  /** Ends it without an ERROR packet, which the client would assign to its new request from the same port. */
  abandon(why: AbandonReason): void
  /** Resolves when its port and its file are closed. Never rejects. */
  readonly ended: Promise<void>
}

export type OpenTransferOptions = Pick<OpenTransfer, 'client' | 'text'> & {
  readonly plan: TftpPlan
  readonly read: ReadRequest
  readonly limits: AgreementLimits
  /** Fields of every log line about it. */
  readonly facts: { readonly node: string | undefined; readonly client: string; readonly file: string }
  readonly services: {
    readonly log: Log
    readonly counters: Counters
    readonly clock: Clock
    readonly files: Files
    readonly observe: Observe
    /** The files that are created for one node; none in tests of other files. */
    readonly nodeFiles?: TftpFiles
    readonly downloads: Downloads
  }
  /** Opens the port of the transfer, which is closed when the transfer ends. */
  readonly openPort: (onLost: (error: Error) => void) => Promise<UdpPort>
  /** Sends an ERROR from the request port, for a transfer that did not start. */
  readonly sendError: (code: number, message: string) => void
}

export function openTransfer(options: OpenTransferOptions): OpenTransfer {
  const { plan, read, facts, openPort, sendError } = options
  const { log, counters, clock, files, observe, nodeFiles, downloads } = options.services
  const startedAt = clock.monotonic()
  let active: ActiveTransfer | undefined
  /** What is sent, if it is not a boot loader: a file of an image, or a script, which is observed when it is created. */
  let subject: 'script' | Parameters<Downloads['start']>[0] | undefined
  let download: Download | undefined
  /** Set by a stop before the transfer started. */
  let isStopped = false

  async function serve(): Promise<void> {
    const file = (await openForNode()) ?? (await openNamed(plan, files, read.name))
    try {
      const port = await openPort((error) => active?.stop(error.message))
      if (isStopped) {
        await port.close()
        return
      }
      const agreement = negotiate(
        read.options,
        read.mode === 'octet' ? file.octets : undefined,
        options.limits,
      )
      active = startTransfer({
        port,
        client: options.client,
        file,
        mode: read.mode,
        agreement,
        limits: options.limits,
        clock,
        counters,
        log,
      })
      if (typeof subject === 'object') download = downloads.start(subject)
      report(await active.ended, agreement, active)
    } finally {
      file.close()
    }
  }

  /** Opens a file that exists only for this node, or that an image has. */
  async function openForNode(): Promise<ServedFile | undefined> {
    const found = await nodeFiles?.find(read.name, options.client.address)
    switch (found?.kind) {
      case undefined:
        return undefined
      case 'text':
        subject = 'script'
        return textFile(found.text)
      case 'refused':
        throw new NotTheNode(found.reason)
      case 'image': {
        const file = await files.open(found.path)
        const { node } = facts
        if (node !== undefined) {
          const { what, name, dir } = found
          const sent = () => active?.progress().octets ?? 0
          subject = { node, what, file: name, dir, from: 0, to: file.octets, total: file.octets, sent }
        }
        return file
      }
    }
  }

  /** Counts the code of a failure, and returns it as a field of the log line. */
  function refused(code: TftpCode): { readonly code: TftpCode } {
    counters.refuse(code)
    return { code }
  }

  /** Reports what declared nodes load. */
  function observeLoader(outcome: 'sent' | 'probed' | 'aborted' | 'missing', octets: number): void {
    const { node, file } = facts
    if (typeof subject === 'object') {
      download?.end(octets, outcome !== 'sent')
      return
    }
    if (node === undefined || subject === 'script') return
    if (outcome === 'missing' && isOptionalName(file)) return
    const durationMs = Math.round(clock.monotonic() - startedAt)
    observe({ node, kind: 'loader', file, by: 'tftp', outcome, octets, durationMs })
  }

  function report(outcome: TransferOutcome, agreement: Agreement, transfer: ActiveTransfer): void {
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
        observeLoader('sent', octets)
        log.info(line, 'file sent')
        break
      case 'probe':
        counters.increment('tftp.probes')
        observeLoader('probed', 0)
        log.debug(facts, 'file size sent')
        break
      case 'failed':
        counters.increment('tftp.failed')
        observeLoader('aborted', octets)
        log.warn({ ...line, ...refused(outcome.code), reason: outcome.reason }, 'file not sent')
        break
    }
  }

  async function reportFailure(error: unknown): Promise<void> {
    if (error instanceof NoPortFree) {
      counters.increment('tftp.portsExhausted')
      log.warn({ ...facts, ...refused('tftp.no-free-port'), reason: error.message }, 'transfer not started')
      sendError(ErrorCode.notDefined, error.message)
      return
    }
    if (error instanceof NotTheNode) {
      counters.increment('tftp.refused')
      log.warn({ ...facts, ...refused('tftp.not-the-node'), reason: error.reason }, 'request refused')
      sendError(error.code, error.message)
      return
    }
    if (!(error instanceof CannotRead)) {
      counters.increment('tftp.failed')
      log.error({ ...facts, ...refused('tftp.internal-error'), err: error }, 'transfer not started')
      sendError(ErrorCode.notDefined, 'the server cannot start a transfer')
      return
    }
    sendError(error.code, error.message)
    observeLoader('missing', 0)
    // A file of the plan that has disappeared is a fault of this server, not a wrong name.
    const path = findNamed(plan.files, read.name)
    if (error.code !== ErrorCode.fileNotFound || path !== undefined) {
      counters.increment('tftp.failed')
      const reason = path === undefined ? error.message : `${path}: ${error.message}`
      // A directory or a device is a wrong name, if the client and not the plan names it.
      const isWrongName = path === undefined && error.cause instanceof UnusableFile
      const level = isWrongName ? missingFileLevel(read.name, facts.node) : 'error'
      log[level]({ ...facts, ...refused('tftp.file-unreadable'), reason }, 'file not readable')
      return
    }
    counters.increment('tftp.notFound')
    const explained = { ...refused('tftp.file-not-found'), ...(await explainMissingFile(plan, read.name)) }
    log[missingFileLevel(read.name, facts.node)]({ ...facts, ...explained }, 'file not found')
  }

  return {
    client: options.client,
    text: options.text,
    sharesRequestPort: plan.transfers.kind === 'single',
    isUnresponsive: () => active?.isUnresponsive() ?? false,
    repeat: () => active?.repeat() ?? true,
    isAcknowledged: () => active?.isAcknowledged() ?? false,
    stop(reason) {
      isStopped = true
      active?.stop(reason)
    },
    abandon(why) {
      isStopped = true
      // A transfer that was not started has no log line.
      if (active === undefined && why === 'replaced') counters.refuse('tftp.never-acknowledged')
      active?.abandon(why)
    },
    ended: serve().catch(reportFailure),
  }
}

/** A declared node does not boot without the file; a request of another client matters less. */
function missingFileLevel(name: string, node: string | undefined): LogLevel {
  if (isOptionalName(name)) return 'debug'
  return node === undefined ? 'warn' : 'error'
}

// Finds and opens a requested file: first among the plan's loaders, then in the administrator's directory.

/** @throws {CannotRead} with the error for the client */
export async function openNamed(plan: TftpPlan, files: Files, name: string): Promise<ServedFile> {
  let path = findNamed(plan.files, name)
  if (path === undefined && plan.root !== undefined) path = await findInRoot(plan.root, name)
  if (path === undefined) throw new CannotRead('no such file', ErrorCode.fileNotFound)
  return files.open(path)
}

/** Explains for the log why a name was not found, and lists similar names that are served. */
export async function explainMissingFile(
  plan: TftpPlan,
  name: string,
): Promise<{ readonly reason: string; readonly served: readonly string[] }> {
  const beside = plan.root === undefined ? [] : await namesBeside(plan.root, name)
  const similar = similarNames(name, [...plan.files.keys(), ...beside])
  const notFound =
    plan.root === undefined ? 'no boot loader has this name' : `not a boot loader, and not in ${plan.root}`
  return {
    reason: findNamed(plan.missing, name) ?? notFound,
    served: similar.length > 0 ? similar : [...plan.files.keys()],
  }
}

/**
 * Returns the real path of `name` under `root`; `undefined` when it does not exist or a symbolic link leads out.
 *
 * @param name from `readName`: no `..`, no leading slash
 */
async function findInRoot(root: string, name: string): Promise<string | undefined> {
  try {
    const [realRoot, path] = await Promise.all([realpath(root), realpath(join(root, name))])
    return path === realRoot || path.startsWith(realRoot + sep) ? path : undefined
  } catch {
    return undefined
  }
}

/** Returns at most a thousand names in the directory of `name`, for the log. */
async function namesBeside(root: string, name: string): Promise<string[]> {
  const folder = dirname(name)
  const path = await findInRoot(root, folder)
  if (path === undefined) return []
  const names = await readdir(path).catch(() => [])
  return names
    .filter((each) => !each.startsWith('.'))
    .slice(0, 1000)
    .map((each) => join(folder, each))
}
