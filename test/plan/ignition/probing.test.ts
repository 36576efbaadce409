/** What the disk checks report about a device in which blkid finds nothing. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { probing } from '../../../src/plan/ignition/probing.ts'

/** Returns the report about a device of 3 MiB; `octets` of it exist. */
function probe(t: Test, shell: readonly string[], blkid: string, octets: number | undefined): string {
  const folder = t.testdir({
    bin: { blkid: `#!/bin/sh\n${blkid}\n` },
    sys: { disk: { size: String((3 * 1024 * 1024) / 512) } },
    // A directory has a size, and cannot be read.
    disk: octets === undefined ? {} : '\0'.repeat(octets),
  })
  chmodSync(join(folder, 'bin/blkid'), 0o755)
  const [command = 'sh', ...options] = shell
  const text = [...probing, `probe ${join(folder, 'disk')} 2>/dev/null`].join('\n')
  const { stdout } = spawnSync(command, [...options, '-c', text], {
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, SLIPWAY_SYS: join(folder, 'sys') },
  })
  return stdout.replace(`${folder}/`, '')
}

for (const shell of [['sh'], ['bash'], ['/usr/bin/busybox', 'sh']]) {
  const name = shell.join(' ')
  const skip = name.includes('busybox') && !existsSync('/usr/bin/busybox') && 'busybox is not installed'
  t.test(`${name}: only a device that blkid could read can be empty`, { skip }, (t) => {
    const whole = 3 * 1024 * 1024
    t.equal(probe(t, shell, 'exit 2', whole), 'device=disk\n\n', 'it is empty')
    t.equal(probe(t, shell, 'echo TYPE=xfs', undefined), 'device=disk\nTYPE=xfs\n\n')
    t.equal(probe(t, shell, 'exit 8', whole), 'device=disk\nAMBIVALENT=yes\n\n')
    for (const failure of ['exit 127', 'exit 1', 'exit 4', 'kill -9 $$']) {
      t.equal(probe(t, shell, failure, whole), 'device=disk\nUNREADABLE=yes\n\n', failure)
    }
    t.equal(
      probe(t, shell, 'exit 2', undefined),
      'device=disk\nUNREADABLE=yes\n\n',
      'blkid could not read it',
    )
    t.end()
  })
}
