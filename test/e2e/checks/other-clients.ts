/** More DHCP clients: dhcpcd, systemd-networkd, and perfdhcp of Kea. */
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientInterface, clientMac } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, gateway } from '../site.ts'
import { flushClientAddresses, waitUntil } from './client.ts'

export const otherClientChecks: readonly Check[] = [
  {
    name: 'clients: dhcpcd gets its reserved address',
    limitMs: 60_000,
    async run(rig) {
      await flushClientAddresses(rig)
      const output = await dhcpcd(rig, 25)
      expectMatch(output, new RegExp(`leased ${client.address.replaceAll('.', '\\.')} for`), 'dhcpcd')
      return /leased .*/.exec(output)?.[0]
    },
  },
  {
    name: 'clients: systemd-networkd gets its reserved address and options',
    limitMs: 60_000,
    async run(rig) {
      await flushClientAddresses(rig)
      const output = await networkd(rig)
      const line = expectMatch(output, /DHCPv4 address .* acquired from .*/, 'systemd-networkd')[0]
      expectEqual(
        line,
        `DHCPv4 address ${client.address}/24, gateway ${gateway} acquired from ${addresses.server}`,
        'the log line',
      )
      return line
    },
  },
  {
    name: 'clients: perfdhcp completes every exchange',
    limitMs: 60_000,
    async run(rig) {
      await flushClientAddresses(rig)
      // perfdhcp needs an address on its interface.
      await rig.run('client', ['ip', 'addr', 'add', '172.16.0.62/24', 'dev', clientInterface])
      const command = [
        'perfdhcp',
        '-4',
        '-l',
        clientInterface,
        '-b',
        `mac=${clientMac}`,
        '-R',
        '1',
        '-r',
        '20',
        '-n',
        '50',
        '-W',
        '1000000',
      ]
      const { status, stdout, stderr } = await rig.run('client', command)
      await flushClientAddresses(rig)
      expectEqual(status, 0, `perfdhcp's exit code (${stdout}${stderr})`)
      const [offers = '', acks = ''] = [...stdout.matchAll(/received packets: (\d+)/g)].map(
        ([, count]) => count,
      )
      expectEqual(offers, '50', 'OFFERs')
      expectEqual(acks, '50', 'ACKs')
      return /avg delay: .*/.exec(stdout)?.[0]
    },
  },
]

/** Runs dhcpcd without hooks, which would write /etc/resolv.conf of the machine, and with private directories. */
export async function dhcpcd(rig: Rig, seconds: number): Promise<string> {
  const options = ['-4', '-1', '-B', '-d', '-f', '/dev/null', '-c', '/bin/true', '-t', String(seconds)]
  const script = 'mount -t tmpfs none /var/lib/dhcpcd && mount -t tmpfs none /run && exec "$@" 2>&1'
  const command = ['unshare', '-m', 'sh', '-c', script, 'sh', 'dhcpcd', ...options, clientInterface]
  const { stdout } = await rig.run('client', command, { limitMs: (seconds + 10) * 1000 })
  return stdout
}

/** Runs systemd-networkd until it has an address, with private directories. With a read-only /sys it does not need udev. */
async function networkd(rig: Rig): Promise<string> {
  const script = `
    mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd/network && mount -o remount,ro,bind /sys
    mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
    chown -R systemd-network: /run/systemd/netif
    printf '[Match]\\nName=${clientInterface}\\n[Network]\\nDHCP=ipv4\\nLinkLocalAddressing=no\\n' >/etc/systemd/network/10.network
    exec /lib/systemd/systemd-networkd 2>&1`
  let output = ''
  const running = rig.start('client', 'networkd', ['unshare', '-m', 'sh', '-c', script], (line) => {
    output += `${line}\n`
  })
  try {
    await waitUntil('an address', () => output.includes('acquired from') || !running.isRunning(), 20_000)
  } finally {
    await running.stop()
    await flushClientAddresses(rig)
  }
  return output
}
