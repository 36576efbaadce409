/**
 * The BMCs of the nodes: whether they respond, show the expected certificate, accept the credentials, and have the declared machine.
 * Switches no power.
 */
import { bmcCodes, type BmcCode } from '../bmc/codes.ts'
import { isPowerRefusal } from '../bmc/power.ts'
import { pluralize } from '../text/format.ts'
import { compareMachines } from './bmc-machines.ts'
import { failure, ok, warning, type Check, type Finding } from './check.ts'

export const bmcCheck: Check = {
  name: 'bmcs',
  async run({ plan, model, probes, state }) {
    const plans = [...plan.bmcs.values()]
    const usable = plans.filter(({ credentials }) => credentials !== undefined)
    const results = await probes.bmcInventories(new Map(usable.map((each) => [each.node, each])), state)
    const problems = usable.flatMap(({ node, isManaged }): Finding[] => {
      const result = results.get(node)
      if (result === undefined || !isPowerRefusal(result)) return []
      const text = `${node}: ${result.reason}`
      const { remedy } = bmcCodes[result.code satisfies BmcCode]
      // Without `power: managed`, an administrator can press the button.
      return [(isManaged ? failure : warning)('preflight.bmc-unusable', text, remedy)]
    })
    const responding = usable.length - problems.length
    const unused = plans.length - usable.length
    return [
      ...(responding > 0 ? [ok(`${pluralize(responding, 'BMC')} accepted the credentials`)] : []),
      ...(unused > 0
        ? [ok(`${pluralize(unused, 'BMC')} without credentials: slipway does not use them`)]
        : []),
      ...problems,
      ...compareMachines(model.nodes, results),
    ]
  },
}
