import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { importSite } from '../../../src/cli/commands/import.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { loadSite } from '../../../src/site/load.ts'
import { keptTerminal } from '../../support/terminal.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/import/${name}`, import.meta.url))

async function run(...args: readonly string[]) {
  const terminal = keptTerminal()
  const code = await importSite.run(args, terminal)
  return { code, out: terminal.outLines.join('\n'), err: terminal.errLines }
}

t.test('files of several programs become a valid site file, and the rest is listed', async (t) => {
  const output = join(t.testdir(), 'site.yaml')
  const files = ['dhcpd.conf', 'db.example.com', 'haproxy.cfg'].map(fixture)
  const { code, out, err } = await run('--output', output, ...files)
  t.equal(code, 0)
  t.equal(out, '')
  t.equal(loadSite(readFileSync(output, 'utf8'), output).kind, 'site')
  t.match(err, [/^Not imported \(11 items\):$/, /^ {2}.*db\.example\.com|dhcpd\.conf:\d+: /])
  t.equal(err.at(-1), `next: slipway check ${output}`)
  const again = await run('--output', output, ...files)
  t.match(again, {
    code: 1,
    err: [`slipway import: ${output} exists and is not overwritten: name another file with --output`],
  })
})

t.test('a site file that lacks values is written, and each missing key has its position', async (t) => {
  const output = join(t.testdir(), 'site.yaml')
  const { code, err } = await run('zone', fixture('db.example.com'), '--output', output)
  t.equal(code, 1)
  t.match(
    err.join('\n'),
    `Fill in or correct:\n  ${output}:8:9 server.address: missing: address of this machine`,
  )
  t.equal(err.at(-1), `next: edit ${output}, then run: slipway check ${output}`)
})

t.test('without an output file, the site file is standard output', async (t) => {
  const { code, out, err } = await run(fixture('helpernode.yaml'))
  t.equal(code, 0)
  t.match(out, /^site: ocp4$/m)
  t.equal(err.at(-1), 'next: run the command again with --output site.yaml')
  const json = await run('--json', fixture('netbox-interfaces.json'))
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), {
    site: /^# yaml-language-server/,
    notes: [],
    problems: [{ path: 'subnets' }],
  })
})

t.test('a file that cannot be imported has a reason and a next step', async (t) => {
  const folder = t.testdir({ unknown: 'hello world\n', broken: 'subnet 192.0.2.0 netmask 255.255.255.0 {\n' })
  const cases: readonly (readonly [args: string[], message: RegExp])[] = [
    [[join(folder, 'none')], /none: it does not exist; check the path$/],
    [[folder], /is a directory: name the files in it$/],
    [
      ['dnsmask', join(folder, 'none')],
      /dnsmask: it does not exist; check the path \(did you mean dnsmasq\?\)$/,
    ],
    [[join(folder, 'unknown')], /is not of a known kind: name it before the file, one of libvirt, kea/],
    [
      [join(folder, 'broken')],
      /broken:1: this \{ is never closed; correct it, or name the kind if dhcpd is wrong$/,
    ],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await run(...args)
    t.equal(code, 1)
    t.equal(out, '')
    t.match(err[0], message)
  }
  await t.rejects(run(), {
    name: 'UsageError',
    message: /^expected at least one file, after an optional kind \(libvirt, kea, maas, .+\), or --bmc$/,
  })
  await t.rejects(run('zone'), UsageError)
})
