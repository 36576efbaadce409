/**
 * Follows the boot scripts of a node from the first one to the one that boots or stops, in the syntax of its loader: iPXE,
 * GRUB, PXELINUX, or U-Boot. U-Boot reads its files by TFTP; the simulation fetches them under the same paths over HTTP.
 */
import { formatIp } from '../proto/address/ip.ts'
import { configurationSyntax, type NodeModel } from '../plan/model.ts'
import { readScriptName } from '../plan/urls.ts'
import type { Firmware } from './dhcp-profiles.ts'
import { readGrubScript } from './grub-script.ts'
import { runScript, type ScriptOutcome } from './ipxe-script.ts'
import { readLabelScript } from './label-script.ts'
import { fileName, pathOf, type Machine } from './machine.ts'
import { printedText } from './printed-text.ts'
import { BootProblem } from './timeline.ts'

/** `shim` starts GRUB. */
export const loaderChoices = ['ipxe', 'grub', 'shim', 'pxelinux', 'u-boot'] as const
export type LoaderChoice = (typeof loaderChoices)[number]

const syntaxes: Readonly<Record<LoaderChoice, Machine['syntax']>> = {
  ipxe: 'ipxe',
  grub: 'grub',
  shim: 'grub',
  pxelinux: 'pxelinux',
  'u-boot': 'uboot',
}

/** Returns the syntax of the loader that the caller chose, or else that of the node. */
export function syntaxOf(
  node: Pick<NodeModel, 'loader' | 'silentFirmware'>,
  firmware: Firmware,
  choice: LoaderChoice | undefined,
): Machine['syntax'] {
  if (choice !== undefined) return syntaxes[choice]
  const syntax = configurationSyntax(node) ?? 'ipxe'
  // Firmware that reads a configuration itself requests only the decision, which the simulation reads as iPXE.
  if (syntax === 'firmware') return 'ipxe'
  const isBios = firmware === 'bios'
  return isBios === (syntax === 'pxelinux') ? syntax : 'ipxe'
}

/** Scripts that chain to other scripts; more is a loop. */
const maxScripts = 8

export async function followScripts(
  machine: Machine,
  first: string,
): Promise<Exclude<ScriptOutcome, { kind: 'refused' }>> {
  const seen: string[] = []
  let url = first
  for (;;) {
    seen.push(url)
    const outcome = await machine.timeline.step('HTTP script', async () => {
      const { octets, text } = await machine.loader.fetch(rehearsed(url), { asText: true })
      const value = readScript(machine, text, url)
      return { value, octets, text: skipped(machine, value) ?? pathOf(url) }
    })
    if (outcome.kind === 'refused') {
      throw new BootProblem('a script that boots', outcome.reason, url)
    }
    // The simulation runs only scripts of slipway.
    if (outcome.kind !== 'chain' || outcome.url === machine.node.script) return outcome
    url = outcome.url
    if (seen.includes(url) || seen.length === maxScripts) {
      const printed = printedText(outcome.printed.slice(-4))
      throw new BootProblem(
        'a script that boots',
        `a script that waits and starts again, with the text: ${printed}`,
        'the output of "slipway check"',
      )
    }
  }
}

/** Reads a script as its loader does; an administrator skips the wait for another node. */
function readScript({ node, firmware, syntax }: Machine, text: string, url: string): ScriptOutcome {
  switch (syntax) {
    case 'grub':
      return readGrubScript(text, url)
    case 'pxelinux':
    case 'uboot':
      return readLabelScript(text, url)
    case 'ipxe': {
      const settings = new Map([
        ['platform', firmware === 'bios' ? 'pcbios' : 'efi'],
        ['mac', node.mac],
        ['net0/mac', node.mac],
        ['net0/ip', formatIp(node.address)],
      ])
      return runScript(text, url, settings, ['s'])
    }
  }
}

/** Requests the script without starting an installation on the server. */
function rehearsed(script: string): string {
  const url = new URL(script)
  url.searchParams.set('rehearse', '')
  return url.href
}

/** Returns what the node would wait for, if the script waits. */
function skipped({ node }: Machine, outcome: ScriptOutcome): string | undefined {
  if (outcome.kind !== 'chain') return undefined
  const isSkipping = readScriptName(fileName(pathOf(outcome.url)))?.isSkipping === true
  if (!isSkipping && !new URL(outcome.url).searchParams.has('skip')) return undefined
  const printed = outcome.printed.map((line) => line.replace(`slipway ${node.key}: `, '')).join(' ')
  return `waits, skipped here: ${/until .* on port \d+/.exec(printed)?.[0] ?? printed}`
}
