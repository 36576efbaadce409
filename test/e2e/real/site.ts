/** The site of the complete installation, as an administrator writes it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses, domain, nodes, probe, type RealNode } from './network.ts'

export type RealSite = {
  readonly dir: string
  readonly sitePath: string
  readonly haproxyPath: string
  /** The kubeconfig with which slipway reads the cluster. */
  readonly kubeconfigPath: string
}

export async function createRealSite(dir: string, imagesDir: string, authority: string): Promise<RealSite> {
  const ignitionDir = join(dir, 'ignition')
  await mkdir(ignitionDir, { recursive: true })
  for (const role of ['bootstrap', 'master', 'worker']) {
    const text = pointer(role, await readFile(authority))
    await writeFile(join(ignitionDir, `${role}.ign`), text, { mode: 0o600 })
  }
  const site = {
    dir,
    sitePath: join(dir, 'site.yaml'),
    haproxyPath: join(dir, 'haproxy.cfg'),
    kubeconfigPath: join(dir, 'slipway.kubeconfig'),
  }
  await writeFile(site.sitePath, siteText(imagesDir, [nodes.bs, nodes.m1, nodes.w1, nodes.w2]))
  return site
}

/** The file that `openshift-install` writes for masters and workers. */
function pointer(role: string, authority: Buffer): string {
  const source = `data:text/plain;charset=utf-8;base64,${authority.toString('base64')}`
  return JSON.stringify({
    ignition: {
      version: '3.2.0',
      config: { merge: [{ source: `https://api-int.${domain}:22623/config/${role}` }] },
      security: { tls: { certificateAuthorities: [{ source }] } },
    },
  })
}

function siteText(imagesDir: string, declared: readonly RealNode[]): string {
  const [cluster, ...rest] = domain.split('.')
  return `\
site: real
server: { interface: srv0, address: ${addresses.appliance}, peers: [${addresses.appliance}, ${addresses.peer}], installer: ${addresses.appliance} }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
images:
  rhcos-4.17: { dir: ${JSON.stringify(imagesDir)} }
clusters:
  - name: ${cluster ?? ''}
    domain: ${rest.join('.')}
    image: rhcos-4.17
    ignition: ignition
    kubeconfig: slipway.kubeconfig
    approve: declared
    disk: /dev/sda
    console: [ttyS0]
    # Faster on emulated processors.
    kernelArguments: [mitigations=off]
    loadBalancer: { api: ${addresses.api}, apiInternal: ${addresses.apiInternal}, ingress: ${addresses.api}, checks: tuned }
    nodes:
${declared.map(({ name, role, mac, address }) => `      - { name: ${name}, role: ${role}, mac: "${mac}", address: ${address} }`).join('\n')}
hosts:
  - { name: probe.example.localdomain, mac: "${probe.mac}", address: ${probe.address} }
haproxy: { file: haproxy.cfg, masterSocket: haproxy-master.sock, socket: haproxy-stats.sock }
`
}
