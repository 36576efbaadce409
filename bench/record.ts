/**
 * The file with the recorded results: one part for each kind of machine and selection of works, so that a new run replaces only
 * what it measured again. Pure.
 */

/** `quiet`: without other programs. `busy`: beside other programs that use the cores. */
export const machineKinds = ['quiet', 'busy'] as const
export type MachineKind = (typeof machineKinds)[number]

const head = `\
# Results of \`npm run bench\`

Written by \`npm run bench -- --record quiet\` and \`--record busy\`; do not edit. A ratio above 1 means that slipway is better:
that many times the rate, or the time divided by that number. docs/decisions/0027-performance.md explains what limits
slipway, and what native code would gain.
`

export type Record = {
  readonly kind: MachineKind
  /** The works that were selected; empty if all were measured. */
  readonly works: readonly string[]
  /** Markdown with headings from level 2 on. */
  readonly text: string
}

/**
 * Returns the document with a new part. It replaces the parts of its kind of machine whose works were all measured again: a run of
 * all works replaces all parts.
 */
export function withRecord(document: string, record: Record): string {
  const part = { mark: markOf(record), text: partOf(record) }
  const isReplaced = (mark: string): boolean => {
    const [kind, ...works] = mark.split(' ')
    if (kind !== record.kind) return false
    return (
      record.works.length === 0 || (works.length > 0 && works.every((work) => record.works.includes(work)))
    )
  }
  const kept = recordedParts(document).filter(({ mark }) => !isReplaced(mark))
  const order = ({ mark }: Part): number => machineKinds.findIndex((kind) => mark.startsWith(kind))
  const parts = [...kept, part].sort((a, b) => order(a) - order(b) || a.mark.localeCompare(b.mark))
  return [head, ...parts.map(({ mark, text }) => `<!-- ${mark} -->\n${text}`)].join('\n')
}

type Part = { readonly mark: string; readonly text: string }

const markOf = ({ kind, works }: Record): string => [kind, ...works].join(' ')

function partOf({ kind, works, text }: Record): string {
  const what = works.length === 0 ? '' : `: ${works.join(', ')}`
  return `\n## On a ${kind} machine${what}\n\n${text.replaceAll(/^##/gm, '###').trim()}\n`
}

function recordedParts(document: string): Part[] {
  const [, ...parts] = document.split(/^<!-- ((?:quiet|busy)[\w -]*) -->\n/m)
  return parts.flatMap((mark, index) =>
    index % 2 === 0 ? [{ mark, text: `${(parts[index + 1] ?? '').trimEnd()}\n` }] : [],
  )
}
