/** The script of the disk check, run by bash against an HTTP server, with the tools of the live system replaced. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseDiskReport } from '../../../src/install/disk-report.ts'
import { diskCheckScript, renderDiskCheckUnit } from '../../../src/plan/ignition/disk-check.ts'

const hasCurl = spawnSync('curl', ['--version']).status === 0

t.test('the other disks of a mirror are arguments of the script', (t) => {
  const unit = renderDiskCheckUnit('http://192.0.2.2/disk', ['/dev/sdb', '/dev/disk/by-id/a%b'])
  t.match(unit.contents, '/check-disk "http://192.0.2.2/disk" "/dev/sdb" "/dev/disk/by-id/a%%b"\n')
  t.end()
})

const blockDevice = readdirSync('/dev')
  .map((name) => join('/dev', name))
  .find((path) => statSync(path, { throwIfNoEntry: false })?.isBlockDevice())

type Answer = readonly [status: number, text: string]

/** Runs the script until it ends; each request gets the next answer. */
async function run(
  t: Test,
  cmdline: string,
  answers: readonly Answer[],
  more: { readonly others?: readonly string[]; readonly files?: Readonly<Record<string, string>> } = {},
) {
  const tool = (text: string) => `#!/bin/sh\n${text}\n`
  const folder = t.testdir({
    'check-disk': diskCheckScript,
    cmdline: cmdline.replace('LINK', join(t.testdirName, 'link')),
    ...more.files,
    bin: {
      udevadm: tool('case "$*" in *--name=*) echo ID_WWN=0x5; echo OTHER=1; echo "DEVLINKS=/dev/a" ;; esac'),
      lsblk: tool(
        'case "$*" in *--json*) echo "{ json }" ;; *NAME,TYPE*) echo "/dev/one disk"; echo "/dev/one1 part" ;; *) echo /dev/one; echo /dev/two ;; esac',
      ),
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
  const child = spawn('bash', [join(folder, 'check-disk'), url, ...(more.others ?? [])], {
    env: {
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      SLIPWAY_WORK: join(folder, 'work'),
      SLIPWAY_CMDLINE: join(folder, 'cmdline'),
      SLIPWAY_PAUSE: '0.1',
      SLIPWAY_LINK: join(folder, 'link'),
      SLIPWAY_CONFIG: join(folder, 'installer.yaml'),
      SLIPWAY_INSTALLER: join(folder, 'installer-service'),
    },
    timeout: 20_000,
  })
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, lines: out.split('\n').filter((line) => line !== ''), bodies, folder }
}

const inventory = { lsblk: '{ json }\n', udev: 'device=/dev/one\nID_WWN=0x5\nDEVLINKS=/dev/a\n' }

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
    t.same(parseDiskReport(bodies[0]!), {
      device: '/dev/none',
      path: '',
      lsblk: '',
      blkid: '',
      inventory,
    })
  },
)

t.test(
  'for hints, the script links to the disk that slipway names, and reports again',
  { skip },
  async (t) => {
    const { code, lines, bodies, folder } = await run(t, 'coreos.inst.install_dev=LINK\n', [
      [202, '/dev/no-such-disk\nthe hints select it\n'],
      [202, `${blockDevice}\nthe hints select ${blockDevice}\n`],
      [200, 'the installer starts: it is empty\n'],
    ])
    t.equal(code, 0)
    t.same(lines, [
      'slipway: /dev/no-such-disk is not a block device',
      `slipway: the hints select ${blockDevice}`,
      'slipway: the installer starts: it is empty',
    ])
    const link = join(folder, 'link')
    t.equal(readlinkSync(link), blockDevice)
    t.match(bodies[0], `device: ${link}\npath: \n`)
    t.match(bodies[2], `device: ${link}\npath: ${blockDevice}\n`)
    for (const body of bodies)
      t.match(body, /\nslipway-disks 1\n--- lsblk\n\{ json \}\n\n--- udev\ndevice=\/dev\/one\n/)
  },
)

t.test('each disk of a mirror is reported', { skip }, async (t) => {
  const answers: readonly Answer[] = [[200, 'the installer starts\n']]
  const { bodies } = await run(t, `coreos.inst.install_dev=${blockDevice}\n`, answers, {
    others: ['/dev/none'],
  })
  const report = parseDiskReport(bodies[0]!)!
  t.equal(report.device, blockDevice)
  t.match(report.others, [{ device: '/dev/none', path: '' }])
})

t.test('a coreos-installer that does not read the configuration file does not start', { skip }, async (t) => {
  const cmdline = `coreos.inst.install_dev=${blockDevice}\n`
  const older = await run(t, cmdline, [], { files: { 'installer.yaml': '', 'installer-service': 'karg' } })
  t.equal(older.code, 1)
  t.match(older.lines, [/^slipway: this coreos-installer does not read .*: use a newer image$/])
  const files = { 'installer.yaml': '', 'installer-service': 'DIR=/etc/coreos/installer.d' }
  t.equal((await run(t, cmdline, [[200, 'starts\n']], { files })).code, 0)
})
