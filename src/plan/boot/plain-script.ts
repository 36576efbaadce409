/**
 * Reads an iPXE script that only boots a kernel with one initramfs, as those of the assisted service and the agent-based
 * installer do, so that every boot loader can start it. Pure. Commands: https://ipxe.org/cmd
 */
import type { RemoteFile } from './installation.ts'

/** A longer script is not read. */
export const maxScriptBytes = 64 * 1024

export type PlainScript = {
  readonly kernel: RemoteFile
  readonly initramfs: RemoteFile
  /** Without the name of the initramfs. */
  readonly arguments: readonly string[]
}

const withValue = new Set(['-n', '--name', '-t', '--timeout'])
/** Commands that only print, or have no effect on what is booted. */
const ignored = new Set(['echo', 'imgfree', 'imgstat', 'sleep'])

/** @returns nothing for a script that decides, repeats, or asks, because only iPXE can run it */
export function readPlainScript(text: string, url: string): PlainScript | undefined {
  const [first = '', ...lines] = text.split(/\r?\n/).map((line) => line.trim())
  if (!first.startsWith('#!ipxe')) return undefined
  const found: { kernel?: readonly string[]; initrd?: readonly string[]; isBooted?: true } = {}
  for (const line of lines) {
    if (line === '' || line.startsWith('#')) continue
    if (found.isBooted || /[^\x20-\x7e]/.test(line)) return undefined
    const [command = '', ...rest] = withoutFailure(line.split(/ +/))
    if (ignored.has(command) && found.kernel === undefined && found.initrd === undefined) continue
    if (command === 'echo') continue
    if (rest.some((word) => isOperator(word) || word.includes('${'))) return undefined
    if (command === 'boot' && rest.length === 0) found.isBooted = true
    else if (command === 'kernel' && found.kernel === undefined) found.kernel = operands(rest)
    else if (command === 'initrd' && found.initrd === undefined) found.initrd = operands(rest)
    else return undefined
  }
  const { kernel: [kernelUrl, ...given] = [], initrd: [initrdUrl] = [] } = found
  if (!found.isBooted) return undefined
  const kernel = remoteFile(kernelUrl, url, 'kernel')
  const initramfs = remoteFile(initrdUrl, url, 'initramfs')
  if (kernel === undefined || initramfs === undefined) return undefined
  return { kernel, initramfs, arguments: given.filter((word) => !word.startsWith('initrd=')) }
}

/** Removes `|| goto failed` and the like: what happens after a failed command does not change what a script boots. */
function withoutFailure(words: readonly string[]): readonly string[] {
  const end = words.indexOf('||')
  return end === -1 || words.slice(end + 1).some(isOperator) ? words : words.slice(0, end)
}

function isOperator(word: string): boolean {
  return word === '||' || word === '&&' || word === ';'
}

/** Returns the words after the options of iPXE. */
function operands(words: readonly string[]): readonly string[] {
  const [first] = words
  if (first === undefined || !first.startsWith('-')) return words
  return operands(words.slice(withValue.has(first) ? 2 : 1))
}

/** Returns nothing for a reference to a protocol that only some loaders have. */
function remoteFile(reference: string | undefined, base: string, name: string): RemoteFile | undefined {
  const url = reference === undefined ? null : URL.parse(reference, URL.canParse(base) ? base : undefined)
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? { name, url: url.href } : undefined
}
