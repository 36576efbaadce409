/** A fake stats socket of HAProxy: responds as the test defines, and records the commands. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export type FakeHaproxy = {
  readonly path: string
  readonly questions: string[]
  /** Returns the response to a command; empty for a command that succeeds. */
  answer: (question: string) => string
  close(): Promise<void>
}

/** Creates a directory with a short name, because the path of a socket has at most 107 bytes (unix(7)). */
export async function socketFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function fakeHaproxy(t: Test, path?: string): Promise<FakeHaproxy> {
  const socketFile = path ?? join(await socketFolder(t), 'admin.sock')
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      const question = data.toString().trim()
      fake.questions.push(question)
      socket.end(fake.answer(question))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(socketFile, resolve))
  const close = async (): Promise<void> => {
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  const fake: FakeHaproxy = { path: socketFile, questions: [], answer: () => '', close }
  return fake
}

/** Returns the output of `show stat` of HAProxy 2.6, with the columns that slipway reads and some others. */
export function statText(rows: readonly (readonly string[])[]): string {
  const columns = [
    'pxname',
    'svname',
    'qcur',
    'scur',
    'status',
    'lastchg',
    'check_status',
    'check_code',
    'last_chk',
    'check_desc',
  ]
  return `# ${columns.join(',')},\n${rows.map((row) => `${row.join(',')},\n`).join('')}\n`
}
