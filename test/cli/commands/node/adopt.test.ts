import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { ExitCode, UsageError } from '../../../../src/cli/command.ts'
import { node } from '../../../../src/cli/commands/node/node.ts'
import { adopt } from '../../../../src/cli/commands/node/adopt.ts'
import { siteFolder, sitePath, siteText } from '../../../support/site-folder.ts'
import { keptTerminal } from '../../../support/terminal.ts'

const w2 = ['0000.5e00.5377', '--name', 'w2', '--role', 'worker', '--address', '192.0.2.22']

t.test('--json prints the position of the node and whether it was written', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  const json = async (...args: string[]): Promise<unknown> => {
    const terminal = keptTerminal()
    t.equal(await node.run(['adopt', path, ...w2, '--json', ...args], terminal), ExitCode.fine)
    return JSON.parse(terminal.outLines.join('\n'))
  }
  const position = { node: 'c1/w2', file: path, line: 17 }
  t.same(await json('--dry-run'), { ...position, isWritten: false })
  t.same(await json(), { ...position, isWritten: true })
  t.same(await json(), { ...position, isWritten: false }, 'it is declared already')
})

t.test('writes a node into the file, keeps the mode of the file, and prints the line', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  await chmod(path, 0o640)
  const terminal = keptTerminal()
  t.equal(await node.run(['adopt', path, ...w2], terminal), ExitCode.fine)
  t.same(terminal.outLines, [`${path}:17: c1/w2 is declared; run "slipway reload" to serve it`])
  const entry = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:77", address: 192.0.2.22 }'
  t.equal(await readFile(path, 'utf8'), `${siteText()}${entry}\n`)
  t.equal((await stat(path)).mode & 0o777, 0o640)
})

t.test('a node with several MAC addresses gets a list of them', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  const terminal = keptTerminal()
  const several = ['0000.5e00.5378', ...w2]
  for (const kind of ['', 'already ']) {
    t.equal(await adopt([path, ...several], terminal), ExitCode.fine)
    t.match(terminal.outLines.at(-1), `c1/w2 is ${kind}declared`)
  }
  t.match(await readFile(path, 'utf8'), 'mac: [00:00:5e:00:53:78, 00:00:5e:00:53:77]')
})

t.test('--disk writes the disk, and one that cannot be found out is exit code 1', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  const terminal = keptTerminal()
  const disk = (text: string) => adopt([path, ...w2, '--disk', text, '--control', '/nonexistent'], terminal)
  t.equal(await disk('reported'), ExitCode.problems)
  t.match(terminal.errLines.at(-1), /slipway/)
  t.equal(await readFile(path, 'utf8'), siteText())
  t.equal(await disk('serialNumber=S1'), ExitCode.fine)
  t.match(await readFile(path, 'utf8'), 'address: 192.0.2.22, disk: { serialNumber: "S1" } }')
})

t.test('--dry-run prints the change in the format of patch', async (t) => {
  const path = sitePath(t.testdir(siteFolder(siteText(undefined, '\nhosts: []\n'))))
  const terminal = keptTerminal()
  t.equal(await adopt([path, ...w2, '--dry-run', '--cluster', 'c1'], terminal), ExitCode.fine)
  t.same(terminal.outLines, [
    `--- ${path}`,
    `+++ ${path}`,
    '@@ -14,5 +14,6 @@',
    '     nodes:',
    '       - { name: m1, role: master, mac: "00:00:5e:00:53:01", address: 192.0.2.11 }',
    '       - { name: w1, role: worker, mac: "00:00:5e:00:53:02", address: 192.0.2.21 }',
    '+      - { name: w2, role: worker, mac: "00:00:5e:00:53:77", address: 192.0.2.22 }',
    ' ',
    ' hosts: []',
  ])
  t.equal(await readFile(path, 'utf8'), siteText(undefined, '\nhosts: []\n'))
})

t.test('a change that would cause errors is not written', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  const refused = async (args: readonly string[]) => {
    const terminal = keptTerminal()
    t.equal(await adopt(args, terminal), ExitCode.problems)
    t.same(terminal.outLines, [])
    return terminal.errLines
  }
  t.match(await refused([path, ...w2.map((word) => word.replace('.22', '.21'))]), [
    /^.*site.yaml:17:\d+ c1\/w2 address: got 192.0.2.21, expected a unique address: w1/,
    'slipway node adopt: the site file would have errors; nothing was written: correct the lines above and run the command again',
  ])
  t.same(await refused([path, ...w2, '--cluster', 'c2']), [
    'slipway node adopt: the site has no cluster c2, only c1',
  ])
  t.equal(await readFile(path, 'utf8'), siteText())
  const broken = sitePath(t.testdir(siteFolder(siteText().replace('site: lab', 'site: _'))))
  t.equal(
    (await refused([broken, ...w2])).at(-1),
    'slipway node adopt: the site file has errors; nothing was written: correct the lines above and run the command again',
  )
  t.match(await refused([join(t.testdirName, 'none.yaml'), ...w2]), [
    /^slipway node adopt: there is no site file /,
  ])
})

t.test('a repeated or concurrent adoption loses nothing', async (t) => {
  const path = sitePath(t.testdir(siteFolder()))
  const terminal = keptTerminal()
  const w3 = w2.map((word) => word.replace('5377', '5378').replace('w2', 'w3').replace('.22', '.23'))
  t.same(await Promise.all([adopt([path, ...w2], terminal), adopt([path, ...w3], terminal)]), [0, 0])
  const text = await readFile(path, 'utf8')
  t.match(text, /name: w2,[^]*name: w3,|name: w3,[^]*name: w2,/)
  t.equal(await adopt([path, ...w2], terminal), ExitCode.fine)
  t.match(terminal.outLines.at(-1), /site\.yaml:1[78]: c1\/w2 is already declared$/)
  t.equal(await readFile(path, 'utf8'), text)
  t.same(
    (await readdir(dirname(path))).filter((name) => name.startsWith('.site')),
    [],
  )
})

t.test('a file that cannot be replaced stays', async (t) => {
  const terminal = keptTerminal()
  t.equal(await adopt(['/proc/self/none.yaml', ...w2], terminal), ExitCode.problems)
  const dir = t.testdir({ real: siteFolder() })
  const path = join(dir, 'real', 'site.yaml')
  const taken = join(dir, 'real', `.site.yaml.${process.pid}.new`)
  t.testdir({ real: { ...siteFolder(), [`.site.yaml.${process.pid}.new`]: {} } })
  t.equal(await adopt([path, ...w2], terminal), ExitCode.problems)
  t.match(terminal.errLines.at(-1), /^slipway node adopt: cannot write the site file .*EISDIR/)
  t.equal((await stat(taken)).isDirectory(), true)
})

const misuses: { args: readonly string[]; message: string }[] = [
  { args: [], message: 'expected a MAC address' },
  { args: ['site.yaml', 'x', '--name', 'w2'], message: '"x" is not a MAC address' },
  { args: ['site.yaml', '00005e005377'], message: '--name is missing' },
  {
    args: ['site.yaml', '00005e005377', '--name', 'w2'],
    message: '--role is missing; for a machine of a group, use --group',
  },
  {
    args: ['site.yaml', '00005e005377', '--name', 'w2', '--role', 'wroker'],
    message:
      '--role: expected one of bootstrap, master, arbiter, single, worker, infra, not "wroker" (did you mean worker?)',
  },
  {
    args: ['site.yaml', '00005e005377', '--name', 'w2', '--role', 'dishwasher'],
    message: '--role: expected one of bootstrap, master, arbiter, single, worker, infra, not "dishwasher"',
  },
  { args: w2.slice(0, 5), message: '--address is missing' },
  { args: ['site.yaml', ...w2.slice(0, 5)], message: '--address is missing' },
  { args: ['site.yaml', ...w2, '--address', '192.0.2.300'], message: '"192.0.2.300" is not an IP address' },
]
for (const { args, message } of misuses) {
  t.test(`misuse: ${message} (${args.length} words)`, async (t) => {
    await t.rejects(adopt(args, keptTerminal()), new UsageError(message))
  })
}
