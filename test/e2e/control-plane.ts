/** Simulated control-plane nodes: their addresses and ports in a separate namespace, with a stub behind them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { output, type Running } from './process.ts'
import { stub, type Rig } from './rig.ts'
import type { SiteNode } from './site.ts'

/** Returns a key and a self-signed certificate, created once per run. */
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

/** Serves the ports of the API and the machine config server of a bootstrap or master until the process is stopped. */
export async function startControlPlane(rig: Rig, { name, address }: SiteNode): Promise<Running> {
  await rig.run('machines', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'mach0'])
  const own = await certificate(rig)
  const command = [process.execPath, stub('back-ends'), ...own, `${name}:master:${address}`]
  return rig.start('machines', `control-plane-${name}`, command)
}

/** Stops it and removes its address, so that a machine can use the address. */
export async function stopControlPlane(rig: Rig, { address }: SiteNode, running: Running): Promise<void> {
  await running.stop()
  await rig.run('machines', ['ip', 'addr', 'del', `${address}/24`, 'dev', 'mach0'])
}
