import t, { type Test } from 'tap'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { CaptureFilter } from '../../../src/host/capture/recorder.ts'
import { ask, sampleControl, socketPath } from '../../support/control-service.ts'
import { startControl } from '../../../src/serve/control/service.ts'
import { until } from '../../support/until.ts'

const frame = { at: 1000, frame: new Uint8Array(60), octets: 60 }

/** The API with a capture whose frames the test adds. */
async function setUp(t: Test) {
  const { options, lines } = sampleControl()
  const path = socketPath(t)
  const filters: CaptureFilter[] = []
  let add: ((captured: typeof frame) => void) | undefined
  const capture = {
    start(filter: CaptureFilter, record: (captured: typeof frame) => void) {
      if (add !== undefined) return undefined
      filters.push(filter)
      add = record
      return () => void (add = undefined)
    },
  }
  const service = await startControl({ ...options, path, capture })
  t.teardown(() => service.close(0))
  const open = async (query: string) => {
    const asked = request({ socketPath: path, path: `/v1/capture?${query}` })
    asked.on('error', () => undefined)
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', () => undefined)
    const ended = new Promise((resolve) => response.once('close', resolve))
    return { asked, response, ended, octets: () => Buffer.concat(chunks).length }
  }
  return {
    path,
    lines,
    filters,
    open,
    clock: options.clock,
    add: (captured = frame) => add?.(captured),
    isOpen: () => add !== undefined,
  }
}

t.test('the frames of a node are streamed until the time is over', async (t) => {
  const { open, add, clock, filters, lines, isOpen } = await setUp(t)
  const { response, ended, octets } = await open('node=ocp45/w1')
  t.match(response.headers, { 'content-type': 'application/vnd.tcpdump.pcap', 'cache-control': 'no-store' })
  t.same(filters, [
    { macs: ['00:50:56:96:7a:21'], addresses: ['172.16.0.61'], server: { address: '172.16.0.101' } },
  ])
  add()
  await until(() => octets() === 24 + 76)
  t.ok(isOpen())
  clock.advance(60_100)
  await ended
  t.notOk(isOpen())
  t.match(lines.join(''), /"frames":1,"octets":100,"dropped":0,"endedBy":"time"/)
})

t.test('a capture ends before it becomes larger than permitted, or when the client goes', async (t) => {
  const { open, add, isOpen, lines } = await setUp(t)
  const full = await open('mac=00-50-56-96-7A-21&bytes=150')
  add()
  add()
  await full.ended
  t.equal(full.octets(), 100)
  const left = await open('node=ocp45/w1&seconds=3600')
  left.asked.destroy()
  await until(() => !isOpen())
  t.match(lines.join(''), /"endedBy":"size".*"endedBy":"client"/s)
})

t.test('frames are dropped and counted while a client does not read', async (t) => {
  const { open, add, clock, lines, isOpen } = await setUp(t)
  const { response, asked } = await open('node=ocp45/w1')
  response.pause()
  const large = { at: 1000, frame: new Uint8Array(60_000), octets: 60_000 }
  for (let sent = 0; sent < 100; sent++) add(large)
  clock.advance(60_100)
  t.notOk(isOpen())
  const [, dropped] = /"dropped":(\d+),"endedBy":"time"/.exec(lines.join('')) ?? []
  t.ok(Number(dropped) > 0, `dropped ${dropped}`)
  asked.destroy()
})

t.test('there is one capture at a time', async (t) => {
  const { open, path } = await setUp(t)
  const { asked } = await open('node=ocp45/w1')
  t.match(await ask(path, '/v1/capture?node=ocp45/w1'), {
    status: 409,
    body: { code: 'server.capture-running' },
  })
  asked.destroy()
})

t.test('a machine that the site does not declare is found by its MAC address only', async (t) => {
  const { open, path, filters } = await setUp(t)
  t.match(await ask(path, '/v1/capture?node=ocp45/w9'), {
    status: 404,
    body: { code: 'server.unknown-node' },
  })
  const { asked } = await open('mac=00:50:56:00:00:01')
  t.match(filters[0], { macs: ['00:50:56:00:00:01'], addresses: [] })
  asked.destroy()
})

t.test('a host is found by its MAC address, with its IP addresses', async (t) => {
  const { open, filters } = await setUp(t)
  const { asked } = await open('mac=00:50:56:96:7a:99')
  t.match(filters[0], { macs: ['00:50:56:96:7a:99'], addresses: ['172.16.0.90'] })
  asked.destroy()
})

t.test('invalid requests are refused', async (t) => {
  const { path } = await setUp(t)
  for (const [query, status] of [
    ['', 409],
    ['node=ocp45/w1&mac=00:50:56:00:00:01', 409],
    ['mac=x', 409],
    ['mac=00:50:56:00:00:01&seconds=0', 400],
  ] as const) {
    t.match(await ask(path, `/v1/capture?${query}`), { status, body: { code: 'server.bad-request' } }, query)
  }
  t.match(await ask(path, '/v1/capture?node=ocp45/w1&bytes=999999999'), { status: 400 })
})
