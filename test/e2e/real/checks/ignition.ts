/** `slipway check` and the real `ignition-validate` accept and reject the same Ignition files. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { structureFaults } from '../../../../src/scan/ignition/structure.ts'
import { expectEqual } from '../../expect.ts'
import type { Check } from '../../runner.ts'
import type { RealRig } from '../rig.ts'
import { buildSystem } from '../system.ts'

const table = new URL('../../../fixtures/ignition/structures.json', import.meta.url)

export const ignitionChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: ignition-validate accepts the Ignition files that slipway accepts',
    limitMs: 120_000,
    async run(rig) {
      const { root } = await buildSystem()
      const cases = JSON.parse(await readFile(table, 'utf8')) as readonly { name: string; config: object }[]
      const path = join(rig.dir, 'case.ign')
      for (const { name, config } of cases) {
        await writeFile(path, JSON.stringify(config))
        const { status } = await rig.run([join(root, 'usr/bin/ignition-validate'), path])
        expectEqual(structureFaults(config).length === 0, status === 0, name)
      }
      return `${cases.length} files`
    },
  },
]
