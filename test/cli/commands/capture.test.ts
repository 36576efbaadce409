import t from 'tap'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from '../../../src/cli/commands/capture.ts'
import { controlService } from '../../support/control-service.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { keptTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'

async function run(path: string, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await capture.run([...args, '--control', path], terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('writes a new file until it is interrupted', async (t) => {
  const { path, lines } = await controlService(t)
  const file = join(t.testdir(), 'a.pcap')
  const running = run(path, '--output', file, 'w1')
  await until(() => lines.some((line) => line.includes('packet capture started')))
  await until(() => existsSync(file) && readFileSync(file).length === 24)
  process.emit('SIGINT')
  const { code, out, err } = await running
  t.equal(code, 0)
  t.same(out, [`${file}: no packets; slipway received nothing from ocp45/w1`])
  t.same(err, [`slipway capture: recording ocp45/w1 for 60 s to ${file}; press Ctrl-C to end`])
})

t.test('ends when slipway ends the capture, and names the size', async (t) => {
  const { path, clock, capture: sockets, lines } = await controlService(t)
  const file = join(t.testdir(), 'a.pcap')
  const running = run(path, '--timeout', '90s', '--size', '1', '--output', file, '00:50:56:96:7a:21')
  await until(() => lines.some((line) => line.includes('packet capture started')))
  const tap = sockets.tap(memorySockets())
  const port = await tap.bindUdp({ address: '172.16.0.101', port: 53 })
  port.send(Buffer.from('answer'), '172.16.0.61', 4000)
  clock.advance(90_100)
  t.match(await running, { code: 0, out: [`${file}: 88 B`] })
  t.equal(readFileSync(file).length, 24 + 16 + 48)
})

t.test('an existing file is kept, and a refused capture leaves none', async (t) => {
  const { path } = await controlService(t)
  const directory = t.testdir()
  const file = join(directory, 'a.pcap')
  writeFileSync(file, 'mine')
  t.match(await run(path, '--output', file, 'w1'), {
    code: 1,
    err: [`slipway capture: cannot write ${file}: it exists; name another file`],
  })
  t.equal(readFileSync(file, 'utf8'), 'mine')
  t.match(await run(path, '--output', join(directory, 'none', 'a.pcap'), 'w1'), {
    code: 1,
    err: [/the file or its directory does not exist; check the path, or create the directory$/],
  })
  const other = join(directory, 'b.pcap')
  t.match(await run(path, '--output', other, 'ocp45/m1'), {
    code: 2,
    err: [/the site has no node ocp45\/m1/],
  })
  t.notOk(existsSync(other))
  t.match(await run(join(directory, 'no.sock'), '--output', other, '00:50:56:96:7a:21'), {
    code: 1,
    err: [/cannot reach slipway/],
  })
})

t.test('invalid command lines are refused', async (t) => {
  const { path } = await controlService(t)
  const lines = [
    [],
    ['w1', 'w2'],
    ['--timeout', '2h', 'w1'],
    ['--timeout', 'x', 'w1'],
    ['--size', '101', 'w1'],
    ['--size', '0', 'w1'],
  ]
  for (const line of lines) await t.rejects(run(path, ...line), { name: 'UsageError' }, line.join(' '))
  await t.rejects(run(path, '--timeout', 'x', 'w1'), {
    message: '--timeout: expected a time such as 90s, 45m, or 1h, not x',
  })
})
