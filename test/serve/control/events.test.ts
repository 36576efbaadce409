import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { Observation } from '../../../src/install/observation.ts'
import { streamEvents } from '../../../src/serve/control/events.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'

/** A response whose reader reads at once, and counts the events of each turn of the event loop. */
function response() {
  let inTurn = 0
  const turns: number[] = []
  const ids: number[] = []
  const raw = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableNeedDrain: false,
    writeHead: () => {},
    write(text: string) {
      const id = /^id: (\d+)/.exec(text)?.[1]
      if (id === undefined) return true
      ids.push(Number(id))
      if (inTurn++ === 0) {
        setImmediate(() => {
          turns.push(inTurn)
          inTurn = 0
        })
      }
      return true
    },
  })
  return { raw: raw as unknown as ServerResponse & EventEmitter & { destroyed: boolean }, turns, ids }
}

function history(count: number) {
  const all = Array.from({ length: count }, (_, index): Observation => {
    const node = `ocp45/w${index % 7}`
    return { node, kind: 'command', command: 'menu', sequence: index + 1, at: index }
  })
  const requests: number[] = []
  const installs = {
    after(sequence: number, limit: number, node?: string) {
      requests.push(limit)
      return all
        .slice(sequence)
        .filter((each) => node === undefined || each.node === node)
        .slice(0, limit)
    },
    subscribe: () => () => {},
  }
  return { installs, requests }
}

t.test('a long history is read and written in pages, one in each turn of the event loop', async (t) => {
  const { raw, turns, ids } = response()
  const { installs, requests } = history(29_500)
  streamEvents(raw, { installs, clock: fakeClock(), after: 0 })
  await until(() => ids.length === 29_500)
  t.ok(Math.max(...turns) <= 200, `at most ${Math.max(...turns)} events in a turn`)
  t.ok(requests.every((limit) => limit === 200))
  t.same(
    ids,
    Array.from({ length: 29_500 }, (_, index) => index + 1),
  )
  raw.emit('close')
})

t.test('a reader that missed five events gets five', async (t) => {
  const { raw, ids } = response()
  const { installs, requests } = history(112_100)
  streamEvents(raw, { installs, clock: fakeClock(), after: 112_095 })
  await until(() => ids.length === 5)
  t.ok(requests.length <= 2)
  raw.emit('close')
})

t.test('nothing is read for a reader that has disconnected', async (t) => {
  const { raw, ids } = response()
  const { installs, requests } = history(1000)
  streamEvents(raw, { installs, clock: fakeClock(), after: 0, node: 'ocp45/w1' })
  raw.destroyed = true
  raw.emit('close')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  t.equal(requests.length, 1)
  t.ok(ids.length <= 200)
})
