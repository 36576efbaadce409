/** `slipway explain SITE NODE`: everything that one node is told, by every service. */
import { parseArgs } from 'node:util'
import { explain as explainProblems, prepare } from '../../prepare.ts'
import { chooseNode } from '../choose-node.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { explanationOf } from '../explain/explanation.ts'
import { explanationLines } from '../text/explanation.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'say everything that one node is told: offers, files, script, names, back ends',
  usage: `usage: slipway explain [--json] SITE NODE

Says what each service answers to one node: what DHCP offers to its firmware (BIOS,
x64 UEFI, arm64 UEFI) and to iPXE, option by option; the boot file, the iPXE script,
the Ignition file, the names, the HAProxy back ends. Nothing is sent: the answers come
from the code that serves. NODE is a name or a key: m1 or ocp45/m1.

  --json   the same for programs

Exit code 0: explained. 1: problems in the site. 2: usage, or no such node.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    const [sitePath, name, ...more] = positionals
    if (sitePath === undefined || name === undefined || more.length > 0) {
      throw new UsageError('explain takes a site file and a node')
    }
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') {
      for (const line of explainProblems(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { model, plan } = prepared
    const explanation = explanationOf(model, plan, chooseNode(model, name))
    if (values.json) terminal.out(JSON.stringify(explanation, undefined, 2))
    else for (const line of explanationLines(explanation)) terminal.out(line)
    return ExitCode.fine
  },
}
