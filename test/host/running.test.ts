/** What the pages about operation in docs/ show is what the program has. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const root = new URL('../../', import.meta.url).pathname
const pages = [
  ...['quick-start', 'install', 'images', 'running', 'clusters', 'load-balancer', 'ports', 'dhcp', 'dns'],
  ...['two-appliances', 'troubleshooting'],
]
const texts = await Promise.all(pages.map((page) => readFile(join(root, `docs/${page}.md`), 'utf8')))
const text = texts.join('\n')
const names = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'))
const source = (await Promise.all(names.map((name) => readFile(join(root, 'src', name), 'utf8')))).join('')

t.test('each log line that the pages show is one that the program prints', (t) => {
  const [, block = ''] = /```json\n(.*?)```/s.exec(text) ?? []
  const lines = block
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { service: string; msg: string })
  t.same(
    lines.map((line) => line.service),
    ['dhcp', 'tftp', 'http', 'dns', 'haproxy'],
  )
  for (const { msg } of lines) t.equal(source.includes(`'${msg}'`), true, msg)
  t.end()
})

t.test('the events and sentences that the pages quote are those of the program', (t) => {
  const prose = text.replaceAll(/```.*?```/gs, '')
  const quotes = [...prose.matchAll(/`([^`]+)`/g)].map(([, quote = '']) => quote.replaceAll(/\s+/g, ' '))
  // Words alone: no commands, no paths, no keys with a value.
  const sentences = quotes.filter(
    (quote) =>
      /^[\w'…,]+(?: [\w'…,]+)+$/.test(quote) &&
      !/^(?:slipway|npm|node|git|ip|oc|podman|touch|systemctl|man|apt|dnf) /.test(quote),
  )
  t.ok(sentences.length > 12, sentences.join(', '))
  for (const sentence of sentences) {
    for (const part of sentence.split('…')) t.equal(source.includes(part.trim()), true, sentence)
  }
  t.end()
})

t.test('the units that the pages name are in systemd/, or copies for an interface', async (t) => {
  const named = [
    ...text.matchAll(/\bslipway[a-z0-9-]*(?:@[\d.]+)?\.(?:service|socket|path|(?:sysusers|tmpfiles)\.conf)/g),
  ]
  const units = await readdir(join(root, 'systemd'))
  t.ok(named.length > 5)
  for (const [name] of named) {
    const unit = name.replace(/@[\d.]+\./, '@.').replace(/^slipway-dhcp-ens\d/, 'slipway-dhcp')
    t.equal(units.includes(unit), true, name)
  }
})
