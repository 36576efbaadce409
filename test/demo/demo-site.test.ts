import { readFileSync } from 'node:fs'
import t from 'tap'
import { demoSite } from '../../src/demo/demo-site.ts'
import { invocationOf } from '../../src/cli/commands/demo.ts'
import { loadSite } from '../../src/site/load.ts'

const example = readFileSync(new URL('../../config/site.example.yaml', import.meta.url), 'utf8')
const ports = { dhcp: 20067, dhcpClient: 20068, tftp: 20069, http: 20080, dns: 20053 }
const schemaPath = '../../config/site.schema.json'

t.test('the demo is the example on loopback: nothing else is changed, comments stay', (t) => {
  const before = example.split('\n')
  const after = demoSite(example, { ports, loaders: {}, schemaPath }).split('\n')
  t.same(
    after.filter((line) => !before.includes(line)),
    [
      '# yaml-language-server: $schema=../../config/site.schema.json',
      '# The example site on loopback and high ports, written by `slipway demo` on every start.',
      '# Change it while the demo runs, and copy it to keep your changes.',
      'server: { address: 127.0.0.1, ports: { dhcp: 20067, dhcpClient: 20068, tftp: 20069, http: 20080, dns: 20053 } }',
      '  forward: []',
      '  clients: [127.0.0.0/8]',
      '  rhcos-4.17: { dir: images/rhcos-4.17 }',
      '    ignition: ignition/ocp45',
      'haproxy: { file: haproxy.cfg, socket: /run/slipway-demo/admin.sock }',
    ],
  )
  t.equal(after.length, before.length)
  t.end()
})

t.test('the demo is a valid site, with generated loaders if the files are missing', (t) => {
  const text = demoSite(example, { ports, loaders: { bios: 'loaders/undionly.kpxe' }, schemaPath })
  const loaded = loadSite(text, '/demo/site.yaml')
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
  t.same(loaded.site.tftp.loaders, { bios: '/demo/loaders/undionly.kpxe' })
  t.same(loaded.site.server.ports, ports)
  t.same(loaded.site.dns.forward, [])
  t.end()
})

t.test('an example without the parts that the demo changes is a bug', (t) => {
  t.throws(() => demoSite('site: x\n', { ports, loaders: {}, schemaPath }), {
    name: 'TypeError',
    message: 'the example site has no server',
  })
  t.end()
})

t.test('commands are printed in a form that a shell accepts', (t) => {
  t.same(invocationOf({ npm_lifecycle_event: 'start' }, '/x/src/main.ts'), {
    slipway: 'npm run -s slipway',
    needsDashes: true,
  })
  t.same(invocationOf({}, 'src/main.ts'), { slipway: 'node src/main.ts', needsDashes: false })
  t.same(invocationOf({}, '/usr/bin/slipway'), { slipway: 'slipway', needsDashes: false })
  t.end()
})
