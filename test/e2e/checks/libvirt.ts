/**
 * A real libvirtd in a network namespace of its own, with the network and the domains that `slipway render libvirt` prints
 * for config/examples/libvirt.yaml, and the commands of that file. The domains boot from slipway on the same host.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '../expect.ts'
import { createNamespaces } from '../namespaces.ts'
import { output, run, start } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway, startServer, type LogLine } from '../server.ts'
import { waitUntil } from './client.ts'

const example = new URL('../../../config/examples/libvirt.yaml', import.meta.url)
const daemon = new URL('../libvirtd', import.meta.url).pathname
const domains = ['bs', 'm1'] as const

/** On a busy machine. One domain takes about 40 s in emulation. */
const bootLimitMs = 180_000

/** Until libvirtd answers. Its state is empty, so it starts each QEMU of this machine to learn what it can do. */
export const libvirtdLimitMs = 180_000

export const libvirtChecks: readonly Check[] = [
  {
    name: 'libvirt: virsh defines and starts the rendered network and domains, and these boot from slipway',
    limitMs: libvirtdLimitMs + bootLimitMs,
    async run(rig) {
      const namespaces = await createNamespaces(['libvirt'])
      const dir = join(rig.dir, 'libvirt')
      await mkdir(dir, { recursive: true })
      const site = await writeSite(rig, dir)
      const libvirtd = start(namespaces.inside('libvirt', 'unshare', '-m', daemon), {
        logFile: join(dir, 'libvirtd.log'),
      })
      const virsh = (...args: string[]): string[] => {
        const inside = ['nsenter', '--target', `${libvirtd.pid}`, '--mount', '--net']
        return [...inside, 'virsh', '--connect', 'qemu:///system', ...args]
      }
      const render = async (...args: string[]): Promise<string> => {
        const file = join(dir, `${args[0] ?? 'network'}.xml`)
        await writeFile(file, emulated(await output(slipway('render', site, 'libvirt', ...args))))
        return file
      }
      try {
        const isReady = async (): Promise<boolean> => (await run(virsh('version'))).status === 0
        await waitUntil('libvirtd to answer', isReady, libvirtdLimitMs)
        await output(virsh('net-define', await render()))
        await output(virsh('net-start', 'libvirt-rig'))
        await namespaces.ip('libvirt', 'addr add 192.168.130.2/24 dev virbr-rig')
        await output(virsh('pool-define-as', 'default', 'dir', '--target', '/var/lib/libvirt/images'))
        await output(virsh('pool-start', 'default'))

        const server = await startServer(namespaces, site, join(dir, 'slipway.log'), { namespace: 'libvirt' })
        try {
          for (const node of domains) {
            const volume = ['vol-create-as', 'default', `rig-${node}.qcow2`, '120G', '--format', 'qcow2']
            await output(virsh(...volume))
            await output(virsh('define', await render(node)))
            await output(virsh('start', `rig-${node}`))
          }
          const reached = await Promise.all(
            domains.map(async (node) => {
              const is = (line: LogLine): boolean =>
                line.node === `rig/${node}` && line.msg === 'Ignition file served'
              const found = await server.waitFor(`the Ignition file of ${node}`, is, {
                limitMs: bootLimitMs,
              })
              // The stand-in of the live system powers off when it has fetched everything.
              await waitUntil(
                `the domain of ${node} to be off`,
                async () => (await output(virsh('domstate', `rig-${node}`))).trim() === 'shut off',
                30_000,
              )
              return found
            }),
          )
          expect(
            !server.lines.some(({ level }) => level === 'error'),
            `the log of slipway has errors:\n${server.tail(20)}`,
          )
          return reached.map(({ node }) => node).join(', ')
        } finally {
          await server.process.stop()
        }
      } finally {
        for (const node of domains) await run(virsh('destroy', `rig-${node}`))
        await libvirtd.stop()
        await namespaces.close()
      }
    },
  },
]

/** Writes the site file of the example with the images and Ignition files of this run, without the HAProxy of the host. */
async function writeSite(rig: Rig, dir: string): Promise<string> {
  const text = await readFile(example, 'utf8')
  const changed = text
    .replace('/var/lib/slipway/images/rhcos-4.17', rig.payload.imagesDir)
    .replace('/var/lib/slipway/ignition/rig', join(rig.dir, 'site/ignition'))
    .replace('    disk: /dev/vda\n', '    disk: /dev/vda\n    order: false\n')
    .replace(/^haproxy: .*\n/m, '')
  const site = join(dir, 'site.yaml')
  await writeFile(site, changed)
  return site
}

/**
 * Edits a rendered definition as the example suggests: less memory, and for a host without KVM. With more emulated processors
 * than the host has, a kernel can hang at its start: its processors wait for each other.
 */
export function emulated(xml: string): string {
  return xml
    .replace("type='kvm'", "type='qemu'")
    .replace(/<memory unit='GiB'>\d+</, "<memory unit='GiB'>1<")
    .replace(/<vcpu>\d+</, '<vcpu>1<')
    .replace("<cpu mode='host-passthrough'/>", "<cpu mode='maximum'/>")
}
