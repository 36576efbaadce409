/** debconf accepts the preseed files that slipway sends, and reads both commands in full. */
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../../expect.ts'
import { run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { exampleModel, nodesWith, writeAnswer } from '../answer-files.ts'
import type { SystemsRig } from '../rig.ts'

const check = ['debconf-set-selections', '--checkonly', '--verbose']

/** Each question is one line, and so is its command. */
const commands = [
  ['partman/early_command', 'disk'],
  ['preseed/late_command', 'written'],
] as const

export const preseedChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: debconf accepts the preseed files of the examples',
    async run({ siteDir }) {
      const keys: string[] = []
      for (const example of ['debian', 'other-systems']) {
        const model = exampleModel(example)
        for (const node of nodesWith(model, 'debian')) {
          const path = await writeAnswer(
            join(siteDir, 'preseed', example, node.name),
            model,
            node,
            'preseed.cfg',
          )
          const { status, stderr } = await run([...check, path])
          expectEqual(status, 0, `${path}: ${stderr}`)
          for (const [question, command] of commands) {
            expectMatch(
              stderr,
              new RegExp(`set '${question}' \\[string\\] to '.*sh /tmp/slipway.sh ${command}'`),
              path,
            )
          }
          keys.push(`${example} ${node.key}`)
        }
      }
      return keys.join(', ')
    },
  },
]
