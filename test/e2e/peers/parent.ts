/** BIND with the base domain, which sends clients to slipway for the zone of the cluster in one of three ways. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { domain } from '../site.ts'

export const parentAddress = '192.168.124.55'

/** What the parent has besides its own zone, and its records for the zone of the cluster. */
export const parentKinds = {
  delegation: { zone: '', records: 'ocp45 IN NS slipway.example.localdomain.' },
  'a forward zone': {
    zone: `zone "${domain}" { type forward; forward only; forwarders { ${addresses.server}; }; };`,
    records: 'ocp45 IN NS slipway.example.localdomain.',
  },
  'a static stub zone': {
    zone: `zone "${domain}" { type static-stub; server-addresses { ${addresses.server}; }; };`,
    records: '',
  },
} as const

export type ParentKind = keyof typeof parentKinds

export async function startParent(rig: Rig, kind: ParentKind, isSigned = true): Promise<Running> {
  await rig.run('office', ['ip', 'addr', 'replace', `${parentAddress}/24`, 'dev', 'off0'])
  const dir = join(rig.dir, `parent-${kind.replaceAll(' ', '-')}${isSigned ? '' : '-unsigned'}`)
  await mkdir(dir, { recursive: true })
  const { zone, records } = parentKinds[kind]
  await writeFile(
    join(dir, 'named.conf'),
    `options {
  directory "${dir}";
  pid-file none;
  session-keyfile none;
  lock-file none;
  listen-on { ${parentAddress}; };
  listen-on-v6 { none; };
  query-source address ${parentAddress};
  recursion yes;
  allow-recursion { any; };
  dnssec-validation no;
};
controls { };
zone "example.localdomain" { type primary; file "parent"; ${isSigned ? 'dnssec-policy default; inline-signing yes;' : ''} };
${zone}
`,
  )
  await writeFile(
    join(dir, 'parent'),
    `$TTL 3600
$ORIGIN example.localdomain.
@ IN SOA ns.example.localdomain. root.example.localdomain. ( 1 3600 900 3600000 3600 )
@ IN NS ns.example.localdomain.
ns IN A ${parentAddress}
slipway IN A ${addresses.server}
wiki IN A 192.168.124.80
${records}
`,
  )
  return rig.start('office', 'parent', ['named', '-g', '-c', join(dir, 'named.conf'), '-n', '1'])
}
