/** What all scripts have in common: how they speak on the console, and how they wait and start again. */
import type { NodeModel } from '../model.ts'
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import { wrap } from '../../text/wrap.ts'
import { plainText } from './text.ts'

/** The width of a console in text mode. */
export const columns = 80

/** The script of these lines; `about` says on its first lines what it is for. */
export function script(about: string, lines: readonly string[]): string {
  return ['#!ipxe', `# ${plainText(about)}`, '', ...lines, ''].join('\n')
}

/** Whose script it is, for its own console. */
export type ScriptAuthor = Pick<NodeModel, 'key' | 'address' | 'mac'>

/** Lines on the console, each with the node's key, so that a serial log of many machines can be read. */
export function say(node: Pick<NodeModel, 'key'>, text: string): string[] {
  const prefix = `slipway ${node.key}:`
  // One column for the blank, and the last one stays free: a full line would show an empty one below it.
  return wrap(text, columns - 2 - prefix.length).map((line) => `echo ${prefix} ${plainText(line)}`)
}

/** Which machine this is, for the person who stands before it: `address 172.16.0.21, MAC 00:50:56:96:37:c8`. */
export function networkIdentity(node: Pick<NodeModel, 'address' | 'mac'>): string {
  return `address ${formatIpv4(node.address)}, MAC ${node.mac}`
}

/**
 * The end of every road that led nowhere: offers the shell for a while, then fetches the script at `url`
 * and starts it in place of this one, for ever. So a machine goes on by itself once the cause is gone.
 */
export function waitAndStartAgain(url: string, seconds: number): string[] {
  return [
    ':wait',
    // Ctrl-B: iPXE's own key for its command line; noise on a serial line does not type it.
    `prompt --key 0x02 --timeout ${seconds * 1000} Ctrl-B for the iPXE shell, or wait ${seconds} s && shell ||`,
    `chain --replace --autofree ${url} || goto wait`,
  ]
}
