import { spawnSync } from 'node:child_process'
import { Writable } from 'node:stream'
import t from 'tap'
import { createLog } from '../../src/host/log.ts'

function sink(): { stream: Writable; lines: () => Record<string, unknown>[] } {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return {
    stream,
    lines: () =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

t.test('a line has level, time, service, facts, and message', (t) => {
  const { stream, lines } = sink()
  createLog('info', stream).for('dhcp').info({ node: 'ocp45/m1' }, 'address offered')
  const [line] = lines()
  t.match(line, { level: 'info', service: 'dhcp', node: 'ocp45/m1', msg: 'address offered' })
  t.match(line?.['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.end()
})

t.test('levels below the configured level are not written', (t) => {
  const { stream, lines } = sink()
  const log = createLog('warn', stream)
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  log.error({ err: new Error('lost') }, 'd')
  t.same(
    lines().map((line) => line['msg']),
    ['c', 'd'],
  )
  t.match(lines()[1], { err: { type: 'Error', message: 'lost' } }, 'errors keep their message and stack')
  t.equal(log.isDebug(), false)
  t.equal(createLog('debug', stream).isDebug(), true)
  t.end()
})

t.test('all lines are written before the process ends, also on an immediate exit', (t) => {
  const module = new URL('../../src/host/log.ts', import.meta.url).href
  const script = `
    import { createProcessLog } from ${JSON.stringify(module)}
    const log = createProcessLog()
    for (let number = 0; number < 1000; number++) log.info({ number }, 'line')
    process.exit(3)`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script])
  const numbers = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { number: number }).number)
  t.equal(status, 3)
  t.same(
    numbers,
    Array.from({ length: 1000 }, (_, number) => number),
  )
  t.end()
})
