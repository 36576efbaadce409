import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { openProbeRecord } from '../../../src/serve/dhcp/probe-record.ts'

const lines: string[] = []
const log = createLog('info', { write: (line) => void lines.push(line) })

t.test('a clean network is remembered by the next start', async (t) => {
  const directory = t.testdir()
  const record = await openProbeRecord(directory, log)
  record.keep('one')
  record.keep('one')
  record.keep('two')
  record.remove('one')
  record.remove('three')
  await record.saved()
  const next = await openProbeRecord(directory, log)
  t.same([next.has('one'), next.has('two')], [false, true])
  t.same(JSON.parse(readFileSync(join(directory, 'dhcp-probes.json'), 'utf8')), { clean: ['two'] })
})

t.test('without a directory, or with a damaged record, slipway probes first', async (t) => {
  const none = await openProbeRecord(undefined, log)
  none.keep('one')
  t.equal(none.has('one'), true)
  await none.saved()
  const directory = t.testdir({ 'dhcp-probes.json': '{"clean": ["o' })
  t.equal((await openProbeRecord(directory, log)).has('o'), false)
  writeFileSync(join(directory, 'dhcp-probes.json'), '{"clean": 7}')
  t.equal((await openProbeRecord(directory, log)).has('7'), false)
})

t.test('a record that cannot be written is logged', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'dhcp-probes.json'))
  const record = await openProbeRecord(directory, log)
  record.keep('one')
  await record.saved()
  t.match(lines.join(''), /record of DHCP probes not written/)
  t.equal(record.has('one'), true)
})
