/** cloud-init, in the live system of Ubuntu, finds its files by the kernel arguments of slipway, and accepts them. */
import { join } from 'node:path'
import { planInstall } from '../../../../src/plan/boot/boot-plan.ts'
import { expectEqual, expectMatch } from '../../expect.ts'
import { output, run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { answerUrl, exampleModel, nodesWith, writeAnswer } from '../answer-files.ts'
import type { SystemsRig } from '../rig.ts'
import { pythonTools } from '../tools.ts'

type Seed = Readonly<Record<string, string | number>>

export const cloudInitChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: cloud-init finds and accepts user-data, vendor-data, and meta-data of the examples',
    limitMs: 900_000,
    async run({ siteDir }) {
      const { cloudInit, readSeed } = await pythonTools()
      const keys: string[] = []
      for (const example of ['ubuntu', 'other-systems']) {
        const model = exampleModel(example)
        for (const node of nodesWith(model, 'ubuntu')) {
          const dir = join(siteDir, 'cloud-init', example, node.name)
          for (const name of ['user-data', 'vendor-data', 'meta-data']) {
            const path = await writeAnswer(dir, model, node, name)
            if (name === 'meta-data') continue
            const shown = await output([...cloudInit, 'schema', '--config-file', path])
            expectMatch(shown, /^Valid cloud-config/m, path)
          }
          const plan = planInstall(model, node, 'ubuntu')
          const words = plan.kind === 'install' ? plan.arguments : []
          const seed = JSON.parse(await output([...readSeed, dir, words.join(' ')])) as Seed
          expectEqual(seed['seedfrom'], answerUrl(model, node, ''), 'the URL of the seed')
          expectEqual(seed['local-hostname'], node.name, 'the host name')
          expectEqual(seed['instance-id'], node.key.replace('/', '-'), 'the identity of the instance')
          keys.push(`${example} ${node.key}`)
        }
      }
      return keys.join(', ')
    },
  },
  {
    name: 'systems: cloud-init rejects user-data that autoinstall cannot read',
    async run({ siteDir }) {
      const { cloudInit } = await pythonTools()
      const path = '/etc/slipway/answers/user-data'
      const model = exampleModel('ubuntu', { [path]: '#cloud-config\nautoinstall: { storage: {} }\n' })
      const [node] = nodesWith(model, 'ubuntu')
      const written = await writeAnswer(join(siteDir, 'cloud-init/invalid'), model, node!, 'user-data')
      const { status, stderr } = await run([...cloudInit, 'schema', '--config-file', written])
      expectEqual(status, 1, 'the exit status')
      return expectMatch(stderr, /autoinstall: 'version' is a required property/, 'cloud-init')[0]
    },
  },
]
