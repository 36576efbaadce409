/** Checks of a simulated boot: kernel arguments, Ignition files, ends of a boot, and the source address. */
import { createHash } from 'node:crypto'
import type { NetworkInterfaceInfo } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { NodeModel } from '../../src/plan/model.ts'
import { openDiskFiles } from '../../src/simulate/machine.ts'
import { checkEnding } from '../../src/simulate/boot-result.ts'
import { wrapIgnition } from '../../src/plan/ignition/document.ts'
import { mergedFile, readIgnition, readInstallation } from '../../src/simulate/installer.ts'
import { cannotBind } from '../../src/host/cannot-listen.ts'
import { bindProblem, chooseSource } from '../../src/cli/commands/simulate.ts'
import { exampleModel, found, missing } from '../support/model.ts'

const model = exampleModel()
const m1: NodeModel = {
  ...(model.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel),
  kernelArguments: ['console=ttyS0'],
}
const live = [
  'initrd=main',
  'ip=dhcp',
  'console=ttyS0',
  'coreos.live.rootfs_url=http://192.0.2.2/rootfs',
  'coreos.inst.install_dev=/dev/sda',
  'coreos.inst.ignition_url=http://192.0.2.2/m1.ign',
]
const read = (given: readonly string[], initrd = 'main', node = m1) =>
  readInstallation(
    { url: 'http://192.0.2.2/kernel', name: 'kernel', arguments: given },
    [{ url: 'http://192.0.2.2/initramfs', name: initrd, arguments: [] }],
    node,
  )
const without = (name: string) => live.filter((argument) => !argument.startsWith(name))

t.test('kernel arguments of both styles are read', (t) => {
  const ignitionUrl = 'http://192.0.2.2/m1.ign'
  const system = { kind: 'rootfs', url: 'http://192.0.2.2/rootfs' }
  t.same(read(live), { kind: 'coreos', system, ignitionUrl, disk: '/dev/sda' })
  const installer = [
    ...without('coreos.live').map((argument) => argument.replace('/dev/sda', 'sda')),
    'coreos.inst.image_url=http://192.0.2.2/metal',
  ]
  t.same(read(installer), {
    kind: 'coreos',
    system: { kind: 'metal', url: 'http://192.0.2.2/metal' },
    ignitionUrl,
    disk: 'sda',
  })
  t.end()
})

const look = '; check ocp45/m1 in the site file, and its boot script'

t.test('a single node has Ignition arguments for its live system, and none for an installer', (t) => {
  const node: NodeModel = { ...m1, ignition: 'single' }
  const ignitionUrl = 'http://192.0.2.2/m1.ign'
  const single = [
    ...without('coreos.inst'),
    'ignition.firstboot',
    'ignition.platform.id=metal',
    `ignition.config.url=${ignitionUrl}`,
  ]
  const system = { kind: 'rootfs', url: 'http://192.0.2.2/rootfs' }
  t.same(read(single, 'main', node), { kind: 'coreos', system, ignitionUrl, disk: '/dev/sda' })
  const refused = (given: readonly string[], problem: string) =>
    t.throws(() => read(given, 'main', node), { message: `expected ${problem}${look}` })
  for (const name of ['ignition.platform.id', 'ignition.config.url', 'coreos.live.rootfs_url']) {
    const given = single.filter((argument) => !argument.startsWith(name))
    refused(given, `${name}= among the kernel arguments; got ${given.join(' ')}`)
  }
  const later = single.filter((argument) => argument !== 'ignition.firstboot')
  refused(later, `ignition.firstboot among the kernel arguments; got ${later.join(' ')}`)
  const both = [...single, 'coreos.inst.install_dev=/dev/sda']
  refused(both, `no coreos.inst.*: a single node bootstraps itself, then installs; got ${both.join(' ')}`)
  t.end()
})

const refusals: { name: string; given: readonly string[]; initrd?: string; problem: string }[] = [
  ...['initrd', 'ip', 'coreos.inst.install_dev', 'coreos.inst.ignition_url'].map((name) => ({
    name: `${name} is missing`,
    given: without(`${name}=`),
    problem: `expected ${name}= among the kernel arguments; got ${without(`${name}=`).join(' ')}`,
  })),
  {
    name: 'the system is missing',
    given: without('coreos.live'),
    problem: `expected coreos.inst.image_url= among the kernel arguments; got ${without('coreos.live').join(' ')}`,
  },
  {
    name: 'the initrd has another name',
    given: live,
    initrd: 'other',
    problem: 'expected an initrd named main; got other',
  },
  {
    name: 'an argument of the site is missing',
    given: without('console'),
    problem: `expected console=ttyS0 among the kernel arguments; got ${without('console').join(' ')}`,
  },
  {
    name: 'another disk',
    given: live.map((argument) => argument.replace('/dev/sda', '/dev/sdb')),
    problem: 'expected coreos.inst.install_dev=/dev/sda; got /dev/sdb',
  },
]
for (const { name, given, initrd, problem } of refusals) {
  t.test(`kernel arguments refused: ${name}`, (t) => {
    t.throws(() => read(given, initrd), { name: 'BootProblem', message: problem + look })
    t.end()
  })
}

t.test('a kernel without any initrd is refused', (t) => {
  const kernel = { url: 'http://192.0.2.2/kernel', name: 'kernel', arguments: live }
  t.throws(() => readInstallation(kernel, [], m1), {
    message: `expected an initrd named main; got none${look}`,
  })
  t.end()
})

t.test("a wrapper contains the role's file", (t) => {
  const role = Buffer.from('{"ignition":{"version":"3.4.0"}}')
  const sha256 = createHash('sha256').update(role).digest('hex')
  t.same(mergedFile(wrapIgnition(role, '3.4.0', { files: [] }), 'u'), { octets: role.length, sha256 })
  const elsewhere = JSON.stringify({
    ignition: { config: { merge: [{ source: 'http://192.0.2.2/m1.ign' }] } },
  })
  const cases: [text: string, actual: string][] = [
    [elsewhere, 'one from http://192.0.2.2/m1.ign'],
    [role.toString(), 'none'],
    ['null', 'none'],
    ['<html>', 'none'],
  ]
  for (const [text, actual] of cases) {
    t.throws(
      () => mergedFile(text, 'u'),
      {
        message: `expected a configuration to merge in the file from u; got ${actual}; check files, hostname, and networkKeyfiles of the node in the site file`,
      },
      text,
    )
  }
  t.end()
})

t.test('an Ignition file has a version that installers read', (t) => {
  t.equal(readIgnition('{"ignition":{"version":"3.4.0"}}', 'u'), '3.4.0')
  t.equal(readIgnition('{"ignition":{"version":"2.2.0"}}', 'u'), '2.2.0')
  const problem = (got: string) =>
    `expected an Ignition file with a version 2.x or 3.x from u; got ${got}; ` +
    'check the directory of the key ignition in the site file'
  t.throws(() => readIgnition('{"ignition":{"version":"4.0.0"}}', 'u'), { message: problem('"4.0.0"') })
  t.throws(() => readIgnition('null', 'u'), { message: problem('a file without ignition.version') })
  t.throws(() => readIgnition('<html>', 'u'), { message: problem('"text that is not JSON"') })
  t.end()
})

t.test('a boot ends as the site declares', (t) => {
  const local = { kind: 'local', command: 'exit' } as const
  const waits = { kind: 'waits', command: 'menu' } as const
  const menu = (entry: NodeModel['menu']['default'], timeoutSeconds = 30): NodeModel => ({
    ...m1,
    boot: 'menu',
    menu: { default: entry, timeoutSeconds },
  })
  t.equal(checkEnding(local, { ...m1, boot: 'local' }), 'boots from its local disk')
  t.equal(checkEnding(local, menu('local')), 'boots from its local disk')
  t.equal(checkEnding(waits, menu('local', 0)), 'waits in its menu')
  t.equal(checkEnding({ kind: 'waits', command: 'shell' }, menu('shell')), 'waits in the iPXE shell')
  t.equal(checkEnding({ kind: 'restarts', command: 'reboot' }, menu('reboot')), 'restarts')
  t.equal(checkEnding(local, m1), 'boots from its local disk, because it is not armed')
  t.throws(() => checkEnding(waits, m1), {
    message: 'expected an installation to /dev/sda; got a script that ends with menu; check boot of ocp45/m1',
  })
  t.throws(() => checkEnding(waits, menu('master')), {
    message:
      'expected an installation to /dev/sda as master; got a script that ends with menu; check boot of ocp45/m1',
  })
  t.end()
})

t.test('a download is compared with the file, which is read once', async (t) => {
  const folder = t.testdir({ 'x.ign': 'abc' })
  const path = join(folder, 'x.ign')
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' // FIPS 180-4, example
  const disk = openDiskFiles()
  const sent = { octets: 3, sha256: abc }
  await disk.compare(sent, found(path, 3))
  await disk.compare(sent, found(path, 3))
  await t.rejects(disk.compare({ ...sent, sha256: 'other' }, found(path, 3)), {
    message:
      `expected the content of ${path} (3 bytes, sha256 ${abc}); got 3 bytes, sha256 other; ` +
      'check whether the file was replaced since the site was loaded',
  })
  await t.rejects(disk.compare(sent, found(join(folder, 'gone'), 3)), { message: /got ENOENT/ })
  const look = 'expected a file of the site; got a file that the site does not name; check '
  await t.rejects(disk.compare(sent, missing('/x', '/x is not there')), { message: `${look}/x is not there` })
  await t.rejects(disk.compare(sent, undefined), { message: `${look}the site file` })
})

t.test('the source address is that of the server, else one in the network of the nodes', (t) => {
  const { site } = model
  const at = (...addresses: string[]) => ({
    eth0: addresses.map((address) => ({ family: 'IPv4', address }) as NetworkInterfaceInfo),
    gone: undefined,
    eth1: [{ family: 'IPv6', address: '2001:db8::1' } as NetworkInterfaceInfo],
  })
  t.equal(chooseSource(site, at('192.0.2.77', '192.0.2.2')), '192.0.2.2')
  t.equal(chooseSource(site, at('198.51.100.1', '192.0.2.77')), '192.0.2.77')
  t.equal(chooseSource(site, at('198.51.100.1')), undefined)
  const loopback = exampleModel({
    site: 'x',
    subnets: [{ cidr: '192.0.2.0/24', gateway: '192.0.2.1' }],
    images: {},
    clusters: [],
    server: { address: '127.0.0.5' },
  })
  t.equal(chooseSource(loopback.site, at()), '127.0.0.5')
  t.end()
})

t.test('without root, the simulation asks for sudo', (t) => {
  const wanted = { transport: 'udp', address: '0.0.0.0', port: 68 } as const
  const forbidden = Object.assign(new Error('bind EACCES'), { code: 'EACCES' })
  t.equal(bindProblem(cannotBind(wanted, forbidden)), 'binding port 68 needs root: run it with sudo')
  const absent = Object.assign(new Error('bind EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' })
  t.equal(
    bindProblem(cannotBind(wanted, absent), '10.1.0.1'),
    '--relay: no interface of this machine has the address 10.1.0.1; add it to one, or name another address',
  )
  const taken = Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' })
  t.match(
    bindProblem(cannotBind(wanted, taken)),
    /^cannot listen on udp 0\.0\.0\.0:68: another process uses the port/,
  )
  t.end()
})
