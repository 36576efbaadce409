import t from 'tap'
import { createLog } from '../../src/host/log.ts'
import { createWallClock } from '../../src/install/wall-clock.ts'

t.test('a jump of the wall clock is logged, and is a problem for a day', (t) => {
  const lines: unknown[] = []
  const log = createLog('info', { write: (text) => void lines.push(JSON.parse(text)) })
  const time = { wall: 1_000_000, tick: 0 }
  const wallClock = createWallClock({ now: () => time.wall, monotonic: () => time.tick }, log)
  const pass = (ms: number, jumpMs = 0) => {
    time.tick += ms
    time.wall += ms + jumpMs
    return wallClock.now()
  }
  t.equal(pass(1000, 60_000), 1_061_000)
  t.same([lines, wallClock.problems()], [[], []])
  pass(1000, -90_000)
  t.match(lines, [{ level: 'warn', seconds: -90, code: 'state.clock-jumped', msg: 'clock jumped' }])
  t.match(wallClock.problems(), [{ code: 'state.clock-jumped' }])
  pass(24 * 60 * 60_000)
  t.same(wallClock.problems(), [])
  t.end()
})
