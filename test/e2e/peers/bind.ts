/** BIND with the guide's zones and the names of this run's site, at the address of ns1 in the guide's lab. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { client, domain, nodes, twins } from '../site.ts'
import { peerAddress, addPeerAddress } from './address.ts'

/** The zone of the guide (times and names), with the machines of this run. */
const head = `$TTL 3600
@ IN SOA ns1.example.localdomain. root.example.localdomain. ( 1 3600 900 3600000 3600 )
@ IN NS ns1.example.localdomain.
`
const machines = [
  ...Object.values(nodes).map(({ name, address }) => ({ name: `${name}.${domain}`, address })),
  client,
]

/** The long text of the site, in strings of 255 octets. */
const longText = ('long '.repeat(100).match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(' ')

const forward = `${head}ns1.example.localdomain. IN A ${addresses.server}
bastion.example.localdomain. IN A ${addresses.server}
api.${domain}. IN A ${addresses.api}
api-int.${domain}. IN A ${addresses.apiInternal}
*.apps.${domain}. IN A ${addresses.api}
@ IN TXT "rack 7"
@ IN TXT ${longText}
git IN CNAME bastion.example.localdomain.
twins IN A ${twins.addresses[0]}
twins IN A ${twins.addresses[1]}
twins IN AAAA ${twins.addresses[2]}
*.dev IN CNAME git.example.localdomain.
_etcd._tcp IN SRV 0 10 2380 m1.${domain}.
web IN HTTPS 1 . alpn=h2 port=8443
web IN NAPTR 100 10 "s" "SIP+D2U" "" _sip._udp.example.localdomain.
web IN LOC 52 22 23 N 4 53 32 E -2m
web IN TYPE65280 \\# 3 0a0b0c
_443._tcp.web IN TLSA 3 1 1 0b9fa5a5
lab2 IN NS ns.lab2.example.localdomain.
ns.lab2 IN A 172.16.0.99
${machines.map(({ name, address }) => `${name}. IN A ${address}`).join('\n')}
`
const last = (address: string): string => address.slice(address.lastIndexOf('.') + 1)
const reverse = `${head}201 IN PTR apps.example.localdomain.
${machines.map(({ name, address }) => `${last(address)} IN PTR ${name}.`).join('\n')}
`
const ipv6Reverse = `${head}1.9.0.0.0.0.0.0.0.0.0.0.0.0.0.0 IN PTR ${twins.name}.
`

export async function startBind(rig: Rig): Promise<Running> {
  await addPeerAddress(rig)
  const dir = join(rig.dir, 'bind')
  await mkdir(dir, { recursive: true })
  const zone = (name: string, file: string): string => `zone "${name}" { type master; file "${file}"; };`
  const configuration = `options {
  directory "${dir}";
  pid-file none;
  session-keyfile none;
  listen-on { ${peerAddress}; };
  listen-on-v6 { none; };
  allow-query { any; };
  allow-recursion { 172.16.0.0/24; };
  forward only;
  forwarders { ${addresses.server}; };
  dnssec-validation no;
  allow-transfer { none; };
  rrset-order { order none; };
};
controls { };
${zone('example.localdomain', 'forward')}
${zone('0.16.172.in-addr.arpa', 'reverse')}
${zone(twins.ipv6Zone, 'ipv6-reverse')}
`
  await writeFile(join(dir, 'named.conf'), configuration)
  await writeFile(join(dir, 'forward'), forward)
  await writeFile(join(dir, 'reverse'), reverse)
  await writeFile(join(dir, 'ipv6-reverse'), ipv6Reverse)
  return rig.start('machines', 'named', ['named', '-g', '-c', join(dir, 'named.conf'), '-n', '1'])
}
