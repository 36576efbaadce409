/** `slipway init`: asks for the values that a site cannot guess, and writes a site file that passes `slipway check`. */
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { newSite, type Answers } from '../../import/new-site.ts'
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import {
  formatCidr,
  formatIpv4,
  isHostAddress,
  parseIpv4,
  parseLooseCidr,
  type Ipv4,
} from '../../proto/address/ip.ts'
import { loadSite } from '../../site/load.ts'
import { formatProblem } from '../../site/problem.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { outputRow, writeNewSite } from '../new-site.ts'
import { jsonRow } from '../target.ts'

type Question = {
  readonly key: keyof Answers
  readonly text: string
  /** Answers that an empty line accepts. */
  readonly suggested: (answers: Partial<Answers>) => string | undefined
}

type InitContext = {
  readonly interfaces: () => InterfaceAddresses
  /** Absent without a terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined
}

export const createInit = (context: () => InitContext): Command => ({
  name: 'init',
  help: {
    usage: [
      'init [--output FILE] [--address IP] [--subnet CIDR] [--gateway IP] [--forward IP] [--cluster NAME] [--json]',
    ],
    hasResult: true,
    about: [
      'Writes a new site file.',
      'Asks five questions and suggests answers from the interfaces of this machine. Options answer questions in ' +
        'advance, so that the command also runs without a terminal. The site has no nodes yet: the file contains a ' +
        'cluster as a comment. Fill in its MAC addresses and uncomment it (remove each leading #).',
    ],
    options: [
      ['--output FILE', `${outputRow[1]} (default: site.yaml)`],
      ['--address IP', 'address of this machine on the network of the nodes'],
      ['--subnet CIDR', 'network of the nodes, for example 172.16.0.0/24'],
      ['--gateway IP', 'default router of the nodes; "none" for a network without one'],
      ['--forward IP', 'resolver for all other names; "none" if nodes need no other names'],
      ['--cluster NAME', 'name and base domain of the cluster, for example ocp.example.com'],
      jsonRow,
    ],
    exit: [
      ['0', 'the file was written'],
      ['1', 'the file was not written'],
      ['2', 'invalid command line, or an answer is missing and there is no terminal'],
    ],
    examples: ['init', 'init --gateway 172.16.0.254 --forward none --cluster ocp.example.com'],
  },

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        output: { type: 'string', default: 'site.yaml' },
        address: { type: 'string' },
        subnet: { type: 'string' },
        gateway: { type: 'string' },
        forward: { type: 'string' },
        cluster: { type: 'string' },
      },
    })
    const { output } = values
    const { interfaces, ask } = context()
    const found = interfaces()
    const answers = await complete(values, { interfaces: found, ask }, terminal)
    if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(answers.cluster)) {
      throw new UsageError(
        `--cluster: got ${answers.cluster}, expected its name and domain, such as ocp.example.com`,
      )
    }
    const text = newSite(answers, interfaceWith(found, answers.address))
    const loaded = loadSite(text, output)
    if (loaded.kind === 'problems') {
      for (const problem of loaded.problems) terminal.err(formatProblem(problem))
      terminal.err('slipway init: nothing was written: correct these answers and run the command again')
      return ExitCode.problems
    }
    const reason = await writeNewSite(output, text)
    if (reason !== undefined) {
      terminal.err(`slipway init: ${reason}`)
      return ExitCode.problems
    }
    terminal.out(`Wrote ${output}.`)
    terminal.out(`next: slipway check ${output}`)
    terminal.out(`Then: add the nodes of ${answers.cluster} at the end of ${output}`)
    return ExitCode.fine
  },
})

export const init = createInit(() => ({
  interfaces: networkInterfaces,
  ask: process.stdin.isTTY && process.stdout.isTTY ? askOnTerminal : undefined,
}))

async function askOnTerminal(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

async function complete(
  given: { readonly [Key in keyof Answers]?: string | undefined },
  { interfaces, ask }: { readonly interfaces: InterfaceAddresses } & Pick<InitContext, 'ask'>,
  terminal: Terminal,
): Promise<Answers> {
  let answers: Partial<Answers> = {}
  for (const { key, text, suggested } of questionsFor(interfaces)) {
    const suggestion = suggested(answers)
    const hint = suggestion === undefined ? '' : ` [${suggestion}]`
    let answer = given[key]
    if (answer === undefined && ask === undefined) {
      // A network follows from the address; what else nodes use is for the administrator to decide.
      if (key !== 'subnet' || suggestion === undefined)
        throw new UsageError(`without a terminal, add --${key}`)
      answer = suggestion
    }
    for (let tries = 0; answer === undefined && tries < maxTries; tries++) {
      const typed = (await ask?.(`${text}${hint}: `))?.trim() ?? ''
      answer = typed === '' ? suggestion : typed
      if (answer === undefined) terminal.err('There is no default; enter a value.')
    }
    if (answer === undefined) throw new UsageError(`no answer; add --${key}`)
    answers = { ...answers, [key]: answer }
  }
  return answers as Answers
}

const maxTries = 3

function questionsFor(interfaces: InterfaceAddresses): Question[] {
  const own = Object.values(interfaces)
    .flatMap((each = []) => each)
    .filter(({ internal, address }) => !internal && parseIpv4(address) !== undefined)
  const first = own[0]?.address
  return [
    { key: 'address', text: 'Address of this machine on the network of the nodes', suggested: () => first },
    {
      key: 'subnet',
      text: 'Network of the nodes',
      suggested: ({ address }) =>
        networkOf(own.find((each) => each.address === address)?.cidr ?? `${address}/24`),
    },
    {
      key: 'gateway',
      text: 'Default router of the nodes, or none',
      suggested: ({ subnet, address }) => routerOf(subnet, address),
    },
    { key: 'forward', text: 'Resolver for all other names, or none', suggested: ({ gateway }) => gateway },
    { key: 'cluster', text: 'Cluster, as name.domain', suggested: () => 'ocp.example.com' },
  ]
}

/** Returns the name of the interface that has an address. */
function interfaceWith(interfaces: InterfaceAddresses, address: string): string | undefined {
  return Object.keys(interfaces).find((name) => interfaces[name]?.some((each) => each.address === address))
}

function networkOf(text: string): string | undefined {
  const cidr = parseLooseCidr(text)
  return cidr === undefined ? undefined : formatCidr(cidr)
}

/** By convention, routers have the first address. */
function routerOf(subnet = '', address = ''): string | undefined {
  const cidr = parseLooseCidr(subnet)
  if (cidr === undefined) return undefined
  const first = (cidr.network + 1) as Ipv4
  return isHostAddress(cidr, first) && formatIpv4(first) !== address ? formatIpv4(first) : 'none'
}
