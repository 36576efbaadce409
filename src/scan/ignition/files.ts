/**
 * Ignition files while slipway serves: read again when they change on the disk, judged before they are taken. A bad one does
 * not take the good one away that came before it; a file that is gone is gone.
 */
import { stat } from 'node:fs/promises'
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { IgnitionDocument, IgnitionFiles, IgnitionRead } from '../../plan/ignition/document.ts'
import { reasonOf } from '../file.ts'
import { identityOf, loadIgnition, type Loaded } from './load.ts'
import { majorVersion } from './decode.ts'

type Kept = {
  /** Of what was last seen on the disk. */
  readonly identity: string
  /** Whether a change would show: the file did not change lately. */
  readonly isSettled: boolean
  readonly good: IgnitionDocument | undefined
  /** What is wrong with what was last seen, a sentence. */
  readonly problem: string | undefined
}

/** Two changes within one tick of the file system's clock look like one; the coarsest in use ticks every 2 s (FAT). */
const settledMs = 2000

export function createIgnitionFiles(options: { readonly clock: Clock; readonly log: Log }): IgnitionFiles {
  const kept = new Map<string, Kept>()
  const inFlight = new Map<string, Promise<IgnitionRead>>()
  return {
    // All nodes of a rack ask at once: the file is read once for them.
    read(path) {
      const reading = inFlight.get(path) ?? read(path).finally(() => inFlight.delete(path))
      inFlight.set(path, reading)
      return reading
    },
  }

  async function read(path: string): Promise<IgnitionRead> {
    const seen = await look(path)
    const before = kept.get(path)
    if (seen.kind === 'gone') {
      kept.delete(path)
      return { kind: 'unreadable', problem: seen.problem }
    }
    if (before?.isSettled === true && before.identity === seen.identity) return answer(before)
    const now = take(path, before, seen, await loadIgnition(path, false))
    kept.set(path, now)
    if (before?.good !== undefined) tell(path, before, now)
    return answer(now)
  }

  function take(path: string, before: Kept | undefined, seen: Seen, loaded: Loaded): Kept {
    const isSettled = seen.changedAt < options.clock.now() - settledMs
    const good = before?.good
    const judged = 'problem' in loaded ? loaded : documentOf(path, loaded, good)
    return 'problem' in judged
      ? { ...seen, isSettled, good, problem: `${path} ${judged.problem}` }
      : { ...seen, isSettled, good: judged, problem: undefined }
  }

  function tell(file: string, before: Kept, now: Kept): void {
    if (before.identity === now.identity && before.problem === now.problem) return
    if (now.problem === undefined) options.log.info({ file }, 'Ignition file was replaced')
    else {
      options.log.error(
        { file, reason: now.problem },
        'Ignition file was replaced by a bad one, the old one is served',
      )
    }
  }
}

type Seen = { readonly kind: 'there'; readonly identity: string; readonly changedAt: number }

/** A file that cannot be looked at for another reason than that it is gone is there, and loading says what is wrong. */
async function look(path: string): Promise<Seen | { readonly kind: 'gone'; readonly problem: string }> {
  try {
    const found = await stat(path, { bigint: true })
    const changedAt = Number(found.ctimeMs > found.mtimeMs ? found.ctimeMs : found.mtimeMs)
    return { kind: 'there', identity: identityOf(found), changedAt }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { kind: 'gone', problem: `${path} ${reasonOf(error)}` }
    return { kind: 'there', identity: String(code), changedAt: Number.POSITIVE_INFINITY }
  }
}

/** The plan was compiled for the version that was there: an image reads either 2 or 3. */
function documentOf(
  path: string,
  { octets, contents, certificates }: Exclude<Loaded, { problem: string }>,
  good: IgnitionDocument | undefined,
): IgnitionDocument | { readonly problem: string } {
  if (good !== undefined && majorVersion(good.version) !== majorVersion(contents.version)) {
    return { problem: `is Ignition ${contents.version}, the file before it was ${good.version}` }
  }
  return { path, octets, certificates, ...contents }
}

function answer({ good, problem }: Kept): IgnitionRead {
  if (good === undefined) return { kind: 'unreadable', problem: problem as string }
  return { kind: 'read', document: good, ...(problem === undefined ? {} : { problem }) }
}
