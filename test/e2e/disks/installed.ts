/** The installed system: what coreos-installer leaves on a disk, and what the system shows about its disks (site.ts). */
import { truncate, writeFile } from 'node:fs/promises'
import { output } from '../process.ts'
import type { Machine } from '../real/machine.ts'
import { bootOffset } from '../real/metal-image.ts'
import { buildInstalledDisk, entry } from './images.ts'

export const minuteMs = 60_000

/** Writes the system to a disk, with its Ignition file and kernel arguments where coreos-installer writes them. */
export async function writeSystem(
  disk: string,
  bytes: number,
  ignition: string,
  kernelArguments: readonly string[] = [],
): Promise<void> {
  await output(['cp', '--sparse=always', await buildInstalledDisk(), disk], { limitMs: 5 * minuteMs })
  await truncate(disk, bytes)
  // The second GPT is at the end of the disk.
  await output(['sgdisk', '--move-second-header', disk])
  const files = {
    'ignition/config.ign': ignition,
    'loader/entries/ostree-1.conf': entry.replace(/^options .*/m, (line) =>
      [line, ...kernelArguments].join(' '),
    ),
  }
  const boot = `${disk}?offset=${bootOffset}`
  await output(['debugfs', '-w', '-R', 'mkdir ignition', boot])
  for (const [path, text] of Object.entries(files)) {
    const from = `${disk}.file`
    await writeFile(from, text)
    for (const command of [`rm ${path}`, `write ${from} ${path}`]) {
      await output(['debugfs', '-w', '-R', command, boot])
    }
  }
}

/** Waits until the system has started, and returns the lines about its disks. */
export async function shownDisks(machine: Machine, since = 0, limitMs = 20 * minuteMs): Promise<string> {
  await machine.waitForConsole('the disks of the installed system', /disks: this is all/, { since, limitMs })
  return machine.console
    .slice(since)
    .map(({ text }) => text)
    .filter((text) => text.includes('disks: '))
    .join('\n')
}
