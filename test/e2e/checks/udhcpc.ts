/** udhcpc of BusyBox: first lease, renewal, release, and no reply to an undeclared MAC address. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses, clientInterface, clientMac, farMac } from '../network.ts'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, gateway, leaseSeconds } from '../site.ts'
import { flushClientAddresses, readEnvironment, setClientMac, waitUntil } from './client.ts'

const undeclaredMac = '52:54:00:00:0c:99'

export const udhcpcChecks: readonly Check[] = [
  {
    name: 'udhcpc: gets its reserved address and every requested option',
    async run(rig) {
      await flushClientAddresses(rig)
      const { status, stderr } = await rig.run(
        'client',
        await udhcpc(rig, '-f', '-q', '-n', '-t', '4', '-T', '2'),
      )
      expectEqual(status, 0, `udhcpc's exit code (${stderr.trim()})`)
      const given = await readEnvironment(join(rig.dir, 'udhcpc.bound'))
      const wanted = {
        ip: client.address,
        subnet: '255.255.255.0',
        router: gateway,
        dns: addresses.server,
        ntpsrv: addresses.server,
        serverid: addresses.server,
        lease: String(leaseSeconds),
      }
      for (const [name, value] of Object.entries(wanted)) expectEqual(given[name], value, name)
      expectMatch(given['hostname'] ?? '', /^cli(\.|$)/, 'hostname')
      return client.address
    },
  },
  {
    name: 'udhcpc: renews by unicast and releases',
    async run(rig) {
      await flushClientAddresses(rig)
      const since = rig.server.lines.length
      let output = ''
      const command = await udhcpc(rig, '-f', '-n', '-t', '4', '-T', '2')
      // udhcpc prints to standard error.
      const running = rig.start(
        'client',
        'udhcpc-renew',
        ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
        (line) => {
          output += `${line}\n`
        },
      )
      const leases = (): number => output.split(`lease of ${client.address} obtained`).length - 1
      await waitUntil('a first lease', () => leases() === 1)
      running.signal('SIGUSR1')
      await waitUntil(`a second lease, in ${output}`, () => leases() === 2)
      running.signal('SIGUSR2')
      await rig.server.waitFor('the release of the address', (line) => isRelease(line.msg), {
        since,
      })
      await running.stop()
      return undefined
    },
  },
  {
    name: 'udhcpc: an undeclared MAC address gets no reply, and the log has the reason',
    async run(rig) {
      await flushClientAddresses(rig)
      const since = rig.server.lines.length
      await setClientMac(rig, undeclaredMac)
      try {
        const { status } = await rig.run('client', await udhcpc(rig, '-f', '-q', '-n', '-t', '2', '-T', '1'))
        expect(status !== 0, 'udhcpc got a lease')
      } finally {
        await setClientMac(rig, clientMac)
      }
      const line = await rig.server.waitFor(
        'a request of the undeclared machine',
        ({ mac }) => mac === undeclaredMac,
        { since },
      )
      expectMatch(line.reason ?? '', /no reservation for 52:54:00:00:0c:99/, 'the reason in the log')
      return line.reason
    },
  },
  {
    name: "udhcpc: a machine of a relayed subnet on the server's own network gets no lease, and the log has the reason",
    async run(rig) {
      await flushClientAddresses(rig)
      const since = rig.server.lines.length
      await setClientMac(rig, farMac)
      try {
        const { status } = await rig.run('client', await udhcpc(rig, '-f', '-q', '-n', '-t', '2', '-T', '1'))
        expect(status !== 0, 'udhcpc got a lease')
      } finally {
        await setClientMac(rig, clientMac)
      }
      const { reason } = await rig.server.waitFor('the ignored message', ({ mac }) => mac === farMac, {
        since,
      })
      expectEqual(
        reason,
        `request came through the network of ${addresses.server}, but the reservation is on 172.20.0.0/24`,
        'the reason in the log',
      )
      return reason
    },
  },
]

const isRelease = (message: string): boolean => /release/.test(message)

async function udhcpc(rig: Rig, ...options: string[]): Promise<string[]> {
  return udhcpcOn(clientInterface, rig, ...options)
}

/** Returns a command line with a hook, which saves the lease beside itself as `udhcpc.bound`. */
export async function udhcpcOn(interfaceName: string, rig: Rig, ...options: string[]): Promise<string[]> {
  const hook = join(rig.dir, 'udhcpc')
  await copyFile(join(import.meta.dirname, '../hooks/udhcpc'), hook)
  return [rig.payload.busybox, 'udhcpc', '-i', interfaceName, '-s', hook, ...options]
}
