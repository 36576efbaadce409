import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'

/**
 * Words that readers of RFCs and OpenShift documents do not expect, with the plain ones. Keep this list short: it is for
 * the worst of what came back more than once, not for taste.
 */
const words: readonly { readonly word: RegExp; readonly write: string }[] = [
  { word: /\banew\b/gi, write: 'again, restart, reinstall' },
  { word: /\b(?:nobody|somebody|whoever)\b/gi, write: 'the client, the node, an administrator, unknown' },
  { word: /\bmay not\b/gi, write: 'cannot, must not' },
  { word: /(?<!\bthere )\b(?:is|are) no\b(?! longer| more)/gi, write: 'is not a' },
  { word: /\b(?:come|came|comes) so far\b/gi, write: 'reached' },
  { word: /\bin vain\b/gi, write: 'without success' },
  { word: /\bby way of\b/gi, write: 'through' },
  { word: /\ball the same\b/gi, write: 'anyway' },
  { word: /\bgo(?:es)? on\b/gi, write: 'continue, resume' },
  {
    word: /\b(?:hearsay|farewell|sightings?|verdicts?)\b/gi,
    write: 'report, drain, last seen, result',
  },
  { word: /\btak(?:e|es|en) over\b/gi, write: 'apply, accept' },
  { word: /[\u2018\u2019\u201c\u201d]/g, write: 'straight quotes and apostrophes' },
]

const root = new URL('../', import.meta.url)
const capsFile = new URL('fixtures/words.json', import.meta.url)

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}${file}`)
}

const files = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs/', '.md'),
  ...filesBelow('config/', '.yaml'),
  ...filesBelow('src/', '.ts'),
]

t.test('the number of listed words does not grow (UPDATE=1 lowers the caps)', (t) => {
  const caps = JSON.parse(readFileSync(capsFile, 'utf8')) as Record<string, number>
  const texts = files.map((file) => ({ file, lines: readFileSync(new URL(file, root), 'utf8').split('\n') }))
  const counts: Record<string, number> = {}
  for (const { word, write } of words) {
    const found = texts.flatMap(({ file, lines }) =>
      lines.flatMap((line, index) => (line.match(word) ?? []).map((hit) => `${file}:${index + 1}: ${hit}`)),
    )
    const cap = caps[word.source] ?? 0
    if (found.length > 0) counts[word.source] = Math.min(found.length, cap)
    t.ok(found.length <= cap, `write: ${write}. At most ${cap} of:\n${found.join('\n')}`)
  }
  if (process.env['UPDATE'] === '1') writeFileSync(capsFile, `${JSON.stringify(counts, undefined, 2)}\n`)
  t.end()
})
