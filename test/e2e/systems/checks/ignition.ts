/** The real `ignition-validate` accepts the Ignition files of machines without a cluster. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileHttp } from '../../../../src/plan/http/compile.ts'
import { wrapIgnition } from '../../../../src/plan/ignition/document.ts'
import { systemModel } from '../../../support/systems.ts'
import { output } from '../../process.ts'
import { buildSystem } from '../../real/system.ts'
import type { Check } from '../../runner.ts'
import type { SystemsRig } from '../rig.ts'

const answers = new URL('../../../../config/answers/edge.ign', import.meta.url)

export const ignitionChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: ignition-validate accepts what Flatcar and Fedora CoreOS get',
    async run({ siteDir }) {
      const { root } = await buildSystem()
      const dir = join(siteDir, 'ignition')
      await mkdir(dir, { recursive: true })
      const own = await readFile(answers)
      const files = (['flatcar', 'fcos'] as const).flatMap((os) => {
        const group = { answers: '/srv/edge.ign', hostname: true }
        const { plan } = compileHttp(systemModel({ os, group }))
        const installed = plan.ignition.get(`/boot/web/web1/${os}.ign`)?.additions ?? { files: [] }
        return [
          [`${os}-live`, plan.nodes.get('web/web1')?.liveIgnition ?? ''],
          [`${os}-installed`, wrapIgnition(own, '3.3.0', installed)],
        ] as const
      })
      for (const [name, text] of files) {
        const path = join(dir, `${name}.ign`)
        await writeFile(path, text)
        await output([join(root, 'usr/bin/ignition-validate'), path])
      }
      return files.map(([name]) => name).join(', ')
    },
  },
]
