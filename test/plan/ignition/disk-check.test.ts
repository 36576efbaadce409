/** The script of the disk check, run by bash against an HTTP server, with the tools of the live system replaced. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseDiskReport } from '../../../src/install/decide-disk.ts'
import { diskCheckScript } from '../../../src/plan/ignition/disk-check.ts'

const blockDevice = readdirSync('/dev')
  .map((name) => join('/dev', name))
  .find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice())
const hasCurl = spawnSync('curl', ['--version']).status === 0

type Answer = readonly [status: number, text: string]

/** Runs the script until it ends; each request gets the next answer. */
async function run(t: Test, cmdline: string, answers: readonly Answer[]) {
  const tool = (text: string) => `#!/bin/sh\n${text}\n`
  const folder = t.testdir({
    'check-disk': diskCheckScript,
    cmdline,
    bin: {
      udevadm: tool('exit 0'),
      lsblk: tool('case "$*" in *--json*) echo "{ json }" ;; *) echo /dev/one; echo /dev/two ;; esac'),
      blkid: tool('case "$*" in */dev/two) exit 8 ;; esac; echo TYPE=xfs'),
      systemctl: tool('echo "systemctl $*"; kill $PPID'),
    },
  })
  for (const name of readdirSync(join(folder, 'bin'))) await chmod(join(folder, 'bin', name), 0o755)
  const bodies: string[] = []
  const rest = [...answers]
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      bodies.push(body)
      const [status, text] = rest.shift() ?? [500, '']
      response.writeHead(status).end(text)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/boot/c1/w1/TOKEN/disk`
  const child = spawn('bash', [join(folder, 'check-disk'), url], {
    env: {
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      SLIPWAY_WORK: join(folder, 'work'),
      SLIPWAY_CMDLINE: join(folder, 'cmdline'),
      SLIPWAY_PAUSE: '0.1',
    },
    timeout: 20_000,
  })
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, lines: out.split('\n').filter((line) => line !== ''), bodies }
}

const skip =
  (!hasCurl && 'curl is not installed') || (blockDevice === undefined && 'there is no block device')

t.test(
  'the script reports the disk, shows each reason once, and ends with the permission',
  { skip },
  async (t) => {
    const { code, lines, bodies } = await run(t, `a=b coreos.inst.install_dev=${blockDevice} c\n`, [
      [503, ''],
      [409, 'the disk holds data\n'],
      [409, 'the disk holds data\n'],
      [200, 'the installer starts: the disk is empty\n'],
    ])
    t.equal(code, 0)
    t.same(lines, [
      'slipway: slipway answered with HTTP status 503, the installer waits',
      'slipway: the disk holds data',
      'slipway: the installer starts: the disk is empty',
    ])
    t.equal(bodies.length, 4)
    t.same(parseDiskReport(bodies[0]!), {
      device: blockDevice,
      path: blockDevice,
      lsblk: '{ json }\n',
      blkid: 'device=/dev/one\nTYPE=xfs\n\ndevice=/dev/two\nAMBIVALENT=yes\n\n',
    })
  },
)

t.test(
  'a disk that does not exist is reported; the machine restarts when its token is no longer valid',
  { skip },
  async (t) => {
    const { lines, bodies } = await run(t, 'coreos.inst.install_dev=none\n', [[403, '']])
    t.same(lines, ['slipway: this installation has ended, the machine restarts', 'systemctl reboot'])
    t.same(parseDiskReport(bodies[0]!), { device: '/dev/none', path: '', lsblk: '', blkid: '' })
  },
)
