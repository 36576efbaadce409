/** Machines of the cluster that already stand: their addresses and ports in a namespace of their own, nothing behind them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { output, type Running } from './process.ts'
import { stub, type Rig } from './rig.ts'
import type { SiteNode } from './site.ts'

/** A key and a certificate that nobody knows, made once a run. */
export async function certificate(rig: Rig): Promise<readonly [key: string, certificate: string]> {
  const [key, own] = [join(rig.dir, 'back-end.key'), join(rig.dir, 'back-end.crt')]
  if (!existsSync(own)) {
    await output([
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-out', own, '-days', '1', '-subj', '/CN=stub'],
    ])
  }
  return [key, own]
}

/** The API and the machine configuration of a bootstrap or a master, until the process is stopped. */
export async function standControlPlane(rig: Rig, { name, address }: SiteNode): Promise<Running> {
  await rig.at('machines', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'mach0'])
  const own = await certificate(rig)
  const command = [process.execPath, stub('back-ends'), ...own, `${name}:master:${address}`]
  return rig.beside('machines', `stand-in-${name}`, command)
}

/** Its address is free again, for a machine or for another stand-in. */
export async function fallControlPlane(rig: Rig, { address }: SiteNode, standing: Running): Promise<void> {
  await standing.stop()
  await rig.at('machines', ['ip', 'addr', 'del', `${address}/24`, 'dev', 'mach0'])
}
