import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fakeClock } from '../support/fake-clock.ts'
import { notify, startWatchdog } from '../../src/host/notify.ts'

t.test('systemd-notify sends each line to systemd', async (t) => {
  const directory = t.testdir({
    'systemd-notify': '#!/bin/sh\nprintf "%s\\n" "$NOTIFY_SOCKET" "$@" >"${0%/*}/told"\n',
  })
  await chmod(join(directory, 'systemd-notify'), 0o755)
  await notify('READY=1\nSTATUS=serving 7 nodes of lab', { PATH: directory, NOTIFY_SOCKET: '/run/notify' })
  t.equal(
    await readFile(join(directory, 'told'), 'utf8'),
    '/run/notify\nREADY=1\nSTATUS=serving 7 nodes of lab\n',
  )
})

t.test('without systemd no program is started', async (t) => {
  const directory = t.testdir({ 'systemd-notify': '#!/bin/sh\ntouch "${0%/*}/told"\n' })
  await chmod(join(directory, 'systemd-notify'), 0o755)
  await notify('READY=1', { PATH: directory })
  await t.rejects(readFile(join(directory, 'told')), { code: 'ENOENT' })
})

t.test('without systemd-notify nothing happens', async (t) => {
  await notify('READY=1', { PATH: t.testdir(), NOTIFY_SOCKET: '/run/notify' })
  t.equal(process.env['NOTIFY_SOCKET'], undefined)
})

t.test('the watchdog gets two reports in its interval, until it is stopped', (t) => {
  const clock = fakeClock()
  let reports = 0
  const report = () => {
    reports++
    return Promise.resolve()
  }
  const stop = startWatchdog(clock, { WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(process.pid) }, report)
  clock.advance(60_000)
  t.equal(reports, 3)
  stop()
  clock.advance(60_000)
  t.equal(reports, 3)
  t.equal(clock.pending(), 0)
  startWatchdog(clock, {}, report)
  startWatchdog(clock, { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' }, report)
  t.equal(clock.pending(), 0, 'without a watchdog, or with one for another process, there are no reports')
  t.end()
})
