/** The real `ignition-validate` accepts the Ignition files of machines without a cluster, and Butane writes the example. */
import { deepStrictEqual } from 'node:assert'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileHttp } from '../../../../src/plan/http/compile.ts'
import { wrapIgnition } from '../../../../src/plan/ignition/document.ts'
import { answerText, systemModel } from '../../../support/systems.ts'
import { expectMatch } from '../../expect.ts'
import { output } from '../../process.ts'
import type { Check } from '../../runner.ts'
import type { SystemsRig } from '../rig.ts'
import { goTool } from '../tools.ts'

const limitMs = 20 * 60_000

/** The same source for both systems, as the comment in it states. */
const sources = {
  fcos: answerText('edge.bu'),
  flatcar: answerText('edge.bu').replace('variant: fcos', 'variant: flatcar').replace('1.4.0', '1.0.0'),
} as const

export const ignitionChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: ignition-validate accepts what Flatcar and Fedora CoreOS get',
    limitMs,
    async run({ siteDir }) {
      const validate = await goTool('ignition-validate')
      const dir = join(siteDir, 'ignition')
      await mkdir(dir, { recursive: true })
      const own = await readFile(new URL('../../../../config/answers/edge.ign', import.meta.url))
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
        await output([validate, path])
      }
      return files.map(([name]) => name).join(', ')
    },
  },
  {
    name: 'systems: butane writes the example of an Ignition file, for Fedora CoreOS and Flatcar',
    limitMs,
    async run() {
      const [butane, validate] = [await goTool('butane'), await goTool('ignition-validate')]
      for (const [variant, source] of Object.entries(sources)) {
        expectMatch(source, new RegExp(`^variant: ${variant}$`, 'm'), 'the source')
        const written = await output([butane, '--strict'], { input: source })
        await output([validate, '-'], { input: written })
        // Butane writes an empty compression, which is the default.
        const text = written.replace('"compression":"",', '')
        deepStrictEqual(JSON.parse(text), JSON.parse(answerText('edge.ign')), variant)
      }
      return Object.keys(sources).join(', ')
    },
  },
]
