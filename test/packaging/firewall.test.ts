/** The definitions for firewalld and ufw that the packages contain. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { serverSection } from '../../src/site/sections.ts'

const root = new URL('../../', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, root), 'utf8')

/** `67/udp` for each port of a service of firewalld. */
const firewalld = (name: string) =>
  [...read(`packaging/firewall/${name}.xml`).matchAll(/<port protocol="(\w+)" port="(\d+)"\/>/g)].map(
    ([, protocol = '', port = '']) => `${port}/${protocol}`,
  )

/** The same for a profile of ufw: `53` is both protocols, and `80,443/tcp` are two ports. */
function ufw(name: string): string[] {
  const [, text = ''] =
    new RegExp(`^\\[${name}\\]\\n(?:.+\\n)*?ports=(.+)$`, 'm').exec(read('packaging/firewall/slipway.ufw')) ??
    []
  return text.split('|').flatMap((each) => {
    const [ports = '', protocol] = each.split('/')
    return ports
      .split(',')
      .flatMap((port) => (protocol === undefined ? [`${port}/udp`, `${port}/tcp`] : [`${port}/${protocol}`]))
  })
}

t.test('firewalld and ufw open the default ports of the services', (t) => {
  const { ports } = serverSection.parse({ address: '192.0.2.1' })
  const expected = [
    `${ports.dhcp}/udp`,
    `${ports.tftp}/udp`,
    `${ports.dns}/udp`,
    `${ports.dns}/tcp`,
    `${ports.http}/tcp`,
  ]
  t.same(firewalld('slipway'), expected)
  t.same(ufw('slipway'), expected)
  t.match(read('packaging/firewall/slipway.xml'), '<helper name="tftp"/>')
  t.end()
})

t.test('those of the load balancer are the same in both', (t) => {
  const expected = ['6443/tcp', '22623/tcp', '80/tcp', '443/tcp']
  t.same(firewalld('slipway-load-balancer'), expected)
  t.same(ufw('slipway-load-balancer'), expected)
  t.end()
})

t.test('the packages contain them', (t) => {
  const nfpm = read('packaging/nfpm.yaml')
  for (const path of ['/usr/lib/firewalld/services/', '/etc/ufw/applications.d/slipway']) t.match(nfpm, path)
  t.end()
})
