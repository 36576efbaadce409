/** ISC dhclient with the requested options of Debian: first lease, INIT-REBOOT, NAK, release. */
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses, clientInterface } from '../network.ts'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, gateway } from '../site.ts'
import { clientAddresses, flushClientAddresses, readEnvironment } from './client.ts'

const foreignAddress = '172.16.0.222'

/** The file of Debian without comments, and shorter time-outs, so that a failure does not take minutes. */
const configuration = `\
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
send host-name "cli";
request subnet-mask, broadcast-address, time-offset, routers, domain-name, domain-name-servers, domain-search,
  host-name, netbios-name-servers, netbios-scope, interface-mtu, rfc3442-classless-static-routes, ntp-servers;
timeout 15;
initial-interval 1;
`

export const dhclientChecks: readonly Check[] = [
  {
    name: 'dhclient: gets its reserved address, name, and search list',
    async run(rig) {
      await flushClientAddresses(rig)
      await rm(join(rig.dir, 'dhclient.leases'), { force: true })
      const output = await dhclient(rig, '-1')
      expectMatch(output, new RegExp(`bound to ${client.address} `), 'dhclient')
      const given = await readEnvironment(join(rig.dir, 'dhclient.BOUND'))
      const wanted = {
        new_ip_address: client.address,
        new_subnet_mask: '255.255.255.0',
        new_broadcast_address: '172.16.0.255',
        new_routers: gateway,
        new_domain_name_servers: addresses.server,
        new_ntp_servers: addresses.server,
        new_dhcp_server_identifier: addresses.server,
      }
      for (const [name, value] of Object.entries(wanted)) expectEqual(given[name], value, name)
      expectMatch(given['new_domain_search'] ?? '', /example\.localdomain/, 'new_domain_search')
      expectEqual(await addressesLength(rig), 1, 'addresses of the interface')
      return undefined
    },
  },
  {
    name: 'dhclient: requests its previous address without a DISCOVER (INIT-REBOOT)',
    async run(rig) {
      await flushClientAddresses(rig)
      const output = await dhclient(rig, '-1')
      expectMatch(output, new RegExp(`bound to ${client.address} `), 'dhclient')
      expectNoMatch(output, /DHCPDISCOVER/, 'dhclient')
      return undefined
    },
  },
  {
    name: 'dhclient: gets a NAK for an address that is not reserved for it, then its reserved address',
    async run(rig) {
      await flushClientAddresses(rig)
      const leases = join(rig.dir, 'dhclient.leases')
      const text = await readFile(leases, 'utf8')
      await writeFile(
        leases,
        text.replaceAll(`fixed-address ${client.address}`, `fixed-address ${foreignAddress}`),
      )
      const output = await dhclient(rig, '-1')
      expectMatch(output, new RegExp(`DHCPREQUEST for ${foreignAddress} `), 'dhclient')
      expectMatch(output, new RegExp(`DHCPNAK from ${addresses.server}`), 'dhclient')
      expectMatch(output, new RegExp(`bound to ${client.address} `), 'dhclient')
      return undefined
    },
  },
  {
    name: 'dhclient: releases its address',
    async run(rig) {
      const since = rig.server.lines.length
      await dhclient(rig, '-r')
      await rig.server.waitFor('the release of the address', ({ msg }) => /release/.test(msg), {
        since,
      })
      return undefined
    },
  },
]

/** Runs dhclient in the foreground until it is bound or exits. */
async function dhclient(rig: Rig, mode: '-1' | '-r'): Promise<string> {
  const hook = join(rig.dir, 'dhclient')
  await copyFile(join(import.meta.dirname, '../hooks/dhclient'), hook)
  await writeFile(join(rig.dir, 'dhclient.conf'), configuration)
  const files = [
    ...['-cf', join(rig.dir, 'dhclient.conf'), '-lf', join(rig.dir, 'dhclient.leases')],
    ...['-sf', hook, '-pf', join(rig.dir, 'dhclient.pid')],
  ]
  const command = [rig.payload.dhclient, '-4', '-v', '-d', mode, ...files, clientInterface]
  let output = ''
  const bound = Promise.withResolvers<undefined>()
  const running = rig.start(
    'client',
    'dhclient',
    ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
    (line) => {
      output += `${line}\n`
      if (line.startsWith('bound to')) bound.resolve(undefined)
    },
  )
  await Promise.race([bound.promise, running.ended])
  await running.stop()
  return output
}

async function addressesLength(rig: Rig): Promise<number> {
  return (await clientAddresses(rig)).trim().split('\n').length
}
