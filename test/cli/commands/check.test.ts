import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { check } from '../../../src/cli/commands/check.ts'
import { UsageError } from '../../../src/cli/command.ts'
import { haproxyFinding } from '../../../src/cli/text/site-summary.ts'
import { bootstrapText, certificate, ignitionText, nodeFile, pointerText } from '../../support/ignition.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

t.test(
  'a valid site prints counts for each service, a line for each node, and the loader of each firmware; exit code 0',
  async (t) => {
    const folder = t.testdir({
      ...siteFolder(),
      ignition: {
        'bootstrap.ign': bootstrapText(),
        'master.ign': pointerText(),
        'worker.ign': ignitionText({}),
      },
    })
    const terminal = keptTerminal()
    t.equal(await check.run([sitePath(folder)], terminal), 0)
    const text = terminal.outLines.map((line) => line.replaceAll(folder, 'FOLDER')).join('\n')
    t.equal(
      text,
      `lab: 2 nodes in 1 cluster, served from 127.0.0.1

  dhcp     2 reservations in 192.0.2.0/24
  tftp     5 loaders
  http     12 boot scripts, 3 Ignition files, 1 image
  dns      14 records in c1.example.net, 2.0.192.in-addr.arpa
  haproxy  not written

  c1/m1  master  00:00:5e:00:53:01  192.0.2.11  m1.c1.example.net  installs rhcos on /dev/sda with master.ign
  c1/w1  worker  00:00:5e:00:53:02  192.0.2.21  w1.c1.example.net  installs rhcos on /dev/sda with worker.ign

  c1  bootstrap.ign  version 3.4.0, made at 2026-11-21 06:00 UTC, valid until 2026-11-22 06:00 UTC
  c1  master.ign     version 3.4.0, first certificate expires at 2036-11-18 06:00 UTC
  c1  worker.ign     version 3.4.0, no certificates

  BIOS (architecture 0)        bios/undionly.kpxe  FOLDER/loaders/undionly.kpxe
  x64 UEFI (6, 7, 9, 15, 16)   efi/snponly.efi     FOLDER/loaders/ipxe.efi
  x64 UEFI, loader: ipxe       efi/ipxe.efi        FOLDER/loaders/ipxe.efi
  arm64 UEFI (10, 11, 18, 19)  arm64/ipxe.efi      FOLDER/loaders/arm64.efi
  arm64 UEFI, loader: snponly  arm64/snponly.efi   FOLDER/loaders/arm64.efi`,
    )
  },
)

t.test('a running cluster provides its Ignition files when a kubeconfig exists', async (t) => {
  const text = siteText().replace('    ignition: ignition\n', '    kubeconfig: kubeconfig\n')
  const folder = t.testdir(siteFolder(text))
  const terminal = keptTerminal()
  t.equal(await check.run([sitePath(folder)], terminal), 0)
  t.match(
    terminal.outLines.join('\n'),
    '  c1  worker.ign  worker-user-data-managed of c1, requested from the cluster when a node installs\n',
  )
  t.match(terminal.errLines, [
    /^$/,
    /^warning: cluster c1: slipway cannot follow this cluster: the kubeconfig .*\/kubeconfig does not exist;/,
  ])
  t.notMatch(terminal.outLines.join('\n'), 'No problems.')
  const colored = { ...keptTerminal(), usesColor: true }
  const errLines: string[] = []
  await check.run([sitePath(folder)], { ...colored, err: (line) => void errLines.push(line) })
  t.match(errLines[1], '\x1b[33mwarning:\x1b[39m cluster c1: ')
})

t.test('a cluster of agents needs neither a disk nor Ignition files', async (t) => {
  const text = siteText().replace('    ignition: ignition\n    disk: /dev/sda\n', '')
  const image = {
    'agent.x86_64-vmlinuz': 'kernel',
    'agent.x86_64-initrd.img': 'initramfs',
    'agent.x86_64-rootfs.img': 'rootfs',
    'agent.x86_64.ipxe': '#!ipxe\nkernel agent.x86_64-vmlinuz initrd=main coreos.live.rootfs_url=x rw\n',
  }
  const terminal = keptTerminal()
  t.equal(await check.run([sitePath(t.testdir({ ...siteFolder(text), image }))], terminal), 0)
  t.match(
    terminal.outLines.join('\n'),
    '  m1.c1.example.net  installs rhcos on the disk that its agent chooses\n',
  )
  t.match(terminal.errLines, [
    /^$/,
    /^warning: cluster c1: files of the agent-based installer run no disk check, so each installation of m1, w1 needs slipway node install: run it, or set wipe: always /,
  ])
})

t.test('a network with another DHCP server is listed separately', async (t) => {
  const text = siteText().replace('/24 }]', '/24, dhcp: proxy }, { cidr: 198.51.100.0/24 }]')
  const host = 'hosts: [{ name: ns1.example.net, address: 198.51.100.3, mac: "00:00:5e:00:53:03" }]\n'
  const terminal = keptTerminal()
  await check.run([sitePath(t.testdir(siteFolder(text + host)))], terminal)
  const line =
    '  dhcp     1 reservation in 198.51.100.0/24; boot files for 2 nodes in 192.0.2.0/24, where another server assigns addresses'
  t.equal(terminal.outLines.includes(line), true)
})

t.test('missing files are listed with their paths and the nodes that need them; exit code 1', async (t) => {
  const folder = t.testdir({ ...siteFolder(), ignition: {} })
  const terminal = keptTerminal()
  t.equal(await check.run([sitePath(folder)], terminal), 1)
  t.match(terminal.errLines.join('\n'), `${folder}/ignition/master.ign`)
  t.match(terminal.errLines.join('\n'), /error: .*needed by c1\/w1/)
})

t.test('an expired Ignition file of a declared bootstrap is an error; exit code 1', async (t) => {
  const bootstrap = '- { name: bs, role: bootstrap, mac: "00:00:5e:00:53:09", address: 192.0.2.9 }\n'
  const old = ignitionText({ storage: { files: [nodeFile('/etc/x', certificate('old-signer'))] } })
  const site = siteText().replace('      - { name: m1', `      ${bootstrap}      - { name: m1`)
  const folder = t.testdir({
    ...siteFolder(site),
    ignition: { 'bootstrap.ign': old, 'master.ign': pointerText(), 'worker.ign': pointerText() },
  })
  const terminal = keptTerminal()
  t.equal(await check.run([sitePath(folder)], terminal), 1)
  t.match(
    terminal.errLines.join('\n'),
    /error: cluster c1: .*bootstrap\.ign was created .* and expired at 2020-01-02/,
  )
  t.match(terminal.errLines[1], /^error: /, 'errors come before warnings')
  const json = keptTerminal()
  await check.run(['--json', sitePath(folder)], json)
  t.match(JSON.parse(json.outLines.join('\n')), {
    ignition: [
      { cluster: 'c1', kind: 'bootstrap', version: '3.4.0', madeAt: Date.UTC(2020, 0, 1) },
      { cluster: 'c1', kind: 'master', firstToExpire: { subject: 'CN=root-ca, OU=openshift' } },
      { cluster: 'c1', kind: 'worker' },
    ],
  })
})

t.test('HAProxy validates the configuration', async (t) => {
  const path = process.env['PATH'] ?? ''
  t.teardown(() => (process.env['PATH'] = path))
  const script = (text: string) => `#!/bin/sh\n${text}\n`
  const folder = t.testdir({
    ...siteFolder(siteText(undefined, 'haproxy: { file: haproxy.cfg }\n')),
    content: { haproxy: script('exit 0') },
    angry: { haproxy: script('echo "[ALERT]    (7) : config : parsing [haproxy.cfg:3] : no." >&2; exit 1') },
  })
  for (const name of ['content', 'angry']) await chmod(join(folder, name, 'haproxy'), 0o755)
  await chmod(join(folder, 'ignition'), 0o700)
  const cases: [where: string, code: number, said: RegExp | undefined][] = [
    ['content', 0, undefined],
    [
      'angry',
      1,
      /^error: haproxy: HAProxy rejects the configuration: config : parsing \[haproxy\.cfg:3\] : no\. \(.*site\.yaml:17:1\)$/m,
    ],
  ]
  for (const [where, code, said] of cases) {
    process.env['PATH'] = `${join(folder, where)}:/usr/bin:/bin`
    const terminal = keptTerminal()
    t.equal(await check.run([sitePath(folder)], terminal), code, where)
    if (said === undefined) t.same(terminal.errLines, [], where)
    else t.match(terminal.errLines.join('\n'), said, where)
  }
})

t.test('without HAProxy a warning says that the configuration was not validated', (t) => {
  t.same(haproxyFinding({ kind: 'missing', reason: 'ENOENT' }), {
    code: 'haproxy.not-validated',
    severity: 'warning',
    about: 'haproxy',
    message: 'HAProxy is not installed on this machine, so its configuration was not validated',
  })
  t.end()
})

t.test('a missing TFTP directory fails the check with its path', async (t) => {
  const site = siteText().replace('tftp: {', 'tftp: { root: own,')
  const folder = t.testdir(siteFolder(site))
  const terminal = keptTerminal()
  t.equal(await check.run([sitePath(folder)], terminal), 1)
  t.match(terminal.errLines.join('\n'), `error: tftp.root: ${folder}/own does not exist`)
})

t.test('prints the ports of TFTP transfers when they are restricted', async (t) => {
  const tftpLine = async (setting: string) => {
    const terminal = keptTerminal()
    const folder = t.testdir(siteFolder(siteText().replace('tftp: {', `tftp: { ${setting},`)))
    await check.run([sitePath(folder)], terminal)
    return terminal.outLines.find((line) => line.startsWith('  tftp'))
  }
  t.equal(await tftpLine('singlePort: true'), '  tftp     5 loaders, all transfers from port 69')
  t.equal(
    await tftpLine('ports: { from: 30000, to: 30099 }'),
    '  tftp     5 loaders, transfers from ports 30000 to 30099',
  )
})

t.test(
  'every error of a site is printed with its position, followed by the number of errors; exit code 1',
  async (t) => {
    const broken = siteText().replace('00:00:5e:00:53:02', '00:00:5e:00:53').replace('disk:', 'disc:')
    const folder = t.testdir(siteFolder(broken))
    const terminal = keptTerminal()
    t.equal(await check.run([sitePath(folder)], terminal), 1)
    t.match(terminal.errLines[0], /site\.yaml:\d+:\d+ c1 disc: /)
    t.match(terminal.errLines.join('\n'), /c1\/w1 mac: got "00:00:5e:00:53"/)
    t.match(terminal.errLines.at(-1), /^\d+ problems$/)
    t.same(terminal.outLines, [])

    const colored = keptTerminal({ usesColor: true })
    await check.run([sitePath(folder)], colored)
    t.match(colored.errLines.join('\n'), /\n +\| +\^/, 'the output shows the line and a caret')
  },
)

t.test('a file that cannot be read is reported in one sentence', async (t) => {
  const folder = t.testdir({ 'binary.yaml': Buffer.from([0xff, 0xfe, 0x00]) })
  const cases: [string, RegExp][] = [
    [join(folder, 'none.yaml'), /^there is no site file /],
    [join(folder, 'binary.yaml'), /binary\.yaml: it is not UTF-8 text$/],
    [folder, /is a directory, not a site file: name the file in it$/],
    [join(folder, 'binary.yaml', 'x'), /^there is no site file /],
  ]
  for (const [path, message] of cases) {
    const terminal = keptTerminal()
    t.equal(await check.run([path], terminal), 1)
    t.match(terminal.errLines.join('\n'), message)
  }
})

t.test('--json prints the same data', async (t) => {
  const folder = t.testdir(siteFolder())
  const terminal = keptTerminal()
  t.equal(await check.run(['--json', sitePath(folder)], terminal), 0)
  t.match(JSON.parse(terminal.outLines.join('\n')), {
    site: 'lab',
    nodes: [{ key: 'c1/m1', address: '192.0.2.11' }, { key: 'c1/w1' }],
    loaders: { 'efi/snponly.efi': join(folder, 'loaders/ipxe.efi') },
    findings: [],
  })
  const missing = keptTerminal()
  const path = sitePath(t.testdir({ ...siteFolder(), image: {} }))
  t.equal(await check.run(['--json', path], missing), 1)
  t.match(JSON.parse(missing.outLines.join('\n')), {
    findings: [{ about: 'image rhcos', line: 5, column: 11 }],
  })
  const broken = keptTerminal()
  t.equal(await check.run(['--json', join(folder, 'none.yaml')], broken), 1)
  t.match(JSON.parse(broken.outLines.join('\n')), {
    unreadable: /^there is no site file /,
    code: 'site.unreadable',
  })
})

t.test('expects one site file', async (t) => {
  await t.rejects(
    check.run(['--site', 'a', 'b'], keptTerminal()),
    new UsageError('two site files: --site a and b'),
  )
  await t.rejects(check.run(['a', 'b'], keptTerminal()), new UsageError('expected one site file'))
})
