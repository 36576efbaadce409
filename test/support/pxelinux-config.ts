/**
 * Reads a configuration of PXELINUX, or of U-Boot (extlinux), and chooses a label as the loader does. Reads no files.
 * Unknown directives are refused.
 */
export type PxelinuxOutcome =
  | {
      readonly kind: 'boot'
      readonly kernel: string
      readonly initrd: string
      readonly arguments: readonly string[]
    }
  /** `file`: a URL in PXELINUX; in U-Boot, the text that a label passes on. */
  | { readonly kind: 'config'; readonly file: string }
  | { readonly kind: 'disk' }

export type PxelinuxConfig = {
  readonly printed: readonly string[]
  readonly labels: ReadonlyMap<string, PxelinuxOutcome>
  readonly included: readonly string[]
  /** The label that is booted without input, before and after the prompt. */
  readonly first: string
  readonly afterTimeout: string
  readonly hasPrompt: boolean
  /** In units of 100 ms. */
  readonly timeout: number
}

/** @throws {SyntaxError} on anything that this subset does not have */
export function readPxelinux(text: string): PxelinuxConfig {
  const printed: string[] = []
  const included: string[] = []
  const settings = new Map<string, string>()
  const labels = new Map<string, Map<string, string>>()
  let label: Map<string, string> | undefined
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [, word = '', value = ''] =
      /^(\S+)\s*(.*)$/.exec(line.replace(/^menu (title|label)/, 'menu-$1')) ?? []
    const key = word.toLowerCase()
    if (key === 'label') labels.set(value, (label = new Map<string, string>()))
    else if (key === 'say' || key === 'menu-title') printed.push(value)
    else if (key === 'include') {
      included.push(value)
      label = undefined
    } else if (/^(?:default|prompt|timeout|ontimeout)$/.test(key) && label === undefined)
      settings.set(key, value)
    else if (
      /^(?:kernel|linux|initrd|append|localboot|config|pxe|menu-label)$/.test(key) &&
      label !== undefined
    )
      label.set(key, value)
    else throw new SyntaxError(line)
  }
  const first = settings.get('default') ?? ''
  const afterTimeout = settings.get('ontimeout') ?? first
  for (const name of [first, afterTimeout])
    if (!labels.has(name) && included.length === 0) throw new SyntaxError(`no label ${name}`)
  return {
    printed,
    included,
    labels: new Map([...labels].map(([name, given]) => [name, outcomeOf(given)])),
    first,
    afterTimeout,
    hasPrompt: settings.get('prompt') === '1',
    timeout: Number(settings.get('timeout') ?? 0),
  }
}

function outcomeOf(label: ReadonlyMap<string, string>): PxelinuxOutcome {
  const kernel = label.get('kernel') ?? label.get('linux')
  const append = label.get('append') ?? ''
  if (kernel !== undefined) {
    const initrd = label.get('initrd') ?? ''
    return { kind: 'boot', kernel, initrd, arguments: append === '' ? [] : append.split(' ') }
  }
  // PXELINUX loads itself, and then requests the script of the node.
  const file =
    label.get('config') ?? label.get('pxe') ?? (append === 'local' ? undefined : label.get('append'))
  return file === undefined ? { kind: 'disk' } : { kind: 'config', file }
}
