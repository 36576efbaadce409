/** The commands that a document shows, in its code blocks without a language, and the site file, in a block of YAML. Pure. */

export type Step = { readonly kind: 'command' | 'site'; readonly text: string }

/** Returns the steps of a document in their order. */
export function stepsOf(markdown: string): Step[] {
  const blocks = markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)
  return [...blocks].flatMap(([, language = '', block = '']): Step[] => {
    if (language === 'yaml' && /^site:/m.test(block)) return [{ kind: 'site', text: block }]
    return language === '' ? commandsOf(block).map((text) => ({ kind: 'command', text })) : []
  })
}

/** Returns the command lines of a block, without comments; a backslash continues a line. */
function commandsOf(block: string): string[] {
  return block
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '')
}
