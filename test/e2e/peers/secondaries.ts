/** BIND and Knot as secondary name servers of slipway. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'

/** @param zones to transfer from slipway */
export async function startBind(rig: Rig, zones: readonly string[]): Promise<void> {
  const dir = await secondaryDir(rig, 'bind', addresses.bind)
  const command = await bindCommand(dir, { address: addresses.bind, primary: addresses.server, zones })
  rig.start('office', 'bind', command)
}

/** Returns the command of BIND, which copies the zones of `primary` over the version of IP of its own address. */
export async function bindCommand(
  dir: string,
  { address, primary, zones }: { address: string; primary: string; zones: readonly string[] },
): Promise<string[]> {
  const isIpv6 = address.includes(':')
  const options = [
    `directory "${dir}"; pid-file none; session-keyfile none; lock-file none;`,
    `listen-on { ${isIpv6 ? 'none' : address}; }; listen-on-v6 { ${isIpv6 ? address : 'none'}; };`,
    `transfer-source${isIpv6 ? '-v6' : ''} ${address}; notify no; recursion no; dnssec-validation no;`,
    'allow-transfer { any; };',
  ]
  const text = [
    `options { ${options.join('\n')} };`,
    'controls { };',
    ...zones.map((zone) => `zone "${zone}" { type secondary; primaries { ${primary}; }; file "${zone}"; };`),
  ]
  const file = join(dir, 'named.conf')
  await writeFile(file, text.join('\n'))
  return ['named', '-g', '-c', file]
}

/** @param zones to transfer from slipway */
export async function startKnot(rig: Rig, zones: readonly string[]): Promise<void> {
  const dir = await secondaryDir(rig, 'knot', addresses.knot)
  // Knot supports only block style YAML.
  const text = `\
server:
    rundir: "${dir}"
    listen: ${addresses.knot}@53
log:
  - target: stderr
    any: info
database:
    storage: "${dir}"
remote:
  - id: slipway
    address: ${addresses.server}@53
    via: ${addresses.knot}
acl:
  - id: notify
    address: ${addresses.server}
    action: notify
  - id: transfer
    action: transfer
template:
  - id: default
    storage: "${dir}"
    master: slipway
    acl: [notify, transfer]
zone:
${zones.map((zone) => `  - domain: ${zone}`).join('\n')}
`
  await writeFile(join(dir, 'knot.conf'), text)
  rig.start('office', 'knot', ['knotd', '-c', join(dir, 'knot.conf')])
}

async function secondaryDir(rig: Rig, name: string, address: string): Promise<string> {
  await rig.run('office', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'off0'])
  const dir = join(rig.dir, name)
  await mkdir(dir, { recursive: true })
  return dir
}
