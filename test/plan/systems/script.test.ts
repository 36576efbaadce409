import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseDiskReport } from '../../../src/install/disk-report.ts'
import { renderSystemScript } from '../../../src/plan/systems/script.ts'

const blockDevice = readdirSync('/sys/class/block')
  .map((name) => `/dev/${name}`)
  .find((path) => existsSync(path))
const hasBusybox = existsSync('/usr/bin/busybox')

type Tools = 'curl and lsblk' | 'nc'
type Reply = readonly [status: number, text: string]

/** Runs the script with the tools of an installer, against a server with these replies. */
async function run(
  t: Test,
  tools: Tools,
  stage: string,
  replies: readonly Reply[],
  blkid = 'case "$*" in */dev/two) exit 8 ;; esac; echo TYPE=xfs',
) {
  const tool = (text: string) => `#!/bin/sh\n${text}\n`
  const busybox = Object.fromEntries(
    'sh cat wc tr head cut sed nc mkdir readlink sleep printf echo'
      .split(' ')
      .map((name) => [name, t.fixture('symlink', '/usr/bin/busybox')]),
  )
  const folder = t.testdir({
    bin: {
      ...(tools === 'nc'
        ? busybox
        : {
            lsblk: tool('case "$*" in *--json*) echo "{ json }" ;; *) echo /dev/one; echo /dev/two ;; esac'),
            udevadm: tool('exit 0'),
          }),
      blkid: tool(blkid),
      systemctl: tool('exit 1'),
      ...(tools !== 'nc' && { reboot: tool('echo reboot; kill $PPID') }),
    },
  })
  for (const name of ['blkid', 'systemctl', ...(tools === 'nc' ? [] : ['lsblk', 'udevadm', 'reboot'])]) {
    await chmod(join(folder, 'bin', name), 0o755)
  }
  const seen: { url: string; body: string }[] = []
  const rest = [...replies]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      seen.push({ url: `${request.method} ${request.url}`, body })
      const [status, text] = rest.shift() ?? [500, '']
      response.writeHead(status).end(text)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/boot/web/web1/TOKEN`
  const bin = join(folder, 'bin')
  const child = spawn(tools === 'nc' ? join(bin, 'sh') : 'sh', ['-s', stage], {
    env: {
      PATH: tools === 'nc' ? bin : `${bin}:${process.env['PATH'] ?? ''}`,
      SLIPWAY_WORK: join(folder, 'work'),
      SLIPWAY_PAUSE: '1',
      SLIPWAY_CONSOLE: '/dev/null',
    },
    timeout: 60_000,
  })
  child.stdin.end(renderSystemScript({ url, disk: blockDevice }))
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, lines: out.split('\n').filter((line) => line !== ''), seen }
}

for (const tools of ['curl and lsblk', 'nc'] as const) {
  const skip =
    (blockDevice === undefined && 'there is no block device') ||
    (tools === 'nc' && !hasBusybox && 'busybox is not installed')

  t.test(`with ${tools}, the script waits for the permission`, { skip }, async (t) => {
    const { code, lines, seen } = await run(t, tools, 'disk', [
      [409, 'the disk holds data\n'],
      [200, 'the installer starts: the disk is empty\n'],
    ])
    t.equal(code, 0)
    t.same(lines, ['slipway: the disk holds data', 'slipway: the installer starts: the disk is empty'])
    t.equal(seen[0]?.url, 'POST /boot/web/web1/TOKEN/disk')
    const report = parseDiskReport(seen[0]?.body ?? '')
    t.match(report, { device: blockDevice, path: /^\/dev\// })
    if (tools === 'nc') {
      t.match(JSON.parse(report?.lsblk ?? ''), { blockdevices: [{ name: report?.path, type: 'disk' }] })
      t.match(report?.blkid, `device=${report?.path}\nTYPE=xfs\n`)
    } else t.equal(report?.blkid, 'device=/dev/one\nTYPE=xfs\n\ndevice=/dev/two\nAMBIVALENT=yes\n\n')
  })

  t.test(`with ${tools}, a report is repeated until slipway records it`, { skip }, async (t) => {
    const { code, seen } = await run(t, tools, 'written', [
      [503, ''],
      [204, ''],
    ])
    t.equal(code, 0)
    t.same(seen, [
      { url: 'POST /boot/web/web1/TOKEN/written', body: '' },
      { url: 'POST /boot/web/web1/TOKEN/written', body: '' },
    ])
  })
}

t.test('a blkid that fails does not make a disk empty', { skip: blockDevice === undefined }, async (t) => {
  for (const [blkid, line] of [
    ['exit 127', 'UNREADABLE=yes\n'],
    ['exit 1', 'UNREADABLE=yes\n'],
    // /dev/one does not exist.
    ['exit 2', 'UNREADABLE=yes\n'],
  ] as const) {
    const { seen } = await run(t, 'curl and lsblk', 'disk', [[200, 'ok\n']], blkid)
    const report = parseDiskReport(seen[0]?.body ?? '')
    t.equal(report?.blkid, `device=/dev/one\n${line}\ndevice=/dev/two\n${line}\n`)
  }
})

// Not with BusyBox: its shell may prefer its own reboot to the one of the test.
t.test('the machine restarts when its installation has ended', async (t) => {
  const { lines } = await run(t, 'curl and lsblk', 'disk', [[403, '']])
  t.same(lines, ['slipway: this installation has ended, the machine restarts', 'reboot'])
})

t.test('the script names the server without brackets and with its port', (t) => {
  const text = renderSystemScript({ url: 'http://[2001:db8::2]:8080/boot/web/web1/T' })
  t.match(text, "host='2001:db8::2'\nport='8080'\nlocation='/boot/web/web1/T'\ndevice=''\n")
  t.end()
})
