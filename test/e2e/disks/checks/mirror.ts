/** The Ignition files with a mirror: Butane writes the same, and the real `ignition-validate` accepts them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mirrorStorage } from '../../../../src/plan/disks/mirror.ts'
import { wrapIgnition } from '../../../../src/plan/ignition/document.ts'
import { expectEqual } from '../../expect.ts'
import { output } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { goTool } from '../../systems/tools.ts'
import type { DiskMachines } from '../machines.ts'

const architectures = ['x86_64', 'aarch64', 'ppc64le']
const paths = ['/dev/sda', '/dev/disk/by-id/wwn-0x5002538e40d6a1b2']

export const mirrorChecks: readonly Check<DiskMachines>[] = [
  {
    name: 'disks: butane writes the same mirror for each architecture',
    limitMs: 20 * 60_000,
    async run() {
      const butane = await goTool('butane')
      for (const layout of architectures) {
        const config = {
          variant: 'fcos',
          version: '1.5.0',
          boot_device: { layout, mirror: { devices: paths } },
        }
        const written = await output([butane, '--strict'], { input: JSON.stringify(config) })
        const { storage } = JSON.parse(written) as { storage: object }
        expectEqual(sorted(mirrorStorage(paths, layout)), sorted(storage), `the mirror on ${layout}`)
      }
      return architectures.join(', ')
    },
  },
  {
    name: 'disks: ignition-validate accepts a mirror on each architecture',
    limitMs: 20 * 60_000,
    async run({ dir }) {
      const validate = await goTool('ignition-validate')
      const role = Buffer.from(JSON.stringify({ ignition: { version: '3.2.0' } }))
      for (const architecture of architectures) {
        const path = join(dir, `mirror-${architecture}.ign`)
        const storage = mirrorStorage(paths, architecture)
        await writeFile(path, wrapIgnition(role, '3.2.0', { files: [], storage }))
        await output([validate, path])
      }
      return architectures.join(', ')
    },
  },
]

/** Returns the JSON text, with the keys of each object in order. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}
