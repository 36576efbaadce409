/** One download from a loopback server that can simulate failures, without real pauses. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { download } from '../../src/images/download.ts'
import type { Notice } from '../../src/images/codes.ts'
import type { RemoteFile } from '../../src/images/stream.ts'
import { createWeb } from '../../src/images/web.ts'
import { fakeClock } from './fake-clock.ts'
import { fileServer, sha256, type FileServer, type Misbehaviour } from './release.ts'

export const content = Buffer.from('0123456789'.repeat(500))
export const path = '/art/kernel'

export type Run = {
  readonly server: FileServer
  readonly wanted: RemoteFile
  readonly folder: string
  readonly notices: Notice[]
  readonly clock: ReturnType<typeof fakeClock>
  readonly setbacks: () => string[]
  start(): Promise<void>
}

/** Runs an action when that many bytes are on the disk. */
let onReached: { readonly octets: number; readonly act: () => void } | undefined

/** Sends these bytes, which end at offset `end` of the file, and runs an action when the client has them. */
export function sendThen(response: ServerResponse, octets: Buffer, end: number, act: () => void): void {
  onReached = { octets: end, act }
  response.write(octets)
}

export async function prepareDownload(t: Test, misbehaviour?: Misbehaviour, file = content): Promise<Run> {
  const server = await fileServer(t, { [path]: file })
  if (misbehaviour !== undefined) server.misbehave.set(path, misbehaviour)
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  const notices: Notice[] = []
  const watch = (notice: Notice) => {
    notices.push(notice)
    if (notice.kind === 'retry') setImmediate(() => clock.advance(clock.nextDelay() ?? 0))
    if (notice.kind === 'reached' && notice.octets === onReached?.octets) onReached.act()
  }
  const folder = t.testdir()
  const wanted = { part: 'kernel', name: 'kernel', url: server.base + path, sha256: sha256(file) } as const
  return {
    server,
    wanted,
    folder,
    notices,
    clock,
    setbacks: () =>
      notices.flatMap((notice) =>
        notice.kind === 'retry' ? [notice.reason.replaceAll(server.base, 'BASE')] : [],
      ),
    start: () => download(wanted, folder, { web, clock, watch }),
  }
}

/** Creates a partial download, like an interrupted run. */
export function begin({ folder, wanted }: Run, part: Buffer, origin: object = {}): void {
  writeFileSync(`${folder}/.kernel.part`, part)
  writeFileSync(`${folder}/.kernel.part.json`, JSON.stringify({ sha256: wanted.sha256, ...origin }))
}

export function isWhole(t: Test, { folder }: Run, file = content): void {
  t.same(readdirSync(folder), ['kernel'])
  t.equal(readFileSync(`${folder}/kernel`).equals(file), true)
}
