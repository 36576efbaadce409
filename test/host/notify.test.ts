import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { notify } from '../../src/host/notify.ts'

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
