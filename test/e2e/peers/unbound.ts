/** A validating unbound in the office. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import { parentAddress } from './parent.ts'

export const unboundAddress = '192.168.124.56'

/** Where unbound resolves names: it forwards all queries to slipway, or iterates from the parent zone. */
export type UnboundPath = 'behind slipway' | 'through the delegation'

const upstreams: Readonly<Record<UnboundPath, string>> = {
  'behind slipway': `forward-zone:\n  name: "."\n  forward-addr: ${addresses.server}\n`,
  'through the delegation': `stub-zone:\n  name: "example.localdomain"\n  stub-addr: ${parentAddress}\n`,
}

/** @param key the public key of the parent zone; absent where it is not signed */
export async function startUnbound(rig: Rig, path: UnboundPath, key: string | undefined): Promise<Running> {
  await rig.run('office', ['ip', 'addr', 'replace', `${unboundAddress}/24`, 'dev', 'off0'])
  const dir = join(rig.dir, `unbound-${path.replaceAll(' ', '-')}${key === undefined ? '-unsigned' : ''}`)
  await mkdir(dir, { recursive: true })
  const anchor = key === undefined ? '' : `  trust-anchor: "example.localdomain. DNSKEY 257 3 13 ${key}"\n`
  const file = join(dir, 'unbound.conf')
  await writeFile(
    file,
    `server:
  interface: ${unboundAddress}
  outgoing-interface: ${unboundAddress}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  pidfile: ""
  directory: "${dir}"
  module-config: "validator iterator"
  val-log-level: 2
  local-zone: "16.172.in-addr.arpa." nodefault
${anchor}remote-control:
  control-enable: no
${upstreams[path]}`,
  )
  return rig.start('office', 'unbound', ['unbound', '-d', '-c', file])
}
