import { writeFileSync } from 'node:fs'
import t from 'tap'
import { stallMs } from '../../src/images/web.ts'
import { begin, content, isWhole, path, prepareDownload, sendThen } from '../support/download.ts'
import { sendFile, sha256, type Misbehaviour } from '../support/release.ts'

const etag = `"${sha256(content).slice(0, 8)}"`

t.test('a file is downloaded and gets its name when it is verified', async (t) => {
  const run = await prepareDownload(t)
  await run.start()
  isWhole(t, run)
  t.same(run.server.asked, [`GET ${path}`])
  t.same(run.notices.at(0), { kind: 'started', file: 'kernel', octets: 0 })
  t.same(run.notices.at(-1), { kind: 'done', file: 'kernel', octets: 5000 })
  t.equal(run.clock.pending(), 0)
})

t.test(
  'a file of an earlier start is verified again, and downloaded again if its checksum is wrong',
  async (t) => {
    const run = await prepareDownload(t)
    writeFileSync(`${run.folder}/kernel`, content)
    await run.start()
    t.same(run.server.asked, [])
    isWhole(t, run)
    writeFileSync(`${run.folder}/kernel`, 'damaged')
    await run.start()
    t.same(run.server.asked, [`GET ${path}`])
    isWhole(t, run)
  },
)

type Case = {
  readonly name: string
  readonly part?: Buffer
  readonly origin?: object
  readonly misbehaviour?: Misbehaviour
  readonly asked: readonly string[]
  readonly setbacks?: readonly string[]
}

const whole = `GET ${path}`
const from = (octets: number) => `GET ${path} bytes=${octets}-`
const wrong = Buffer.from('x'.repeat(5000))
const thrownAway = (was: Buffer) =>
  `deleted, downloading it again: its sha256 is ${sha256(was)}, but the document has ${sha256(content)}`
const status =
  (code: number, headers: Record<string, string> = {}): Misbehaviour =>
  (_request, response, times) => {
    if (times > 1) return false
    response.writeHead(code, headers).end('no')
    return true
  }

const successes: readonly Case[] = [
  {
    name: 'a partial download is resumed (RFC 9110 §14.1)',
    part: content.subarray(0, 3000),
    origin: { validator: etag },
    asked: [from(3000)],
  },
  {
    name: 'a partial download without a validator is resumed: the checksum decides',
    part: content.subarray(0, 3000),
    asked: [from(3000)],
  },
  {
    name: 'a partial download of a file that changed on the server starts again (RFC 9110 §13.1.5)',
    part: wrong.subarray(0, 3000),
    origin: { validator: '"another"' },
    asked: [from(3000)],
  },
  {
    name: 'a server that ignores ranges sends the whole file',
    part: content.subarray(0, 3000),
    misbehaviour(_request, response) {
      response.writeHead(200).end(content)
      return true
    },
    asked: [from(3000)],
  },
  {
    name: 'a partial download that is already complete is renamed (RFC 9110 §15.5.17)',
    part: content,
    origin: { validator: etag },
    asked: [from(5000)],
  },
  {
    name: 'a partial download that is too long is deleted',
    part: Buffer.concat([content, content]),
    asked: [from(10_000), whole],
    setbacks: ['the partial download of 10000 bytes does not match the file on the server; retrying in 1 s'],
  },
  {
    name: 'a server that sends a range that was not requested',
    part: content.subarray(0, 3000),
    misbehaviour: status(206, { 'content-range': 'bytes 10-4999/5000' }),
    asked: [from(3000), whole],
    setbacks: ['the partial download of 3000 bytes does not match the file on the server; retrying in 1 s'],
  },
  {
    name: 'a partial download of another release is deleted before the request',
    part: content.subarray(0, 3000),
    origin: { sha256: 'f'.repeat(64) },
    asked: [whole],
  },
  {
    name: 'a damaged partial download is deleted, and the file is downloaded again',
    part: wrong.subarray(0, 3000),
    asked: [from(3000), whole],
    setbacks: [thrownAway(Buffer.concat([wrong.subarray(0, 3000), content.subarray(3000)]))],
  },
  {
    name: 'a file with a wrong checksum is downloaded again',
    misbehaviour(request, response, times) {
      if (times > 1) return false
      sendFile(request, response, wrong)
      return true
    },
    asked: [whole, whole],
    setbacks: [thrownAway(wrong)],
  },
  {
    name: 'an interrupted download is resumed at the same offset',
    misbehaviour(_request, response, times) {
      if (times > 1) return false
      response.writeHead(200, { 'content-length': 5000, etag })
      sendThen(response, content.subarray(0, 2000), 2000, () => response.socket?.destroy())
      return true
    },
    asked: [whole, from(2000)],
    setbacks: ['aborted; retrying in 1 s'],
  },
  {
    name: 'a Content-Length larger than the file: the received part is kept',
    misbehaviour(_request, response, times) {
      if (times > 1) return false
      response.writeHead(200, { 'content-length': 6000 })
      sendThen(response, content, 5000, () => response.socket?.destroy())
      return true
    },
    asked: [whole, from(5000)],
    setbacks: ['aborted; retrying in 1 s'],
  },
  {
    name: 'a Content-Length smaller than the file',
    misbehaviour(_request, response, times) {
      if (times > 1) return false
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n${content.toString()}`)
      return true
    },
    asked: [whole, whole],
    setbacks: [thrownAway(content.subarray(0, 100))],
  },
  {
    name: 'a busy server (503)',
    misbehaviour: status(503),
    asked: [whole, whole],
    setbacks: ['the server responds 503 Service Unavailable; retrying in 1 s'],
  },
  {
    name: 'a server that limits the rate (429)',
    misbehaviour: status(429),
    asked: [whole, whole],
    setbacks: ['the server responds 429 Too Many Requests; retrying in 1 s'],
  },
  {
    name: 'a connection that is closed within the header',
    misbehaviour(_request, response, times) {
      if (times > 1) return false
      response.socket?.end('HTTP/1.1 200 O')
      return true
    },
    asked: [whole, whole],
    setbacks: ['127.0.0.1: socket hang up; retrying in 1 s'],
  },
]

for (const { name, part, origin, misbehaviour, asked, setbacks = [] } of successes) {
  t.test(name, async (t) => {
    const run = await prepareDownload(t, misbehaviour)
    if (part !== undefined) begin(run, part, origin)
    await run.start()
    t.same(run.server.asked, asked)
    t.same(run.setbacks(), setbacks)
    isWhole(t, run)
    t.equal(run.clock.pending(), 0, 'no timer is left behind')
  })
}

t.test('a weak entity tag is not used for If-Range; the date is (RFC 9110 §13.1.5)', async (t) => {
  const date = 'Wed, 09 Oct 2024 09:16:00 GMT'
  const run = await prepareDownload(t, (request, response, times) => {
    if (times > 1) {
      t.equal(request.headers['if-range'], date)
      return false
    }
    response.writeHead(200, { 'content-length': 5000, etag: 'W/"weak"', 'last-modified': date })
    sendThen(response, content.subarray(0, 10), 10, () => response.socket?.destroy())
    return true
  })
  await run.start()
  isWhole(t, run)
})

t.test('a response that stalls is aborted, and the received part is kept', async (t) => {
  const stalled = Promise.withResolvers<undefined>()
  const run = await prepareDownload(t, (_request, response, times) => {
    if (times > 1) return false
    response.writeHead(200, { 'content-length': 5000 })
    sendThen(response, content.subarray(0, 2000), 2000, () => stalled.resolve(undefined))
    return true
  })
  const ended = run.start()
  await stalled.promise
  run.clock.advance(stallMs - 1)
  t.same(run.setbacks(), [])
  run.clock.advance(1)
  await ended
  t.same(run.setbacks(), ['the response stalled for 30 s; retrying in 1 s'])
  t.same(run.server.asked, [whole, from(2000)])
  isWhole(t, run)
})

t.test('a request without a response is aborted', async (t) => {
  let asked: (() => void) | undefined
  const isAsked = new Promise<void>((resolve) => (asked = resolve))
  const run = await prepareDownload(t, (_request, _response, times) => {
    asked?.()
    return times === 1
  })
  const ended = run.start()
  await isAsked
  run.clock.advance(stallMs)
  await ended
  t.same(run.setbacks(), ['127.0.0.1: no response in 30 s; retrying in 1 s'])
  isWhole(t, run)
})
