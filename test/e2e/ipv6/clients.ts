/** Clients of DHCPv6 on a machine that has only IPv6: ISC dhclient, dhcpcd, and a machine that the site does not declare. */
import { existsSync } from 'node:fs'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEnvironment, waitUntil } from '../checks/client.ts'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { clientInterface, nodes6, searchDomain, serverAddress6, type Ipv6Rig } from './rig.ts'

const { client } = nodes6
const undeclaredMac = '52:54:00:00:06:99'

export const clientChecks6: readonly Check<Ipv6Rig>[] = [
  {
    name: 'ipv6: dhclient -6 gets its reserved address, name servers, and search list',
    async run(rig) {
      await flushAddresses(rig)
      await rm(leasesFile(rig), { force: true })
      const output = await dhclient(rig, '-1')
      expectMatch(output, /RCV: {2}X-- Preference 255\./, 'dhclient')
      const given = await readEnvironment(boundFile(rig))
      const wanted = {
        new_ip6_address: client.address,
        new_ip6_prefixlen: '128',
        new_dhcp6_name_servers: serverAddress6,
        new_dhcp6_domain_search: `${searchDomain}.`,
      }
      for (const [name, value] of Object.entries(wanted)) expectEqual(given[name], value, name)
      const { stdout } = await rig.run('client', ['dig', '+short', `@${serverAddress6}`, 'AAAA', clientName])
      expectEqual(stdout.trim(), client.address, `address of ${clientName} from ${serverAddress6}`)
      return undefined
    },
  },
  {
    name: 'ipv6: dhclient -6 confirms its address after a restart',
    async run(rig) {
      const since = rig.server.lines.length
      const output = await dhclient(rig, '-1')
      expectMatch(output, /XMT: Confirm on /, 'dhclient')
      expectNoMatch(output, /XMT: Solicit on /, 'dhclient')
      const line = await rig.server.waitFor(
        'the confirmation',
        ({ service, mac, msg }) => service === 'dhcpv6' && mac === client.mac && /checked/.test(msg),
        { since },
      )
      return line.msg
    },
  },
  {
    name: 'ipv6: dhclient -6 releases its address',
    async run(rig) {
      const since = rig.server.lines.length
      await dhclient(rig, '-r')
      await rig.server.waitFor(
        'the release of the address',
        ({ service, mac, msg }) => service === 'dhcpv6' && mac === client.mac && /released/.test(msg),
        { since },
      )
      return undefined
    },
  },
  {
    name: 'ipv6: dhcpcd follows the router advertisement of "slipway render radvd", and gets its reserved address',
    limitMs: 60_000,
    async run(rig) {
      expectMatch(rig.radvdText, /AdvManagedFlag on;/, 'slipway render radvd')
      await flushAddresses(rig)
      const output = await dhcpcd(rig, 25)
      expectMatch(output, /Router Advertisement from /, 'dhcpcd')
      expectMatch(output, new RegExp(`adding address ${client.address}/128`), 'dhcpcd')
      await flushAddresses(rig)
      return /adding address .*/.exec(output)?.[0]
    },
  },
  {
    name: 'ipv6: a machine that the site does not declare gets no reply, and the log has the reason',
    async run(rig) {
      await setMac(rig, undeclaredMac)
      await rm(leasesFile(rig), { force: true })
      const since = rig.server.lines.length
      try {
        const output = await dhclient(rig, '-1', 6)
        expectMatch(output, /XMT: Solicit on /, 'dhclient')
        expectNoMatch(output, /RCV: /, 'dhclient')
        const line = await rig.server.waitFor(
          'the request of the undeclared machine',
          ({ mac }) => mac === undeclaredMac,
          { since },
        )
        expectMatch(line.reason ?? '', new RegExp(`no reservation for ${undeclaredMac}`), 'the reason')
        return line.reason
      } finally {
        await setMac(rig, client.mac)
      }
    },
  },
]

const clientName = `${client.name}.${searchDomain}`
const isBound = (text: string): boolean => /^PRC: Bound to lease/m.test(text)
const boundFile = ({ dir }: Ipv6Rig): string => join(dir, 'dhclient6.BOUND6')
const leasesFile = ({ dir }: Ipv6Rig): string => join(dir, 'dhclient6.leases')

/** Runs dhclient -6 in the foreground until it has an address or exits. Stops it after `seconds`. */
async function dhclient(rig: Ipv6Rig, mode: '-1' | '-r', seconds = 20): Promise<string> {
  const hook = join(rig.dir, 'dhclient6')
  await rm(boundFile(rig), { force: true })
  await copyFile(join(import.meta.dirname, '../hooks/dhclient6'), hook)
  await writeFile(join(rig.dir, 'dhclient6.conf'), 'request dhcp6.name-servers, dhcp6.domain-search;\n')
  const files = [
    ...['-cf', join(rig.dir, 'dhclient6.conf'), '-lf', leasesFile(rig)],
    ...['-sf', hook, '-pf', join(rig.dir, 'dhclient6.pid')],
  ]
  const command = [rig.dhclient, '-6', '-v', '-d', mode, ...files, clientInterface]
  let output = ''
  const ended = Promise.withResolvers<undefined>()
  const running = rig.start(
    'client',
    'dhclient6',
    ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
    (line) => {
      output += `${line}\n`
      if (isBound(line)) ended.resolve(undefined)
    },
  )
  const limit = setTimeout(() => ended.resolve(undefined), seconds * 1000)
  await Promise.race([ended.promise, running.ended])
  clearTimeout(limit)
  // dhclient prints that it has an address before it runs its script.
  if (isBound(output)) await waitUntil('the script of dhclient', () => existsSync(boundFile(rig)))
  await running.stop()
  return output
}

/** Runs dhcpcd without hooks, which would write /etc/resolv.conf of the machine, and with private directories. */
async function dhcpcd(rig: Ipv6Rig, seconds: number): Promise<string> {
  const options = ['-6', '-1', '-B', '-d', '-f', '/dev/null', '-c', '/bin/true', '-t', String(seconds)]
  const script = 'mount -t tmpfs none /var/lib/dhcpcd && mount -t tmpfs none /run && exec "$@" 2>&1'
  const command = ['unshare', '-m', 'sh', '-c', script, 'sh', 'dhcpcd', ...options, clientInterface]
  const { stdout } = await rig.run('client', command, { limitMs: (seconds + 10) * 1000 })
  return stdout
}

export async function flushAddresses(rig: Ipv6Rig): Promise<void> {
  await rig.run('client', ['ip', '-6', 'addr', 'flush', 'dev', clientInterface, 'scope', 'global'])
}

/** Takes the interface down, so that its link-local address follows the new MAC address, and waits for this address. */
export async function setMac(rig: Ipv6Rig, mac: string): Promise<void> {
  await rig.run('client', ['ip', 'link', 'set', clientInterface, 'down'])
  // dhcpcd disables the link-local address of the kernel.
  await rig.run('client', ['ip', 'link', 'set', clientInterface, 'addrgenmode', 'eui64'])
  await rig.run('client', ['ip', 'link', 'set', clientInterface, 'address', mac, 'up'])
  await waitUntil('the link-local address', async () => {
    const command = ['ip', '-6', '-o', 'addr', 'show', 'dev', clientInterface, 'scope', 'link']
    return /inet6 fe80::/.test((await rig.run('client', command)).stdout)
  })
}
