import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { createFeed } from '../../../src/serve/page/feed.ts'
import type { NodeReport } from '../../../src/install/reports.ts'
import { createLog } from '../../../src/host/log.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryInstalls } from '../../support/memory-installs.ts'

/** The response of a page; `events` returns what arrived since the last call. */
function fakePage() {
  let written = ''
  const raw = Object.assign(new EventEmitter(), {
    writableNeedDrain: false,
    destroyed: false,
    writeHead: () => raw,
    write(text: string) {
      written += text
      return true
    },
  })
  return {
    raw: raw as unknown as ServerResponse,
    block: (isBlocked: boolean) => void Object.assign(raw, { writableNeedDrain: isBlocked }),
    leave: () => raw.emit('close'),
    events() {
      const events = written
        .split('\n\n')
        .filter((event) => event.startsWith('event') || event.startsWith('id'))
      written = ''
      return events
    },
  }
}

function startFeed() {
  const lines: string[] = []
  const clock = fakeClock()
  const installs = memoryInstalls(['ocp45/w1', 'ocp45/w2'], () => clock.now())
  let nodes = [
    { node: 'ocp45/w1', mode: 'install' },
    { node: 'ocp45/w2', mode: 'install' },
  ] as NodeReport[]
  const feed = createFeed({
    installs,
    reports: { listInTurns: () => Promise.resolve(nodes) },
    summary: () => ({ site: 'lab' }),
    clock,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
  })
  const see = () => installs.observe({ node: 'ocp45/w1', kind: 'command', command: 'install' })
  return {
    feed,
    see,
    lines,
    fail: () => void (nodes = undefined as unknown as NodeReport[]),
    change: (changed: object[]) => void (nodes = changed as NodeReport[]),
    pass: async (ms: number) => {
      clock.advance(ms)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

const rows = (events: readonly string[]) => events.filter((event) => event.includes('event: rows'))
const kinds = (events: readonly string[]) => events.map((event) => /event: (\w+)/.exec(event)?.[1])

t.test('a page that opens soon after an update gets all nodes at once', async (t) => {
  const { feed, pass } = startFeed()
  const [first, second, third] = [fakePage(), fakePage(), fakePage()]
  feed.open(first.raw, undefined)
  await pass(0)
  feed.open(second.raw, undefined)
  t.same(kinds(second.events()), ['order', 'rows', 'summary'])
  await pass(499)
  feed.open(third.raw, undefined)
  t.same(kinds(third.events()), ['order', 'rows', 'summary'])
  await pass(1)
  t.same(kinds(third.events()), ['summary'], 'the next update has only what changed')
  await feed.close()
})

t.test('a page gets all nodes first, and then the changed ones, once for many observations', async (t) => {
  const { feed, see, change, pass } = startFeed()
  const page = fakePage()
  feed.open(page.raw, undefined)
  await pass(0)
  const first = page.events()
  t.same(kinds(first), ['order', 'rows', 'summary'])
  t.match(first[1], /^id: \w+-\d+\nevent: rows\ndata: \[{"node":"ocp45\/w1".*"node":"ocp45\/w2"/)

  change([
    { node: 'ocp45/w1', mode: 'installing' },
    { node: 'ocp45/w2', mode: 'install' },
  ])
  for (let count = 0; count < 1000; count++) see()
  await pass(499)
  t.same(page.events(), [], 'changes are collected')
  await pass(1)
  const next = page.events()
  t.same(kinds(next), ['rows', 'summary'])
  t.match(next[0], /data: \[{"node":"ocp45\/w1","mode":"installing"}\]$/)

  await pass(3000)
  t.same(kinds(page.events()), ['summary'], 'a page notices a lost connection')
  await feed.close()
  t.equal(feed.size, 0)
})

t.test('a page that reconnects gets what changed since its last event', async (t) => {
  const { feed, see, change, pass } = startFeed()
  const page = fakePage()
  feed.open(page.raw, undefined)
  await pass(0)
  const id = /id: (\S+)/.exec(page.events()[1] ?? '')?.[1]
  page.leave()
  t.equal(feed.size, 0)
  see()
  await pass(10_000)
  t.same(page.events(), [], 'without pages, nothing is done')

  change([
    { node: 'ocp45/w1', mode: 'install' },
    { node: 'ocp45/w2', mode: 'installed' },
  ])
  const again = fakePage()
  feed.open(again.raw, id)
  await pass(0)
  t.match(rows(again.events()), [/data: \[{"node":"ocp45\/w2","mode":"installed"}\]$/])

  for (const lastId of ['00000000-9', 'x', `${id?.split('-')[0]}-x`]) {
    const other = fakePage()
    feed.open(other.raw, lastId)
    await pass(10_000)
    t.match(rows(other.events()), [/w1.*w2/], 'the id of another start or an invalid one: all nodes')
    other.leave()
  }
  await feed.close()
})

t.test('a page that does not read gets the changes later, and removed nodes are removed', async (t) => {
  const { feed, see, change, pass } = startFeed()
  const page = fakePage()
  feed.open(page.raw, undefined)
  await pass(0)
  page.events()
  page.block(true)
  change([{ node: 'ocp45/w2', mode: 'installed' }])
  see()
  await pass(500)
  t.same(page.events(), [])
  page.block(false)
  await pass(3000)
  const events = page.events()
  t.same(kinds(events), ['order', 'rows', 'summary'])
  t.match(events[0], /data: \["ocp45\/w2"\]$/)
  await feed.close()
})

t.test('a fault in an update is logged, and the next update follows', async (t) => {
  const { feed, fail, lines, pass, change } = startFeed()
  const page = fakePage()
  fail()
  feed.open(page.raw, undefined)
  await pass(0)
  t.same(page.events(), [])
  t.match(lines, [/page update failed/])
  change([{ node: 'ocp45/w1', mode: 'install' }])
  await pass(3000)
  t.same(kinds(page.events()), ['order', 'rows', 'summary'])
  await feed.close()
})
