/** BIND and Knot in the office, as secondary name servers of slipway. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'

/** @param zones to transfer from slipway */
export async function startBind(rig: Rig, zones: readonly string[]): Promise<void> {
  const dir = await secondaryDir(rig, 'bind', addresses.bind)
  const options = [
    `directory "${dir}"; pid-file none; session-keyfile none; lock-file none;`,
    `listen-on { ${addresses.bind}; }; listen-on-v6 { none; };`,
    `transfer-source ${addresses.bind}; notify no; recursion no; dnssec-validation no;`,
    'allow-transfer { any; };',
  ]
  const text = [
    `options { ${options.join('\n')} };`,
    'controls { };',
    ...zones.map(
      (zone) => `zone "${zone}" { type secondary; primaries { ${addresses.server}; }; file "${zone}"; };`,
    ),
  ]
  await writeFile(join(dir, 'named.conf'), text.join('\n'))
  rig.start('office', 'bind', ['named', '-g', '-c', join(dir, 'named.conf')])
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
