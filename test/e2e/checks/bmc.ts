/**
 * The emulator of sushy-tools as the BMC of a virtual machine with OVMF in a real libvirtd: `slipway node install --power` installs it
 * by PXE from slipway on the same host, until it is Ready. The simulator of OpenIPMI as a BMC without Redfish.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { createNamespaces } from '../namespaces.ts'
import { output, run, start, type Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway, startServer, type LogLine } from '../server.ts'
import { waitUntil } from './client.ts'
import { createMember, type Member } from './bmc-member.ts'
import { emulated, libvirtdLimitMs } from './libvirt.ts'

const example = new URL('../../../config/examples/libvirt.yaml', import.meta.url)
const daemon = new URL('../libvirtd', import.meta.url).pathname
const emulator = new URL('../sushy-emulator', import.meta.url).pathname
const port = 8000
const user = { name: 'admin', password: 'pass word=1' }
/** The simulator reads neither a space nor a quote in a password. */
const ipmi = { port: 9623, password: 'password=1', wrong: 'wrong' } as const

/** On a busy machine. The domain takes about 40 s in emulation. */
const bootLimitMs = 240_000

export const bmcChecks: readonly Check[] = [
  {
    name: 'bmc: "node install --power" installs a virtual machine behind sushy-tools until it is Ready',
    limitMs: libvirtdLimitMs + 2 * bootLimitMs + 60_000,
    async run(rig) {
      await output([emulator, '--install'])
      const namespaces = await createNamespaces(['bmc'])
      const dir = join(rig.dir, 'bmc')
      await mkdir(dir, { recursive: true })
      const member = createMember(dir)
      const site = await writeSite(rig, dir, {
        url: `redfish+http://127.0.0.1:${port}`,
        password: user.password,
        member,
      })
      const libvirtd = start(namespaces.inside('bmc', 'unshare', '-m', daemon), {
        logFile: join(dir, 'libvirtd.log'),
      })
      const inside = (...args: string[]): string[] => {
        return ['nsenter', '--target', `${libvirtd.pid}`, '--mount', '--net', ...args]
      }
      const virsh = (...args: string[]): string[] => inside('virsh', '--connect', 'qemu:///system', ...args)
      const render = async (...args: string[]): Promise<string> => {
        const file = join(dir, `${args[0] ?? 'network'}.xml`)
        await writeFile(file, emulated(await output(slipway('render', site, 'libvirt', ...args))))
        return file
      }
      let bmc: ReturnType<typeof start> | undefined
      try {
        const isReady = async (): Promise<boolean> => (await run(virsh('version'))).status === 0
        await waitUntil('libvirtd to answer', isReady, libvirtdLimitMs)
        await output(virsh('net-define', await render()))
        await output(virsh('net-start', 'libvirt-rig'))
        await namespaces.ip('bmc', `addr add ${member.address}/24 dev virbr-rig`)
        await member.start(namespaces.inside('bmc'))
        await output(virsh('pool-define-as', 'default', 'dir', '--target', '/var/lib/libvirt/images'))
        await output(virsh('pool-start', 'default'))
        await output(virsh('vol-create-as', 'default', 'rig-m1.qcow2', '120G', '--format', 'qcow2'))
        await output(virsh('define', await render('m1')))
        bmc = start(inside(emulator, dir, `${port}`, user.name, user.password), {
          logFile: join(dir, 'sushy.log'),
        })
        await waitUntil(
          'the emulator to answer',
          async () => (await run(inside('curl', '-sf', `http://127.0.0.1:${port}/redfish/v1/`))).status === 0,
          60_000,
        )
        const control = controlSocket(site)
        const resolver = join(dir, 'resolv.conf')
        await writeFile(resolver, 'nameserver 192.168.130.1\n')
        const serving = { namespace: 'bmc', resolver } as const
        const server = await startServer(namespaces, site, join(dir, 'slipway.log'), serving)
        try {
          const cli = (...args: string[]) => output([...slipway(...args), '--control', control])
          const before = await cli('power', 'status', 'm1')
          expect(before.includes('power off'), `the domain is not off:\n${before}`)
          const files = ['--credentials', join(dir, 'bmc.credentials')]
          const source = ['--bmc', `m1=redfish+http://127.0.0.1:${port}`]
          const imported = await run(namespaces.inside('bmc', ...slipway('import', ...source, ...files)))
          expectMatch(
            imported.stdout,
            /MAC addresses 52:54:00:00:30:21/,
            'the MAC address that the BMC reports',
          )
          const installing = start(
            [...slipway('node', 'install', '--power', '--timeout', '9m', 'm1', '--control', control)],
            { logFile: join(dir, 'install.log') },
          )
          const progress = () => readFile(join(dir, 'install.log'), 'utf8')
          const reports =
            (stage: string) =>
            ({ msg, text }: LogLine): boolean =>
              msg === 'callback accepted' &&
              text.includes('"node":"rig/m1"') &&
              text.includes(`"stage":"${stage}"`)
          await server.waitFor('that the disk of m1 is written', reports('written'), { limitMs: bootLimitMs })
          // The emulator keeps the network boot, and OVMF then waits minutes for IPv6 before it tries the disk.
          await cli('power', 'cycle', '--boot', 'normal', 'm1')
          await server.waitFor('the first start of m1', reports('started'), { limitMs: bootLimitMs })
          expect(installing.isRunning(), `it ended before the node was Ready:\n${await progress()}`)
          await member.becomeReady('m1')
          const status = await installing.ended
          const log = await progress()
          expectEqual(status, 0, `exit code of node install, with the output:\n${log}`)
          const steps = [
            'restarted from the network by its BMC',
            'its disk is written',
            'Ready',
            '1 node installed',
          ]
          for (const step of steps) expectMatch(log, new RegExp(step), 'the progress')
          const isOff = async () => (await output(virsh('domstate', 'rig-m1'))).trim() === 'shut off'
          // The simulation of the installed system powers off.
          await waitUntil('the domain to be off', isOff, 30_000)
          await cli('power', 'on', 'm1')
          expect(!(await isOff()), 'the domain is off after power on')
          const audit = server.lines.find(({ msg }) => msg === 'power command sent')
          expect(audit !== undefined, 'the log does not have the command')
          const text = await readFile(join(dir, 'slipway.log'), 'utf8')
          expect(!text.includes(user.password), 'the log has the password')
          await cli('power', 'off', '--force', 'm1')
          expect(await isOff(), 'the domain is on after power off --force')
          await writeCredentials(dir, ipmi.wrong)
          const refused = await run([...slipway('power', 'on', 'm1', '--control', control)])
          expect(
            refused.status === 1 && /refused the user name or the password/.test(refused.stderr),
            refused.stderr,
          )
          return 'installed, started from its disk, Ready; a wrong password is refused'
        } finally {
          await server.process.stop()
        }
      } finally {
        await run(virsh('destroy', 'rig-m1'))
        await bmc?.stop()
        await member.stop()
        await libvirtd.stop()
        await namespaces.close()
      }
    },
  },
  {
    name: 'bmc: a machine whose BMC has only IPMI is switched, and boots once from the network',
    limitMs: 180_000,
    async run(rig) {
      const dir = join(rig.dir, 'ipmi')
      await mkdir(dir, { recursive: true })
      const namespaces = await createNamespaces(['ipmi'])
      const url = `ipmi://127.0.0.1:${ipmi.port}`
      const site = await writeSite(rig, dir, { url, password: ipmi.password })
      const control = controlSocket(site)
      const power = (...args: string[]) =>
        run([...slipway('power', ...args, 'm1', '--control', control)], { limitMs: 60_000 })
      await namespaces.ip('ipmi', 'link add virbr-rig type veth peer name port')
      for (const host of [1, 2]) {
        await namespaces.ip('ipmi', `addr add 192.168.130.${host}/24 dev virbr-rig`)
      }
      for (const end of ['virbr-rig', 'port']) await namespaces.ip('ipmi', `link set ${end} up`)
      await writeClient(dir)
      const simulator = await startSimulator(namespaces.inside('ipmi'), dir)
      try {
        const network = {
          inside: (_: 'ipmi', ...command: string[]) => withClient(dir, namespaces.inside('ipmi'), command),
        }
        const server = await startServer(network, site, join(dir, 'slipway.log'), { namespace: 'ipmi' })
        try {
          const succeeds = async (...args: string[]): Promise<string> => {
            const { status, stdout, stderr } = await power(...args)
            expectEqual(status, 0, `power ${args.join(' ')} (${stdout}${stderr})`)
            return stdout
          }
          expectMatch(await succeeds('status'), /power off/, 'the status before')
          await succeeds('on', '--boot', 'network')
          expectMatch(await succeeds('status'), /power on/, 'the status after it was switched on')
          await succeeds('cycle', '--boot', 'normal')
          await succeeds('off')
          await succeeds('off', '--force')
          expectMatch(await succeeds('status'), /power off/, 'the status after it was switched off')
          const commands = (await readFile(join(dir, 'chassis.log'), 'utf8')).trim().split('\n')
          expectEqual(
            commands.join(', '),
            'set boot pxe, set power 1, set boot none, set reset 1, set shutdown 1, set power 0',
            'the commands that the simulator carried out',
          )
          await writeCredentials(dir, ipmi.wrong)
          const refused = await power('on')
          expectEqual(refused.status, 1, 'the exit code with a wrong password')
          expectMatch(
            refused.stderr,
            /refused the user name or the password/,
            'the error for a wrong password',
          )
          await simulator.stop()
          const silent = await power('on')
          expectEqual(silent.status, 1, 'the exit code without a BMC')
          expectMatch(silent.stderr, /does not answer IPMI/, 'the error without a BMC')
          return commands.join(', ')
        } finally {
          await server.process.stop()
        }
      } finally {
        await simulator.stop()
        await namespaces.close()
      }
    },
  },
]

/**
 * Writes a program that runs ipmitool with a fixed cipher suite: the simulator does not answer the question which suites it has,
 * so that each command would wait 10 s.
 */
async function writeClient(dir: string): Promise<void> {
  const program = join(dir, 'bin', 'ipmitool')
  await mkdir(join(dir, 'bin'), { recursive: true })
  await writeFile(program, '#!/bin/sh\nexec /usr/bin/ipmitool -C 3 "$@"\n', { mode: 0o755 })
}

/** Returns a command line whose command finds the program of {@link writeClient} first. */
function withClient(dir: string, inside: readonly string[], command: readonly string[]): string[] {
  return [...inside, 'env', `PATH=${join(dir, 'bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}`, ...command]
}

/** Starts ipmi_sim. It runs a program for each command to the chassis, which keeps the state in files and notes each change. */
async function startSimulator(inside: readonly string[], dir: string): Promise<Running> {
  const chassis = join(dir, 'chassis')
  await writeFile(
    chassis,
    `#!/bin/sh
verb=$2
shift 2
case $verb in
  get) for name; do echo "$name:$(cat ${dir}/chassis-$name 2>/dev/null || echo 0)"; done ;;
  set)
    echo "set $1 $2" >>${dir}/chassis.log
    echo "$2" >${dir}/chassis-$1 ;;
esac
`,
    { mode: 0o755 },
  )
  const methods = 'none md2 md5 straight'
  const levels = ['callback', 'user', 'operator', 'admin']
  const lan = [
    'name "bmc"',
    'set_working_mc 0x20',
    `startlan 1\n  addr 127.0.0.1 ${ipmi.port}\n  priv_limit admin`,
    ...levels.map((level) => `  allowed_auths_${level} ${methods}`),
    '  guid a123456789abcdefa123456789abcdef\nendlan',
    `chassis_control "${chassis} 0x20"`,
    `user 2 true "${user.name}" "${ipmi.password}" admin 10 ${methods}`,
  ]
  await writeFile(join(dir, 'lan.conf'), `${lan.join('\n')}\n`)
  const emulation = [
    'mc_setbmc 0x20',
    'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02',
    'mc_enable 0x20',
  ]
  await writeFile(join(dir, 'bmc.emu'), `${emulation.join('\n')}\n`)
  const files = ['-c', join(dir, 'lan.conf'), '-f', join(dir, 'bmc.emu'), '-s', dir]
  return start([...inside, 'ipmi_sim', '-n', ...files], { logFile: join(dir, 'ipmi_sim.log') })
}

async function writeCredentials(dir: string, password: string): Promise<string> {
  const file = join(dir, 'bmc.credentials')
  await writeFile(file, `username=${user.name}\npassword=${password}\n`, { mode: 0o600 })
  return file
}

/** Writes the site file of the example with the images of this run and the BMC of m1. */
async function writeSite(
  rig: Rig,
  dir: string,
  bmc: { readonly url: string; readonly password: string; readonly member?: Member },
): Promise<string> {
  const credentials = await writeCredentials(dir, bmc.password)
  const text = await readFile(example, 'utf8')
  const { member } = bmc
  const install = member && `    kernelArguments: [e2e.install]\n    kubeconfig: ${member.kubeconfig}\n`
  const changed = text
    .replace('/var/lib/slipway/images/rhcos-4.17', rig.payload.imagesDir)
    .replace('/var/lib/slipway/ignition/rig', join(rig.dir, 'site/ignition'))
    .replace('    disk: /dev/vda\n', `    disk: /dev/vda\n    order: false\n${install ?? ''}`)
    .replace('address: 192.168.130.21 }', `address: 192.168.130.21, bmc: "${bmc.url}" }`)
    .replace(/^haproxy: .*\n/m, `bmc: { credentials: ${credentials} }\n`)
  const site = join(dir, 'site.yaml')
  await writeFile(site, changed)
  return site
}
