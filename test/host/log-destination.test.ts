/** A log destination that is slow, full, or gone: the process continues, counts what it drops, and ends in time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { createLogDestination, type Writer } from '../../src/host/log.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** A writer whose writes the test completes. */
function world() {
  const clock = fakeClock()
  const texts: string[] = []
  let done: Parameters<Writer['write']>[1] = () => {}
  const writer: Writer = {
    write(text, callback) {
      texts.push(text)
      done = callback
    },
    isStalled: () => true,
  }
  const destination = createLogDestination(1, clock, writer)
  return { clock, texts, destination, complete: (error?: Error) => done(error) }
}

t.test('lines are written together, after 100 ms or 4 KiB', (t) => {
  const { clock, texts, destination } = world()
  destination.write('a\n')
  destination.write('b\n')
  t.same(texts, [])
  clock.advance(100)
  t.same(texts, ['a\nb\n'])
  t.end()
})

t.test(
  'while a write is in progress lines wait in a bounded buffer, and the rest is counted as lost',
  (t) => {
    const { clock, texts, destination, complete } = world()
    const line = `${'x'.repeat(1023)}\n`
    for (let count = 0; count < 5000; count++) destination.write(line)
    clock.advance(1000)
    t.equal(texts.length, 1)
    t.equal(texts[0]?.length, 4096)
    t.equal(destination.lost(), 5000 - 4 - 4096)
    complete()
    clock.advance(100)
    t.equal(texts.length, 2, 'the waiting lines follow')
    t.end()
  },
)

t.test('lines of a failed write are counted as lost, and later lines are tried again after a second', (t) => {
  const { clock, texts, destination, complete } = world()
  destination.write('a\n')
  destination.write('b\n')
  clock.advance(100)
  complete(new Error('ENOSPC'))
  t.equal(destination.lost(), 2)
  destination.write('c\n')
  clock.advance(999)
  t.equal(texts.length, 1)
  clock.advance(1)
  t.same(texts.at(-1), 'c\n')
  complete()
  t.equal(destination.lost(), 2)
  t.end()
})

t.test('flush waits for the lines, but not longer than its limit', async (t) => {
  const { clock, texts, destination, complete } = world()
  destination.write('a\n')
  const first = destination.flush(1000)
  t.same(texts, ['a\n'])
  complete()
  await first
  destination.write('b\n')
  const second = destination.flush(1000)
  clock.advance(1000)
  await second
  t.end()
})

const module = new URL('../../src/host/log.ts', import.meta.url).href

/** A process that logs for `ms`, prints on standard error how many turns its event loop made and what was lost, and ends. */
const script = (ms: number) => `
  import { createProcessLog } from ${JSON.stringify(module)}
  const log = createProcessLog()
  let turns = 0
  const timer = setInterval(() => {
    turns++
    for (let count = 0; count < 20; count++) log.info({ turns, text: 'x'.repeat(1000) }, 'line ' + count)
  }, 5)
  setTimeout(async () => {
    clearInterval(timer)
    const lost = log.lost()
    await log.flush()
    process.stderr.write(JSON.stringify({ turns, lost }))
    process.exit(0)
  }, ${ms})`

async function runWith(
  stdout: number | 'pipe',
  onStart: (child: ReturnType<typeof spawn>) => void = () => {},
) {
  const args = ['--input-type=module', '-e', script(1500)]
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  onStart(child)
  const [code] = (await once(child, 'close')) as [number | null]
  const result = JSON.parse(text) as { turns: number; lost: number }
  return { ...result, code, ms: performance.now() - startedAt }
}

t.test('a full disk does not stop the process', async (t) => {
  const full = openSync('/dev/full', 'w')
  const { turns, lost, code } = await runWith(full)
  closeSync(full)
  t.equal(code, 0)
  t.ok(turns > 30, `${turns} turns`)
  t.ok(lost > 100, `${lost} lines lost`)
})

t.test('a reader that does not read stops neither the process nor its end', async (t) => {
  const { turns, lost, code, ms } = await runWith('pipe')
  t.equal(code, 0)
  t.ok(turns > 30, `${turns} turns`)
  t.ok(ms < 10_000, `${ms} ms`)
  t.ok(lost >= 0)
})

t.test('a closed pipe does not stop the process', async (t) => {
  const { turns, lost, code } = await runWith('pipe', (child) => child.stdout?.destroy())
  t.equal(code, 0)
  t.ok(turns > 30, `${turns} turns`)
  t.ok(lost > 100, `${lost} lines lost`)
})
