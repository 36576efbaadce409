/** `slipway explain NODE`: everything that the services send to one node. */
import { parseArgs } from 'node:util'
import { explain as explainProblems, prepare } from '../../prepare.ts'
import { chooseNode } from '../choose-node.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { explanationOf } from '../explain/explanation.ts'
import { jsonRow, siteFile, siteOptions, siteRows } from '../target.ts'
import { explanationLines } from '../text/explanation.ts'

export const explain: Command = {
  name: 'explain',
  help: {
    usage: ['explain [--json] [--site FILE] NODE', 'explain [--json] FILE NODE'],
    about: [
      'Shows everything that the services send to one node.',
      'Prints what DHCP offers to the firmware of the node (BIOS, x64 UEFI, arm64 UEFI) and to iPXE, option by option. ' +
        'Then come the boot file, the iPXE script, the Ignition file, the DNS records, and the HAProxy backends. The ' +
        'code that serves computes these answers; no packet is sent.',
    ],
    options: [...siteRows, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'the site file has errors'],
      ['2', 'invalid command line, or no such node'],
    ],
    examples: ['explain w1', 'explain --site site.yaml ocp45/w1'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...siteOptions, json: { type: 'boolean', default: false } },
    })
    const name = positionals.at(-1)
    if (name === undefined || positionals.length > 2) {
      throw new UsageError('expected the name of one node')
    }
    const prepared = await prepare(await siteFile(values, positionals.at(-2)))
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
