/**
 * Watches the files of the active plan, because a file can disappear or change while slipway serves: the status reports it
 * before a node requests it. The files are checked one after the other, so that a file system that hangs blocks one thread.
 */
import { join } from 'node:path'
import type { Clock, Timer } from './host/clock.ts'
import type { Log } from './host/log.ts'
import type { Plan } from './plan/compile.ts'
import type { IgnitionContents, IgnitionFiles } from './plan/ignition/document.ts'
import { neededFiles } from './plan/ignition/findings.ts'
import { folderProblem, openFile } from './scan/file.ts'
import type { ScanCode } from './scan/codes.ts'
import { missingFile, unreadable } from './serve/http/response.ts'
import type { TftpCode } from './serve/tftp/codes.ts'
import type { ActiveProblem } from './text/codes.ts'

export type FileWatch = {
  /** Checks all files of the active plan. Never rejects. */
  check(): Promise<void>
  /** Checks them within a second; further calls until then change nothing. */
  checkSoon(): void
  problems(): readonly ActiveProblem[]
  /** Returns what a changed Ignition file contains now; undefined if the plan has its current contents. */
  contents(path: string): IgnitionContents | undefined
  close(): void
}

export type FileWatchOptions = {
  readonly plan: () => Plan
  /** The Ignition files on disk. */
  readonly ignitionFiles: IgnitionFiles
  readonly clock: Clock
  readonly log: Log
}

const intervalMs = 60_000
/** While a file has a problem, so that the status shows soon that it was solved. */
const problemIntervalMs = 5000
const soonMs = 500

type Found = { readonly path: string; readonly problem: ActiveProblem | undefined }

export function createFileWatch({ plan, ignitionFiles, clock, log }: FileWatchOptions): FileWatch {
  let found: ReadonlyMap<string, ActiveProblem> = new Map()
  const contents = new Map<string, IgnitionContents>()
  let running: Promise<void> | undefined
  let timer: Timer | undefined
  let soon: Timer | undefined
  let isClosed = false

  async function checkAll(): Promise<void> {
    timer?.cancel()
    soon?.cancel()
    soon = undefined
    const next = new Map<string, ActiveProblem>()
    for (const check of checksOf(plan())) {
      const { path, problem } = await check()
      if (problem !== undefined) next.set(path, problem)
    }
    report(found, next)
    found = next
    const delayMs = found.size > 0 ? problemIntervalMs : intervalMs
    if (!isClosed) timer = clock.after(delayMs, () => void start())
  }

  function start(): Promise<void> {
    running ??= checkAll().finally(() => (running = undefined))
    return running
  }

  function report(before: typeof found, now: typeof found): void {
    for (const [file, { code, text: reason }] of now) {
      if (before.get(file)?.text !== reason) log.error({ code, file, reason }, 'file not available')
    }
    for (const file of before.keys()) {
      if (!now.has(file)) log.info({ file }, 'file available again')
    }
  }

  function checksOf({ http, tftp, nodes }: Plan): (() => Promise<Found>)[] {
    const images = [...http.images.values()].flatMap(({ dir, files }) =>
      [...files.keys()].map((name) => join(dir, name)),
    )
    const { root } = tftp
    return [
      ...images.map((path) => () => checkFile(path)),
      ...[...new Set(tftp.files.values())].map((path) => async () => {
        const { problem } = await checkFile(path)
        return { path, problem: problem && { ...problem, code: 'tftp.file-unreadable' satisfies TftpCode } }
      }),
      ...(root === undefined ? [] : [() => checkRoot(root)]),
      ...neededFiles({ nodes, http })
        .filter(({ problem, isAsked }) => problem === undefined && isAsked !== true)
        .map(
          ({ file }) =>
            () =>
              checkIgnition(file),
        ),
    ]
  }

  async function checkIgnition(path: string): Promise<Found> {
    const read = await ignitionFiles.read(path)
    if (read.kind === 'unreadable') {
      contents.delete(path)
      const { code } = missingFile(path, read.problem)
      return { path, problem: { code, text: read.problem } }
    }
    contents.set(path, read.document)
    if (read.problem === undefined) return { path, problem: undefined }
    const code: ScanCode = 'ignition.replacement-rejected'
    return { path, problem: { code, text: `${read.problem}; the previous version is served` } }
  }

  return {
    check: start,
    checkSoon() {
      if (!isClosed) soon ??= clock.after(soonMs, () => void start())
    },
    problems: () => [...found.values()],
    contents: (path) => contents.get(path),
    close() {
      isClosed = true
      timer?.cancel()
      soon?.cancel()
    },
  }
}

/** Returns the problem with the code and the sentence of the refusal that a client of the file gets. */
async function checkFile(path: string): Promise<Found> {
  try {
    const { file } = await openFile(path)
    await file.close()
    return { path, problem: undefined }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const refusal = code === undefined ? missingFile(path, `${path} ${message}`) : unreadable(error, path)
    return { path, problem: { code: refusal.code, text: refusal.detail ?? refusal.sentence } }
  }
}

async function checkRoot(path: string): Promise<Found> {
  const text = await folderProblem(path)
  return { path, problem: text === undefined ? undefined : { code: 'tftp.root-unreadable', text } }
}
