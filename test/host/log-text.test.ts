import t from 'tap'
import { createLog, createProcessLog } from '../../src/host/log.ts'
import { logText } from '../../src/host/log-text.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Returns the text of one line without its time of day, which must be in UTC. */
function shown(write: (log: ReturnType<typeof createLog>) => void, usesColor = false): string {
  let json = ''
  write(createLog('debug', { write: (line: string) => void (json = line) }))
  const text = logText(json, usesColor)
  t.match(text, /\d\d:\d\d:\d\d UTC/)
  return text.replace(/\d\d:\d\d:\d\d UTC/, 'TIME')
}

t.test('a line has time, level, service, node, event with its reason, and then the other facts', (t) => {
  const facts = {
    node: 'ocp45/w1',
    mac: '00:00:5e:00:53:10',
    reason: 'it is on another network',
    file: 'a b',
    count: 2,
  }
  t.equal(
    shown((log) => log.for('dhcp').info(facts, 'address refused')),
    'TIME  info   dhcp      ocp45/w1  address refused: it is on another network  mac=00:00:5e:00:53:10 file="a b" count=2\n',
  )
  t.equal(
    shown((log) => log.warn({}, 'site warning')),
    'TIME  warn             site warning\n',
  )
  t.end()
})

t.test('lists are separated by commas, objects are JSON, and control characters are replaced', (t) => {
  const facts = {
    listening: ['dns udp 127.0.0.1:53', 'http'],
    similar: [{ node: 'ocp45/bs' }],
    file: '\u001b[2J',
    none: null,
  }
  t.equal(
    shown((log) => log.info(facts, 'serving')),
    `TIME  info             serving  listening="dns udp 127.0.0.1:53, http" similar=${JSON.stringify('{"node":"ocp45/bs"}')} file=?[2J none=null\n`,
  )
  t.end()
})

t.test('the stack trace of an error is below its line', (t) => {
  const text = shown((log) => log.error({ err: new TypeError('no plan') }, 'request failed'))
  t.match(text, /^TIME {2}error {12}request failed\n {4}TypeError: no plan\n {4} {4}at .*\n/)
  const withoutStack = logText(
    '{"time":"2026-11-21T10:00:05.000Z","level":"error","msg":"lost","err":{"message":"EIO"}}\n',
    false,
  )
  t.equal(withoutStack, '10:00:05 UTC  error            lost\n    EIO\n')
  t.equal(logText('{"time":"","level":"info","msg":"x","err":{}}', false).split('\n').length, 3)
  t.end()
})

t.test('colors mark warnings and errors and do not change the text', (t) => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    const write = (log: ReturnType<typeof createLog>) => log[level]({ node: 'ocp45/w1', mac: 'x' }, 'event')
    const colored = shown(write, true)
    // eslint-disable-next-line no-control-regex
    t.equal(colored.replaceAll(/\u001b\[\d+m/g, ''), shown(write))
    t.equal(/\u001b\[3[13]m/.test(colored), level === 'warn' || level === 'error') // eslint-disable-line no-control-regex
  }
  t.end()
})

t.test('the log of the process converts each line', (t) => {
  const lines: string[] = []
  const destination = {
    write: (line: string) => void lines.push(line),
    lost: () => 0,
    flush: () => Promise.resolve(),
    flushAtExit: () => {},
  }
  createProcessLog('info', { clock: fakeClock(), destination, format: (line) => logText(line, false) }).info(
    {},
    'serving',
  )
  t.match(lines, [/^[\d:]{8} UTC {2}info {13}serving\n$/])
  t.end()
})
