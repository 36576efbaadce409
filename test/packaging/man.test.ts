import t from 'tap'
import { manPage } from '../../packaging/man.ts'
import { commandGroups } from '../../src/cli/registry.ts'

const time = '2026-11-29T00:00:00Z'

t.test('every command has a page with its usage and options', async (t) => {
  for (const { name, summary, load } of Object.values(commandGroups).flat()) {
    const { help, helps } = await load()
    const page = manPage([{ name, summary, help, ...(helps === undefined ? {} : { helps }) }], time)
    t.equal(page.name, `slipway-${name}`)
    for (const heading of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXIT STATUS', 'EXAMPLES']) {
      t.match(page.text, `.SH ${heading}\n`, `${name}: ${heading}`)
    }
    t.notMatch(page.text, /^[.'](?!TH|SH|SS|PP|TP|B|br|nf|fi)/m, `${name}: text is not a request`)
  }
})

t.test('text that looks like a request is escaped', (t) => {
  const help = { usage: ['x'], about: ["'tis", '.hidden \\ back-end'], exit: [], examples: [] }
  const { text } = manPage([{ name: 'x', summary: 's', help }], time)
  t.match(text, "\\&'tis")
  t.match(text, '\\&.hidden \\e back\\-end')
  t.end()
})

t.test('the overview lists the commands', (t) => {
  const help = { usage: ['x'], about: [], exit: [], examples: [] }
  const { name, text } = manPage(
    [
      { name: 'a', summary: 'A', help },
      { name: 'b', summary: 'B', help },
    ],
    time,
  )
  t.equal(name, 'slipway')
  t.match(text, /slipway\\-a[^]*slipway\\-b/)
  t.end()
})
