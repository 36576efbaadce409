/** HAProxy's stats socket without HAProxy: answers as the test says, and keeps what it was asked. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export type FakeHaproxy = {
  readonly path: string
  readonly questions: string[]
  /** What it says to a question; nothing for those that it does not know, as to a command that succeeded. */
  answer: (question: string) => string
  close(): Promise<void>
}

/** In a folder with a short name: the path of a socket has 107 octets at most (unix(7)). */
export async function socketFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function fakeHaproxy(t: Test, path?: string): Promise<FakeHaproxy> {
  const place = path ?? join(await socketFolder(t), 'admin.sock')
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      const question = data.toString().trim()
      fake.questions.push(question)
      socket.end(fake.answer(question))
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(place, resolve))
  const close = async (): Promise<void> => {
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  const fake: FakeHaproxy = { path: place, questions: [], answer: () => '', close }
  return fake
}

/** `show stat` as HAProxy 2.6 prints it, with the columns that are read and some that are not. */
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
