/** More third-party clients: dhcpcd, atftp with windows, kdig, host, and the resolver of the C library. */
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientInterface } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { withResolver } from '../server.ts'
import { client, domain, gateway, leaseSeconds, nodes, sha256 } from '../site.ts'
import { clientAddresses, flushClientAddresses, readEnvironment, addClientAddress } from './client.ts'

const loader = 'efi/ipxe.efi'
const loaderFile = '/usr/lib/ipxe/ipxe.efi'

/** The options of Debian; without the probe for address conflicts, which takes 5 s. */
const dhcpcdConfiguration = `clientid
persistent
option rapid_commit, domain_name_servers, domain_name, domain_search, host_name, classless_static_routes
option interface_mtu, routers, ntp_servers
require dhcp_server_identifier
noarp
noipv4ll
nogateway
`

export const interopChecks: readonly Check[] = [
  {
    name: 'dhcpcd: gets its reserved address and options',
    async run(rig) {
      await flushClientAddresses(rig)
      await rm(`/var/lib/dhcpcd/${clientInterface}.lease`, { force: true })
      const [hook, configuration] = [join(rig.dir, 'dhcpcd'), join(rig.dir, 'dhcpcd.conf')]
      await copyFile(join(import.meta.dirname, '../hooks/dhcpcd'), hook)
      await writeFile(configuration, dhcpcdConfiguration)
      const dhcpcd = rig.start('client', 'dhcpcd', [
        ...['dhcpcd', '-4', '-B', '-d', '-t', '15', '-f', configuration, '-c', hook, clientInterface],
      ])
      const since = rig.server.lines.length
      const node = client.name
      await rig.server.waitFor('an ACK', (line) => line.node === node && /acknowledged/.test(line.msg), {
        since,
      })
      const given = await retry(() => readEnvironment(join(rig.dir, 'dhcpcd.BOUND')))
      const wanted = {
        new_ip_address: client.address,
        new_subnet_mask: '255.255.255.0',
        new_routers: gateway,
        new_domain_name_servers: addresses.server,
        new_ntp_servers: addresses.server,
        new_host_name: client.name,
        new_dhcp_lease_time: String(leaseSeconds),
      }
      for (const [name, value] of Object.entries(wanted)) expectEqual(given[name], value, name)
      expectMatch(await clientAddresses(rig), new RegExp(`${client.address}/24`), 'the interface')
      await dhcpcd.stop()
      return undefined
    },
  },
  {
    name: 'tftp: atftp with blksize and windowsize',
    async run(rig) {
      await addClientAddress(rig)
      const into = join(rig.dir, 'atftp.download')
      await rm(into, { force: true })
      const options = ['--option', 'blksize 1428', '--option', 'windowsize 8', '--option', 'tsize 0']
      const { status, stderr, durationMs } = await rig.run('client', [
        ...['atftp', ...options, '-g', '-r', loader, '-l', into, addresses.server],
      ])
      expectEqual(status, 0, `exit code (${stderr.trim()})`)
      expectEqual(sha256(await readFile(into)), sha256(await readFile(loaderFile)), 'SHA-256')
      return `${durationMs.toFixed(0)} ms`
    },
  },
  {
    name: 'dns: kdig over UDP and TCP, with EDNS, a cookie, and padding',
    async run(rig) {
      await addClientAddress(rig)
      const variants = [
        [],
        ['+tcp'],
        ['+edns'],
        ['+dnssec', '+bufsize=512'],
        ['+cookie'],
        ['+tcp', '+padding=64'],
      ]
      for (const options of variants) {
        const command = ['kdig', '+time=3', `@${addresses.server}`, ...options, `m1.${domain}`]
        const { stdout } = await rig.run('client', command)
        expectMatch(
          stdout,
          new RegExp(`${domain}\\.\\s+\\d+\\s+IN\\s+A\\s+${nodes.m1.address}`),
          command.join(' '),
        )
        expectMatch(stdout, /status: NOERROR/, command.join(' '))
      }
      return undefined
    },
  },
  {
    name: 'dns: host resolves forward and reverse names',
    async run(rig) {
      await addClientAddress(rig)
      const forward = await rig.run('client', ['host', '-W', '3', `w1.${domain}`, addresses.server])
      expectMatch(forward.stdout, new RegExp(`w1.${domain} has address ${nodes.w1.address}`), 'host')
      const reverse = await rig.run('client', ['host', '-W', '3', nodes.w1.address, addresses.server])
      expectMatch(reverse.stdout, new RegExp(`pointer w1.${domain}\\.`), 'host')
      const missing = await rig.run('client', ['host', '-W', '3', `missing.${domain}`, addresses.server])
      expectMatch(missing.stdout, /NXDOMAIN/, 'host')
      return undefined
    },
  },
  {
    name: 'dns: the C library resolves names with the search list, and addresses (getent)',
    async run(rig) {
      await addClientAddress(rig)
      const forward = await getent(rig, 'ahostsv4', 'api')
      expectMatch(
        forward,
        new RegExp(`^${addresses.api}\\s+STREAM api\\.${domain}`, 'm'),
        'getent ahostsv4 api',
      )
      const reverse = await getent(rig, 'hosts', nodes.m2.address)
      expectMatch(reverse, new RegExp(`^${nodes.m2.address}\\s+m2\\.${domain}`, 'm'), 'getent hosts')
      return undefined
    },
  },
]

async function getent(rig: Rig, ...query: string[]): Promise<string> {
  const file = join(rig.dir, 'resolv.conf')
  await writeFile(file, `nameserver ${addresses.server}\nsearch ${domain}\noptions timeout:2 attempts:1\n`)
  const ended = await rig.run('client', [...withResolver(file), 'getent', ...query])
  return ended.stdout + ended.stderr
}

/** Repeats `read` for 2 s until it succeeds. */
async function retry<T>(read: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await read()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
