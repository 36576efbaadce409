/** What docs/running.md shows is what the program has. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const root = new URL('../../', import.meta.url).pathname
const text = await readFile(join(root, 'docs/running.md'), 'utf8')

t.test('its log lines are lines of the program, one for each service', async (t) => {
  const [, block = ''] = /```json\n(.*?)```/s.exec(text) ?? []
  const lines = block
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { service: string; msg: string })
  t.same(
    lines.map((line) => line.service),
    ['dhcp', 'tftp', 'http', 'dns', 'haproxy'],
  )
  const names = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'))
  const source = (await Promise.all(names.map((name) => readFile(join(root, 'src', name), 'utf8')))).join('')
  for (const { msg } of lines) t.equal(source.includes(`'${msg}'`), true, msg)
})

t.test('its units are the units in systemd/', async (t) => {
  const named = [...text.matchAll(/\bslipway[a-z0-9-]*(?:@[\d.]+)?\.(?:service|socket|path|sysusers\.conf)/g)]
  const units = new Set(named.map(([name]) => name.replace(/@[\d.]+\./, '@.')))
  // The copy that a second interface needs.
  units.delete('slipway-dhcp-ens5.socket')
  t.same([...units].toSorted(), (await readdir(join(root, 'systemd'))).toSorted())
})
