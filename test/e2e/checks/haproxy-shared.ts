/** A second HAProxy with the rendered configuration of two clusters that share one address. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import { nodes, type SiteNode } from '../site.ts'
import { waitUntil } from './client.ts'

const shared = '172.16.0.118'

const cluster = (name: string, own: readonly SiteNode[]): string => `
  - name: ${name}
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition-${name}
    disk: /dev/vda
    loadBalancer: { api: ${shared}, ingress: ${shared} }
    nodes:
${own.map(({ role, mac, address }) => `      - { name: n-${role}, role: ${role}, mac: "${mac}", address: ${address} }\n`).join('')}`

const siteText = `site: two
server: { interface: srv0, address: ${addresses.server}, peers: [${addresses.peer}], installer: ${addresses.server} }
subnets: [{ cidr: 172.16.0.0/24 }]
images: { rhcos-4.17: { dir: images } }
haproxy: { file: shared.cfg, socket: shared.sock }
keepalived: {}
clusters:${cluster('east', [nodes.m1, nodes.w1])}${cluster('west', [nodes.m2, nodes.w2])}`

const requests = [
  { url: 'https://api.east.example.localdomain:6443/readyz', response: 'm1 6443' },
  { url: 'https://API.West.example.localdomain:6443/readyz', response: 'm2 6443' },
  { url: 'https://api-int.west.example.localdomain:22623/config/master', response: 'm2 22623' },
  { url: 'https://console.apps.east.example.localdomain/', response: 'w1 443' },
  { url: 'https://a.b.apps.west.example.localdomain/', response: 'w2 443' },
  { url: 'http://console.apps.west.example.localdomain/', response: 'w2 80' },
  // The name of another cluster, and no name.
  { url: 'https://api.north.example.localdomain:6443/readyz', response: '' },
  { url: `https://${shared}:6443/readyz`, response: '' },
  { url: `http://${shared}/`, response: '' },
] as const

export const sharedAddressChecks: readonly Check[] = [
  {
    name: 'haproxy: two clusters on one address, added after the start of HAProxy, are distinguished by name',
    limitMs: 60_000,
    async run(rig) {
      const sitePath = join(rig.dir, 'shared.yaml')
      const file = join(rig.dir, 'shared.cfg')
      await writeFile(sitePath, siteText)
      const rendered = await rig.run('server', slipway('render', sitePath, 'haproxy'))
      expectEqual(rendered.status, 0, `slipway render (${rendered.stderr})`)
      await writeFile(file, `${rendered.stdout}\n`)
      const haproxy = rig.start('server', 'haproxy-shared', ['haproxy', '-db', '-f', file])
      const fetchText = async (url: string): Promise<string> => {
        const resolve = ['--connect-to', `::${shared}:`]
        const { stdout } = await rig.run('client', ['curl', '-ksfg', '-m', '10', ...resolve, url])
        return stdout.trim()
      }
      try {
        const isHealthy = async (): Promise<boolean> =>
          (await rig.run('server', ['curl', '-sf', 'http://127.0.0.1:9444/'])).status === 0
        await waitUntil('the health check for keepalived', isHealthy)
        await rig.run('server', ['ip', 'addr', 'add', `${shared}/24`, 'dev', 'srv0'])
        await waitUntil('the first response', async () => (await fetchText(requests[0].url)) !== '')
        for (const { url, response } of requests) expectEqual(await fetchText(url), response, url)
        const validation = await rig.run('server', [
          ...['sh', '-c', `trap '' TERM; "$@" >"$0"; exec keepalived -t --log-console -f "$0"`],
          ...[join(rig.dir, 'keepalived.conf'), ...slipway('render', sitePath, 'keepalived')],
        ])
        expectEqual(validation.stdout + validation.stderr, '', 'output of keepalived -t')
        expectEqual(validation.status, 0, 'exit code of keepalived -t')
      } finally {
        await haproxy.stop()
        await rig.run('server', ['ip', 'addr', 'del', `${shared}/24`, 'dev', 'srv0'])
      }
      return undefined
    },
  },
]
