/** The real `ignition-validate` accepts the Ignition files with a mirror. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mirrorStorage } from '../../../../src/plan/disks/mirror.ts'
import { wrapIgnition } from '../../../../src/plan/ignition/document.ts'
import { output } from '../../process.ts'
import { buildSystem } from '../../real/system.ts'
import type { Check } from '../../runner.ts'
import type { DisksRig } from '../rig.ts'

export const mirrorChecks: readonly Check<DisksRig>[] = [
  {
    name: 'disks: ignition-validate accepts a mirror on each architecture',
    async run({ dir }) {
      const { root } = await buildSystem()
      const role = Buffer.from(JSON.stringify({ ignition: { version: '3.2.0' } }))
      const architectures = ['x86_64', 'aarch64', 'ppc64le']
      for (const architecture of architectures) {
        const path = join(dir, `mirror-${architecture}.ign`)
        const storage = mirrorStorage(['/dev/sda', '/dev/disk/by-id/wwn-0x5002538e40d6a1b2'], architecture)
        await writeFile(path, wrapIgnition(role, '3.2.0', { files: [], storage }))
        await output([join(root, 'usr/bin/ignition-validate'), path])
      }
      return architectures.join(', ')
    },
  },
]
