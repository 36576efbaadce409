/**
 * NetworkManager as a DHCPv6 client: as in the initramfs of RHCOS, with profiles from the kernel argument `ip=dhcp6`, and
 * without D-Bus and udev.
 */
import { expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { flushAddresses, setMac } from './clients.ts'
import { clientInterface, nodes6, searchDomain, serverAddress6, type Ipv6Rig } from './rig.ts'

export const networkManagerCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: NetworkManager with ip=dhcp6 gets its reserved address, name servers, and search list',
  limitMs: 60_000,
  async run(rig) {
    await flushAddresses(rig)
    try {
      const command = ['unshare', '-m', 'sh', '-c', script, clientInterface, nodes6.client.address]
      const { stdout } = await rig.run('client', command, { limitMs: 40_000 })
      const where = `NetworkManager:\n${stdout.split('\n').slice(-30).join('\n')}\n`
      expectMatch(stdout, new RegExp(`inet6 ${nodes6.client.address}/128 `), where)
      expectMatch(stdout, new RegExp(`option dhcp6_name_servers +=> '${serverAddress6}'`), where)
      expectMatch(stdout, new RegExp(`option dhcp6_domain_search +=> '${searchDomain}'`), where)
    } finally {
      await setMac(rig, nodes6.client.mac)
    }
    return undefined
  },
}

/** NetworkManager waits for udev, unless /sys is read-only as in a container. */
const script = `
set -e
for dir in /run /var/lib/NetworkManager /etc/NetworkManager; do mount -t tmpfs none "$dir"; done
mount -o remount,ro,bind /sys
profiles=/etc/NetworkManager/system-connections
mkdir -p "$profiles" /run/NetworkManager
printf '[main]\\nplugins=keyfile\\ndns=none\\nrc-manager=unmanaged\\n' >/etc/NetworkManager/NetworkManager.conf
printf '[device]\\nmatch-device=*\\nmanaged=1\\n' >>/etc/NetworkManager/NetworkManager.conf
/usr/lib/NetworkManager/nm-initrd-generator --connections-dir "$profiles" --initrd-data-dir /run --run-config-dir /run/conf -- ip=dhcp6
NetworkManager --configure-and-quit=initrd --debug --log-level=INFO --log-domains=DEVICE,DHCP6:TRACE 2>&1 &
for try in $(seq 100); do
  ip -6 -o addr show dev "$0" scope global | grep -q " $1/" && break
  sleep 0.2
done
sleep 0.5
ip -6 -o addr show dev "$0"
kill $! 2>/dev/null && wait $! || true
`
