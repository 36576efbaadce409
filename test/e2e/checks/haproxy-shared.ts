/** A second HAProxy with what `slipway render` makes of two clusters that share their only address. */
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
server: { interface: srv0, address: ${addresses.server}, peers: [${addresses.peer}] }
subnets: [{ cidr: 172.16.0.0/24 }]
images: { rhcos-4.17: { dir: images } }
haproxy: { file: shared.cfg, socket: shared.sock }
keepalived: {}
clusters:${cluster('east', [nodes.m1, nodes.w1])}${cluster('west', [nodes.m2, nodes.w2])}`

const questions = [
  { url: 'https://api.east.example.localdomain:6443/readyz', answer: 'm1 6443' },
  { url: 'https://API.West.example.localdomain:6443/readyz', answer: 'm2 6443' },
  { url: 'https://api-int.west.example.localdomain:22623/config/master', answer: 'm2 22623' },
  { url: 'https://console.apps.east.example.localdomain/', answer: 'w1 443' },
  { url: 'https://a.b.apps.west.example.localdomain/', answer: 'w2 443' },
  { url: 'http://console.apps.west.example.localdomain/', answer: 'w2 80' },
  // Somebody else's name, and none.
  { url: 'https://api.north.example.localdomain:6443/readyz', answer: '' },
  { url: `https://${shared}:6443/readyz`, answer: '' },
  { url: `http://${shared}/`, answer: '' },
] as const

export const sharedAddressChecks: readonly Check[] = [
  {
    name: 'haproxy: two clusters on one address, which comes after HAProxy, are told apart by name',
    limitMs: 60_000,
    async run(rig) {
      const sitePath = join(rig.dir, 'shared.yaml')
      const file = join(rig.dir, 'shared.cfg')
      await writeFile(sitePath, siteText)
      const rendered = await rig.at('server', slipway('render', sitePath, 'haproxy'))
      expectEqual(rendered.status, 0, `slipway render (${rendered.stderr})`)
      await writeFile(file, `${rendered.stdout}\n`)
      const haproxy = rig.beside('server', 'haproxy-shared', ['haproxy', '-db', '-f', file])
      const ask = async (url: string): Promise<string> => {
        const resolve = ['--connect-to', `::${shared}:`]
        const { stdout } = await rig.at('client', ['curl', '-ksfg', '-m', '10', ...resolve, url])
        return stdout.trim()
      }
      try {
        const isWell = async (): Promise<boolean> =>
          (await rig.at('server', ['curl', '-sf', 'http://127.0.0.1:9444/'])).status === 0
        await waitUntil('the answer for keepalived', isWell)
        await rig.at('server', ['ip', 'addr', 'add', `${shared}/24`, 'dev', 'srv0'])
        await waitUntil('the first answer', async () => (await ask(questions[0].url)) !== '')
        for (const { url, answer } of questions) expectEqual(await ask(url), answer, url)
        const judged = await rig.at('server', [
          ...['sh', '-c', `trap '' TERM; "$@" >"$0"; exec keepalived -t --log-console -f "$0"`],
          ...[join(rig.dir, 'keepalived.conf'), ...slipway('render', sitePath, 'keepalived')],
        ])
        expectEqual(judged.stdout + judged.stderr, '', 'what keepalived -t says')
        expectEqual(judged.status, 0, 'keepalived -t')
      } finally {
        await haproxy.stop()
        await rig.at('server', ['ip', 'addr', 'del', `${shared}/24`, 'dev', 'srv0'])
      }
      return undefined
    },
  },
]
