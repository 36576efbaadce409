import t from 'tap'
import { createLog } from '../../src/host/log.ts'
import { createGate } from '../../src/install/gate.ts'
import { fakeClock } from '../support/fake-clock.ts'

const bs = { node: 'ocp45/bs', address: '192.0.2.10' }
const m1 = { node: 'ocp45/m1', address: '192.0.2.11' }

function world() {
  const clock = fakeClock()
  const asked: string[] = []
  const up = new Set<string>()
  const lines: string[] = []
  const gate = createGate({
    clock,
    log: createLog('info', { write: (line) => void lines.push(line) }),
    probe: ({ node }) => {
      asked.push(node)
      return Promise.resolve(up.has(node))
    },
  })
  /** Time passes, and what it set off is over. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { clock, asked, up, lines, gate, pass }
}

t.test('without servers to wait for the gate is open and sends no request', async (t) => {
  const { gate, asked } = world()
  t.equal(await gate.isOpen([]), true)
  t.same(asked, [])
})

t.test('a probe gets a server and no other argument', async (t) => {
  const probed: unknown[][] = []
  const probe = (...all: unknown[]) => (probed.push(all), Promise.resolve(false))
  const { clock, gate: unused } = world()
  unused.close()
  const gate = createGate({ clock, log: createLog('error', { write: () => undefined }), probe })
  await gate.isOpen([bs, m1])
  gate.close()
  t.same(probed, [[bs], [m1]])
})

t.test('opens when any of the servers responds', async (t) => {
  const { gate, up, pass, lines, asked } = world()
  t.equal(await gate.isOpen([bs, m1]), false)
  up.add('ocp45/m1')
  t.equal(await gate.isOpen([bs, m1]), false, 'the last answer counts until they are asked again')
  t.same(asked, ['ocp45/bs', 'ocp45/m1'], 'all who wait share the answers')
  await pass(3000)
  t.equal(await gate.isOpen([bs, m1]), true)
  t.match(lines.join(''), /machine configuration available, waiting nodes continue/)
  t.match(lines.join(''), /ocp45\/m1/)
  up.clear()
  await pass(3000)
  t.equal(await gate.isOpen([bs, m1]), false)
})

t.test('stops probing when no node has waited for a minute, and starts again', async (t) => {
  const { gate, up, pass, asked, clock } = world()
  await gate.isOpen([bs])
  for (let second = 0; second < 66; second += 3) await pass(3000)
  t.equal(clock.pending(), 0)
  const before = asked.length
  up.add('ocp45/bs')
  t.equal(await gate.isOpen([bs]), true, 'who comes later does not hear the answer of then')
  t.equal(asked.length, before + 1)
})

t.test('sends no request after it is closed', async (t) => {
  const { gate, clock, pass } = world()
  await gate.isOpen([bs])
  const asking = gate.isOpen([m1])
  gate.close()
  await asking
  await pass(10_000)
  t.equal(clock.pending(), 0)
})
