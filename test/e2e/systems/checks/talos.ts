/** The code of Talos that reads and validates machine configurations, with those of the examples and with ones that it rejects. */
import { join } from 'node:path'
import { reviewTalos } from '../../../../src/plan/systems/review/talos.ts'
import { answerText } from '../../../support/systems.ts'
import { expect, expectEqual, expectMatch } from '../../expect.ts'
import { output, run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { exampleModel, nodesWith, writeAnswer } from '../answer-files.ts'
import type { SystemsRig } from '../rig.ts'
import { talosValidate } from '../tools.ts'

const answer = '/etc/slipway/answers/machine.yaml'

/** Lines that are removed from the example, what Talos reports, and what `slipway check` reports. */
const rejected: readonly { readonly line: RegExp; readonly talos: RegExp; readonly slipway: RegExp }[] = [
  {
    line: /^ {2}ca: .*\n/m,
    talos: /issuing CA or some accepted CAs are required/,
    slipway: /machine\.ca\.crt is empty/,
  },
  {
    line: /^ {2}install:\n.*\n/m,
    talos: /install instructions are required in "metal" mode/,
    slipway: /machine\.install has no disk/,
  },
]

export const talosChecks: readonly Check<SystemsRig>[] = [
  {
    name: 'systems: Talos accepts the machine configurations of the examples',
    limitMs: 60 * 60_000,
    async run({ siteDir }) {
      const validate = await talosValidate()
      const keys: string[] = []
      for (const example of ['talos', 'other-systems']) {
        const model = exampleModel(example)
        for (const node of nodesWith(model, 'talos')) {
          const dir = join(siteDir, 'talos', example, node.name)
          await output([validate, await writeAnswer(dir, model, node, 'machine.yaml')])
          keys.push(`${example} ${node.key}`)
        }
      }
      expect(keys.length > 0, 'no example has a node with Talos')
      return keys.join(', ')
    },
  },
  {
    name: 'systems: Talos rejects what slipway check reports',
    limitMs: 60 * 60_000,
    async run({ siteDir }) {
      const validate = await talosValidate()
      for (const { line, talos, slipway } of rejected) {
        const text = answerText('machine.yaml').replace(line, '')
        const model = exampleModel('talos', { [answer]: text })
        const [node] = nodesWith(model, 'talos')
        const path = await writeAnswer(join(siteDir, 'talos/rejected'), model, node!, 'machine.yaml')
        const { status, stderr } = await run([validate, path])
        expectEqual(status, 1, `the status for a file without ${String(line)}`)
        expectMatch(stderr, talos, 'what Talos reports')
        const found = reviewTalos(text, '/dev/sda').problems.map(({ problem }) => problem)
        expectMatch(found.join('\n'), slipway, 'what slipway check reports')
      }
      return undefined
    },
  },
]
