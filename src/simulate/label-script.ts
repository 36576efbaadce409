/**
 * Reads a configuration of PXELINUX, or of U-Boot (extlinux), that slipway renders, and chooses a label as the loader does
 * without input. An administrator who can skip a wait does so. Unknown directives are refused. Pure.
 */
import { bootedImage, type ScriptOutcome } from './ipxe-script.ts'
import { printedText } from './printed-text.ts'

type Label = ReadonlyMap<string, string>

const settingNames = ['default', 'prompt', 'timeout', 'ontimeout', 'include']
const labelNames = ['kernel', 'linux', 'initrd', 'append', 'localboot', 'config', 'pxe', 'menu label']

/** @param url of the configuration, because U-Boot reads paths and names of files beside it */
export function readLabelScript(text: string, url: string): ScriptOutcome {
  const printed: string[] = []
  const settings = new Map<string, string>()
  const labels = new Map<string, Map<string, string>>()
  let label: Map<string, string> | undefined
  for (const [index, line] of text
    .split('\n')
    .map((each) => each.trim())
    .entries()) {
    if (line === '' || line.startsWith('#')) continue
    const [, word = '', value = ''] = /^(menu \S+|\S+)\s*(.*)$/.exec(line) ?? []
    const name = word.toLowerCase()
    if (name === 'label') labels.set(value, (label = new Map<string, string>()))
    else if (name === 'say' || name === 'menu title') printed.push(value)
    else if (settingNames.includes(name)) settings.set(name, value)
    else if (labelNames.includes(name) && label !== undefined) label.set(name, value)
    else return { kind: 'refused', reason: `line ${index + 1} has the unknown directive ${word}` }
  }
  const included = settings.get('include')
  if (included !== undefined) return { kind: 'chain', url: included, printed }
  if (settings.get('prompt') === '1' && settings.get('timeout') === '0')
    return { kind: 'waits', command: 'menu' }
  const skip = labels.get('skip')
  const chosen = skip ?? labels.get(settings.get('default') ?? '')
  return chosen === undefined
    ? { kind: 'refused', reason: `no label ${settings.get('default') ?? ''}` }
    : outcomeOf(chosen, url, printed)
}

function outcomeOf(label: Label, url: string, printed: readonly string[]): ScriptOutcome {
  const kernel = label.get('kernel') ?? label.get('linux')
  const append = label.get('append') ?? ''
  if (kernel !== undefined) {
    const given = append.split(' ').filter((word) => word !== '')
    return bootedImage(new URL(kernel, url).href, new URL(label.get('initrd') ?? '', url).href, given)
  }
  const config = label.get('config')
  if (config !== undefined) return { kind: 'chain', url: config, printed }
  // PXELINUX loads itself, and then requests its configuration again.
  if (label.has('pxe'))
    return { kind: 'refused', reason: `a script that waits, with the text: ${printedText(printed)}` }
  // The script of U-Boot requests the file that `append` names.
  return append === '' || append === 'local'
    ? { kind: 'local', command: 'localboot' }
    : { kind: 'chain', url: new URL(append, url).href, printed }
}
