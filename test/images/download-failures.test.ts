import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import t from 'tap'
import { content, isWhole, path, prepareDownload, sendThen } from '../support/download.ts'
import { sendFile, sha256, type Misbehaviour } from '../support/release.ts'

const wrong = Buffer.from('x'.repeat(5000))

const failures = [
  {
    name: 'a file with the wrong checksum twice: the download fails, and no file is left',
    misbehaviour: (request, response) => {
      sendFile(request, response, wrong)
      return true
    },
    message: `BASE${path} differs from the document: its sha256 is ${sha256(wrong)}, but the document has ${sha256(content)}`,
    asked: 2,
    left: [],
  },
  {
    name: 'a missing file (404) is requested once',
    misbehaviour: (_request, response) => {
      response.writeHead(404).end()
      return true
    },
    message: `BASE${path} cannot be downloaded: the server responds 404 Not Found`,
    asked: 1,
    left: [],
  },
  {
    name: 'a download that is interrupted five times fails, and the received part is kept',
    misbehaviour: (request, response) => {
      const at = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
      response.writeHead(at === 0 ? 200 : 206, {
        'content-length': 5000 - at,
        'content-range': `bytes ${at}-4999/5000`,
      })
      sendThen(response, content.subarray(at, at + 10), at + 10, () => response.socket?.destroy())
      return true
    },
    message: `BASE${path} cannot be downloaded, 5 attempts failed: aborted`,
    asked: 5,
    left: ['.kernel.part', '.kernel.part.json'],
  },
] as const satisfies readonly { misbehaviour: Misbehaviour; [key: string]: unknown }[]

for (const { name, misbehaviour, message, asked, left } of failures) {
  t.test(name, async (t) => {
    const run = await prepareDownload(t, misbehaviour)
    await t.rejects(run.start(), { name: 'ImageProblem', message: message.replace('BASE', run.server.base) })
    t.equal(run.server.asked.length, asked)
    t.same(readdirSync(run.folder), left)
    t.equal(run.clock.pending(), 0)
  })
}

t.test('attempts that make progress are not counted', async (t) => {
  const large = Buffer.alloc(9 * 1024 * 1024, 'abc')
  const misbehaviour: Misbehaviour = (request, response) => {
    const at = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
    response.writeHead(at === 0 ? 200 : 206, {
      'content-length': large.length - at,
      'content-range': `bytes ${at}-${large.length - 1}/${large.length}`,
    })
    const piece = large.subarray(at, at + 1_400_000)
    if (at + piece.length === large.length) response.end(piece)
    else sendThen(response, piece, at + piece.length, () => response.socket?.destroy())
    return true
  }
  const run = await prepareDownload(t, misbehaviour, large)
  await run.start()
  t.equal(run.setbacks().length > 5, true, 'more failures than tries')
  t.equal(new Set(run.setbacks()).size, 1, 'each pause is the first one')
  isWhole(t, run, large)
})

t.test('a directory that is not writable ends the download at once', async (t) => {
  const run = await prepareDownload(t)
  mkdirSync(`${run.folder}/.kernel.part`)
  await t.rejects(run.start(), { name: 'ImageProblem' })
  t.equal(existsSync(`${run.folder}/kernel`), false)
})
