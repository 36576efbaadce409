import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import type { Chunk, SharedFile } from '../../../src/host/shared-files.ts'
import { replaceBodyHook, readBody, sendByLane } from '../../../src/serve/http/body.ts'

const mebibyte = 1024 * 1024

/** A file of two and a half chunks in memory, which records the chunks that were read and released. */
function sharedFile(answer: (chunk: Chunk) => Chunk | Promise<Chunk> = (chunk) => chunk) {
  const content = Buffer.alloc(2.5 * mebibyte)
  for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at)
  const events: string[] = []
  const file: SharedFile = {
    octets: content.length,
    modifiedMs: 0,
    version: '0',
    chunkOctets: mebibyte,
    chunkCount: 3,
    take(index) {
      events.push(`take ${index}`)
      const octets = content.subarray(index * mebibyte, (index + 1) * mebibyte)
      return answer({ octets, release: () => void events.push(`release ${index}`) })
    },
    close: () => undefined,
  }
  return { file, content, events }
}

const ranges = [
  { name: 'the whole', start: 0, octets: 2.5 * mebibyte },
  { name: 'nothing', start: 0, octets: 0 },
  { name: 'one octet', start: 5, octets: 1 },
  { name: 'across chunks', start: mebibyte - 3, octets: mebibyte + 7 },
  { name: 'to the end of a chunk', start: 100, octets: mebibyte - 100 },
  { name: 'the end', start: 2.5 * mebibyte - 9, octets: 9 },
]

for (const { name, start, octets } of ranges) {
  t.test(`a body is ${name} of its range`, async (t) => {
    for (const answer of [(chunk: Chunk) => chunk, (chunk: Chunk) => Promise.resolve(chunk)]) {
      const { file, content, events } = sharedFile(answer)
      const body = readBody(file, { start, octets }, () => 0)
      const got = Buffer.concat(await body.stream.toArray())
      t.equal(got.equals(content.subarray(start, start + octets)), true)
      t.equal(body.octets, octets)
      t.equal(body.sent(), octets)
      body.close()
      const count = (what: string) => events.filter((event) => event.startsWith(what)).length
      t.equal(count('release'), count('take'), 'everything is given back')
    }
  })
}

t.test('a chunk is released after its bytes were handed to the system', async (t) => {
  const { file, events } = sharedFile()
  let unsent = 0
  const body = readBody(file, { start: 0, octets: file.octets }, () => unsent)
  const pieces = body.stream[Symbol.asyncIterator]()
  let taken = 0
  while (taken < 1.5 * mebibyte) {
    taken += ((await pieces.next()).value as Buffer).length
    unsent = taken
  }
  t.same(events, ['take 0', 'take 1'])
  t.equal(body.sent(), 0)
  unsent = 0.25 * mebibyte
  await pieces.next()
  t.same(events, ['take 0', 'take 1', 'release 0'])
  body.close()
  t.same(events, ['take 0', 'take 1', 'release 0', 'release 1'])
})

t.test('a chunk that arrives after the end of the response is released', async (t) => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const { file, events } = sharedFile((chunk) => promise.then(() => chunk))
  const body = readBody(file, { start: 0, octets: 10 }, () => 0)
  body.stream.read()
  body.close()
  resolve(undefined)
  await new Promise(setImmediate)
  t.same(events, ['take 0', 'release 0'])
})

t.test('a read error ends the body', async (t) => {
  const { file } = sharedFile(() => Promise.reject(new Error('the file changed while it was being sent')))
  const body = readBody(file, { start: 0, octets: 10 }, () => 0)
  await t.rejects(body.stream.toArray(), { message: 'the file changed while it was being sent' })
  body.close()
})

t.test('a body that is not a file is sent unchanged; errors of an unused file are ignored', async (t) => {
  const headers: Record<string, string | number> = { 'content-length': 3, 'content-range': 'bytes 2-4/10' }
  const request = { getDecorator: () => (range: unknown) => range }
  const reply = { getHeader: (name: string) => headers[name] } as unknown as FastifyReply
  const put = (payload: unknown) =>
    new Promise((resolve) => {
      replaceBodyHook(request as never, reply, payload, ((_error: null, sent: unknown) =>
        resolve(sent)) as never)
    })
  t.equal(await put('text'), 'text')
  const gone = createReadStream('/nowhere/at/all')
  t.same(await put(gone), { start: 2, octets: 3 })
  t.equal(gone.destroyed, true)
  delete headers['content-range']
  t.same(await put(createReadStream('/nowhere')), { start: 0, octets: 3 })
})

t.test(
  'a body of the lane starts when the header is with the system, unless it was closed before',
  async (t) => {
    const written: (() => void)[] = []
    const response = {
      headersSent: false,
      flushHeaders: () => void (response.headersSent = true),
      socket: { write: (_: string, done: () => void) => written.push(done) } as unknown as Socket,
    }
    const parts: unknown[] = []
    const lane = { send: (_: Socket, part: unknown) => void parts.push(part) }
    const make = () => {
      response.headersSent = false
      const range = { start: 3, octets: 7 }
      return sendByLane(lane, { fd: 5, version: 'v' }, range, response as unknown as ServerResponse)
    }
    const closed = make()
    closed.stream.resume()
    await new Promise(setImmediate)
    closed.close()
    written.pop()?.()
    t.same(parts, [])
    const body = make()
    body.stream.resume()
    await new Promise(setImmediate)
    body.stream.read()
    t.equal(written.length, 1, 'the header is sent once')
    t.same([body.sent(), body.octets], [0, 7])
    const failed = once(body.stream, 'error')
    written[0]?.()
    t.same(parts, [{ file: 5, version: 'v', from: 3, to: 10 }])
    t.match(await failed, [{ message: 'the lane is not available' }])
  },
)
