/** The recordings of commands in docs/images, which the README shows: they have what the commands print today. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { checks } from '../src/preflight/checks.ts'
import { preflightCodes } from '../src/preflight/codes.ts'

/** Returns the lines of a drawing. */
function linesOf(name: string): string[] {
  const svg = readFileSync(new URL(`../docs/images/${name}.svg`, import.meta.url), 'utf8')
  return [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text = '']) =>
    text
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&gt;', '>')
      .replaceAll('&lt;', '<')
      .replaceAll('&amp;', '&'),
  )
}

t.test('the README shows the recordings of plan, status, and preflight', (t) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  for (const name of ['plan', 'status', 'preflight']) t.match(readme, `](docs/images/${name}.svg)`)
  t.end()
})

t.test('that of preflight has every check of a site with a load balancer, and the remedies', (t) => {
  const lines = linesOf('preflight')
  const shown = lines.flatMap((line) => /^(?:ok|warning|failure) +(\w+)/.exec(line)?.[1] ?? [])
  const others = ['routers', 'mirrors', 'endpoints', 'bmcs']
  t.same(
    shown,
    checks.map(({ name }) => name).filter((name) => !others.includes(name)),
  )
  const text = lines.join(' ').replaceAll(/ +/g, ' ')
  t.match(text, `-> ${preflightCodes['preflight.image-unverified'].remedy}`)
  t.match(text, `-> ${preflightCodes['preflight.other-dhcp-server'].remedy}`)
  const count = (status: string) => lines.filter((line) => line.startsWith(`${status} `)).length
  t.match(text, `${count('ok')} ok, ${count('warning')} warnings, ${count('failure')} failure`)
  t.end()
})

t.test('those of plan and status have the lines that scripts and users look for', (t) => {
  t.match(linesOf('plan').join('\n'), /^Plan: 1 node to add, 1 to change, 1 to remove\. Other changes: /m)
  t.match(linesOf('status').join('\n'), /^node +role +address +state +now$/m)
  t.end()
})
