/** The units in systemd/ fit the program, and systemd understands them. */
import { spawnSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t from 'tap'

const root = new URL('../../', import.meta.url).pathname
const folder = join(root, 'systemd')
const names = await readdir(folder)
const units = new Map(
  await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
)

/** All values of a setting, in the order in which they stand. */
const settings = (unit: string, key: string) =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] as string)

async function sources(path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { recursive: true })
  return Promise.all(
    entries.filter((name) => name.endsWith('.ts')).map((name) => readFile(join(root, path, name), 'utf8')),
  )
}

t.test(
  'every socket has a name that a service requests, and each service but the API has a socket unit',
  async (t) => {
    const asked = (await sources('src/serve')).flatMap((text) =>
      [...text.matchAll(/\bsockets\s*\.(?:udp|tcp)\(\s*'(\w+)'/g)].map((match) => match[1]),
    )
    // The API binds its own port, which needs no privilege and which the site file chooses.
    const withoutUnit = ['api']
    const passed = [...units.values()].flatMap((unit) => settings(unit, 'FileDescriptorName'))
    t.same([...passed, ...withoutUnit].toSorted(), [...new Set(asked)].toSorted())
    t.same(passed.toSorted(), [
      'dhcp',
      'dhcp6',
      'dns',
      'dns6',
      'http',
      'http6',
      'proxydhcp',
      'syslog',
      'syslog6',
      'tftp',
      'tftp6',
    ])
  },
)

const sockets = [
  { unit: 'slipway-dhcp.socket', datagram: ['0.0.0.0:67'], stream: [] },
  { unit: 'slipway-proxydhcp@.socket', datagram: ['%i:4011'], stream: [] },
  { unit: 'slipway-tftp@.socket', datagram: ['%i:69'], stream: [] },
  { unit: 'slipway-dns@.socket', datagram: ['%i:53'], stream: ['%i:53'] },
  { unit: 'slipway-http@.socket', datagram: [], stream: ['%i:80'] },
  { unit: 'slipway-http6.socket', datagram: [], stream: ['[2001:db8::101]:80'] },
  { unit: 'slipway-tftp6.socket', datagram: ['[2001:db8::101]:69'], stream: [] },
  { unit: 'slipway-dns6.socket', datagram: ['[2001:db8::101]:53'], stream: ['[2001:db8::101]:53'] },
  { unit: 'slipway-syslog@.socket', datagram: ['%i:514'], stream: ['%i:514'] },
  { unit: 'slipway-syslog6.socket', datagram: ['[2001:db8::101]:514'], stream: ['[2001:db8::101]:514'] },
  { unit: 'slipway-dhcp6.socket', datagram: ['[::]:547'], stream: [] },
]

for (const { unit, datagram, stream } of sockets) {
  t.test(`${unit} belongs to the service, which accepts at most one stream socket`, (t) => {
    const text = units.get(unit)!
    t.same(settings(text, 'ListenDatagram'), datagram)
    t.same(settings(text, 'ListenStream'), stream)
    t.same(settings(text, 'Service'), ['slipway.service'])
    t.end()
  })
}

t.test('the service runs the installed program, without privileges', async (t) => {
  const service = units.get('slipway.service')!
  const [command = ''] = settings(service, 'ExecStart')
  const [program, ...rest] = command.split(' ')
  t.equal(program, '/usr/bin/slipway')
  t.match(await readFile(join(root, 'bin/slipway'), 'utf8'), /bin\/slipway\.js/, 'a link to bin/slipway')
  t.match(await readFile(join(root, 'src/cli/registry.ts'), 'utf8'), /'serve'/)
  t.same(rest, ['serve', '/etc/slipway/site.yaml'])
  t.same(settings(service, 'CapabilityBoundingSet'), [''])
  t.same(settings(service, 'User'), ['slipway'])
  t.same(settings(service, 'NotifyAccess'), ['all'], 'systemd-notify is a child process')
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

t.test(
  'systemd accepts all units',
  { skip: !hasSystemd && 'systemd-analyze is not installed' },
  async (t) => {
    const directory = t.testdir()
    const paths = await Promise.all(
      [...units]
        .filter(([name]) => !/\.(?:conf|container)$/.test(name))
        .map(async ([name, text]) => {
          const path = join(directory, name.replace('@.', '@192.0.2.1.'))
          // The programs are not installed here.
          await writeFile(path, text.replaceAll(/^(Exec\w+=).*$/gm, '$1/bin/true'))
          return path
        }),
    )
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' })
    const complaints = stderr
      .split('\n')
      .filter((line) => paths.some((path) => line.includes(basename(path))))
    t.same(complaints, [])
  },
)

t.test(
  'both services have an exposure of at most 1.5',
  { skip: !hasSystemd && 'systemd-analyze is not installed' },
  async (t) => {
    const directory = t.testdir()
    for (const name of ['slipway.service', 'slipway-haproxy.service']) {
      const path = join(directory, name)
      await writeFile(path, units.get(name)!)
      const args = ['security', '--offline=true', '--no-pager', path]
      const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
      t.ok(exposure <= 1.5, `${name}: ${exposure}`)
    }
  },
)

t.test('the service has limits, a watchdog, and a private state directory', (t) => {
  const service = units.get('slipway.service')!
  t.same(settings(service, 'MemoryMax'), ['2G'])
  t.same(settings(service, 'TasksMax'), ['128'])
  t.same(settings(service, 'WatchdogSec'), ['60'])
  t.same(settings(service, 'StateDirectoryMode'), ['0750'])
  t.match(settings(service, 'After'), [/time-sync\.target/])
  for (const [name, text] of units) {
    if (name.endsWith('.socket') && text.includes('ListenDatagram=')) t.match(text, /^SendBuffer=4M$/m, name)
  }
  t.end()
})
