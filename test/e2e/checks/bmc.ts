/**
 * The emulator of sushy-tools as the BMC of a virtual machine with OVMF in a real libvirtd: `slipway node install --power` powers it
 * on, and it boots by PXE from slipway on the same host.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '../expect.ts'
import { createNamespaces } from '../namespaces.ts'
import { output, run, start } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway, startServer, type LogLine } from '../server.ts'
import { waitUntil } from './client.ts'

const example = new URL('../../../config/examples/libvirt.yaml', import.meta.url)
const daemon = new URL('../libvirtd', import.meta.url).pathname
const emulator = new URL('../sushy-emulator', import.meta.url).pathname
const port = 8000
const user = { name: 'admin', password: 'pass word=1' }

/** On a busy machine. The domain takes about 40 s in emulation. */
const bootLimitMs = 240_000

export const bmcChecks: readonly Check[] = [
  {
    name: 'bmc: a virtual machine behind sushy-tools is powered on by "node install --power" and boots by PXE',
    limitMs: bootLimitMs + 120_000,
    async run(rig) {
      await output([emulator, '--install'])
      const namespaces = await createNamespaces(['bmc'])
      const dir = join(rig.dir, 'bmc')
      await mkdir(dir, { recursive: true })
      const site = await writeSite(rig, dir)
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
        await waitUntil('libvirtd to answer', async () => (await run(virsh('version'))).status === 0)
        await output(virsh('net-define', await render()))
        await output(virsh('net-start', 'libvirt-rig'))
        await namespaces.ip('bmc', 'addr add 192.168.130.2/24 dev virbr-rig')
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
        const server = await startServer(namespaces, site, join(dir, 'slipway.log'), { namespace: 'bmc' })
        try {
          const cli = (...args: string[]) => output([...slipway(...args), '--control', control])
          const before = await cli('power', 'status', 'm1')
          expect(before.includes('power off'), `the domain is not off:\n${before}`)
          const installing = start(
            [...slipway('node', 'install', '--power', '--timeout', '5m', 'm1', '--control', control)],
            { logFile: join(dir, 'install.log') },
          )
          const isServed = (line: LogLine): boolean =>
            line.node === 'rig/m1' && line.msg === 'Ignition file served'
          await server.waitFor('the Ignition file of m1', isServed, { limitMs: bootLimitMs })
          const timeline = await cli('node', 'show', 'm1')
          expect(/kernel|loader/.test(timeline), `the boot is not in the timeline:\n${timeline}`)
          await installing.stop()
          const log = await readFile(join(dir, 'install.log'), 'utf8')
          expect(log.includes('restarted from the network by its BMC'), `the restart is not printed:\n${log}`)
          const audit = server.lines.find(({ msg }) => msg === 'power command sent')
          expect(audit !== undefined, 'the log does not have the command')
          const text = await readFile(join(dir, 'slipway.log'), 'utf8')
          expect(!text.includes(user.password), 'the log has the password')
          await cli('power', 'off', '--force', 'm1')
          const state = await output(virsh('domstate', 'rig-m1'))
          expect(state.trim() === 'shut off', `the domain is ${state.trim()} after power off --force`)
          await writeFile(join(dir, 'bmc.credentials'), `username=${user.name}\npassword=wrong\n`)
          const refused = await run([...slipway('power', 'on', 'm1', '--control', control)])
          expect(
            refused.status === 1 && /refused the user name or the password/.test(refused.stderr),
            refused.stderr,
          )
          return 'powered on, booted by PXE, and powered off; a wrong password is refused'
        } finally {
          await server.process.stop()
        }
      } finally {
        await run(virsh('destroy', 'rig-m1'))
        await bmc?.stop()
        await libvirtd.stop()
        await namespaces.close()
      }
    },
  },
]

/** Writes the site file of the example with the images of this run and the emulator as the BMC of m1. */
async function writeSite(rig: Rig, dir: string): Promise<string> {
  const credentials = join(dir, 'bmc.credentials')
  await writeFile(credentials, `username=${user.name}\npassword=${user.password}\n`, { mode: 0o600 })
  const text = await readFile(example, 'utf8')
  const changed = text
    .replace('/var/lib/slipway/images/rhcos-4.17', rig.payload.imagesDir)
    .replace('/var/lib/slipway/ignition/rig', join(rig.dir, 'site/ignition'))
    .replace('    disk: /dev/vda\n', '    disk: /dev/vda\n    order: false\n')
    .replace(
      'address: 192.168.130.21 }',
      `address: 192.168.130.21, bmc: "redfish+http://127.0.0.1:${port}" }`,
    )
    .replace(/^haproxy: .*\n/m, `bmc: { credentials: ${credentials} }\n`)
  const site = join(dir, 'site.yaml')
  await writeFile(site, changed)
  return site
}

/** Edits a rendered definition as the example suggests: less memory, and for a host without KVM. */
function emulated(xml: string): string {
  return xml
    .replace("type='kvm'", "type='qemu'")
    .replace(/<memory unit='GiB'>\d+</, "<memory unit='GiB'>1<")
    .replace("<cpu mode='host-passthrough'/>", "<cpu mode='maximum'/>")
}
