/** The file with the recorded results: one part for each kind of machine, so that a new run replaces only its own. Pure. */

/** `quiet`: without other programs. `busy`: beside other programs that use the cores. */
export const machineKinds = ['quiet', 'busy'] as const
export type MachineKind = (typeof machineKinds)[number]

const head = `\
# Results of \`npm run bench\`

Written by \`npm run bench -- --record quiet\` and \`--record busy\`; do not edit. A ratio above 1 means that slipway is better:
that many times the rate, or the time divided by that number. docs/decisions/0027-performance.md explains what limits
slipway, and what native code would gain.
`

const mark = (kind: MachineKind): string => `<!-- ${kind} -->\n`

/**
 * Returns the document with a new part for a kind of machine.
 *
 * @param text Markdown with headings from level 2 on
 */
export function withRecord(document: string, kind: MachineKind, text: string): string {
  const parts = machineKinds.flatMap((each) => {
    const part = each === kind ? partOf(each, text) : recordedPart(document, each)
    return part === undefined ? [] : [`${mark(each)}${part}`]
  })
  return [head, ...parts].join('\n')
}

function partOf(kind: MachineKind, text: string): string {
  return `\n## On a ${kind} machine\n\n${text.replaceAll(/^##/gm, '###').trim()}\n`
}

function recordedPart(document: string, kind: MachineKind): string | undefined {
  const start = document.indexOf(mark(kind))
  if (start === -1) return undefined
  const from = start + mark(kind).length
  const next = document.indexOf('<!-- ', from)
  return `${document.slice(from, next === -1 ? undefined : next).trimEnd()}\n`
}
