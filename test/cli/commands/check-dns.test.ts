/** `slipway check --dns` with a name server on loopback. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { check } from '../../../src/cli/commands/check.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

const zone = new Map<string, readonly [type: string, data: string][]>([
  ['m1.c1.example.net', [['A', '192.0.2.11']]],
  ['w1.c1.example.net', [['A', '192.0.2.21']]],
  ['api.c1.example.net', [['A', '192.0.2.5']]],
  ['api-int.c1.example.net', [['A', '192.0.2.5']]],
  ['11.2.0.192.in-addr.arpa', [['PTR', 'm1.c1.example.net']]],
  ['21.2.0.192.in-addr.arpa', [['PTR', 'w1.c1.example.net']]],
  [
    '5.2.0.192.in-addr.arpa',
    [
      ['PTR', 'api.c1.example.net'],
      ['PTR', 'api-int.c1.example.net'],
    ],
  ],
])

async function nameServer(t: Test, ingress: string): Promise<string> {
  const socket = createSocket('udp4')
  socket.on('message', (octets, { address, port }) => {
    const { id, questions } = dnsPacket.decode(octets)
    const { name, type } = questions[0]!
    const isIngress = /^slipway-[0-9a-f]{8}\.apps\.c1\.example\.net$/.test(name)
    const records = isIngress ? ([['A', ingress]] as const) : zone.get(name)
    const answers = (records ?? []).flatMap(([each, data]) =>
      each === type ? [{ name, type, ttl: 60, data }] : [],
    )
    const flags = 0x80 | (records === undefined ? 3 : 0)
    socket.send(dnsPacket.encode({ type: 'response', id, flags, questions, answers }), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return `127.0.0.1:${socket.address().port}`
}

const site = siteText()
  .replace('192.0.2.0/24 }', '192.0.2.0/24, dns: [127.0.0.1] }')
  .replace('dns: {', 'dns: { serve: false,')

async function run(t: Test, ...args: string[]) {
  const terminal = keptTerminal()
  const code = await check.run([sitePath(t.testdir(siteFolder(site))), ...args], terminal)
  return { code, out: terminal.outLines.join('\n') }
}

t.test('a server with all names gives exit status 0', async (t) => {
  const server = await nameServer(t, '192.0.2.6')
  const { code, out } = await run(t, '--dns-server', server)
  t.equal(code, 0)
  t.match(out, `\n\nNames at each server:\n\n  ${server}  --dns-server  8 of 8 records ok`)
  t.notMatch(out, 'What to do')
})

t.test(
  'a server with a wrong address gives exit status 1, and the output shows how to get the records',
  async (t) => {
    const server = await nameServer(t, '192.0.2.7')
    const { code, out } = await run(t, '--dns-server', server)
    t.equal(code, 1)
    t.match(
      out,
      /failure: \*\.apps\.c1\.example\.net A \(queried as slipway-\w+\.apps\.c1\.example\.net\): 192\.0\.2\.7; expected/,
    )
    t.match(out.replaceAll(/\s+/g, ' '), /slipway render --site \S+site\.yaml zones --format FORMAT/)
    const json = await run(t, '--json', '--dns', '--dns-server', server)
    t.equal(json.code, 1)
    t.match(JSON.parse(json.out), {
      site: 'lab',
      dns: { servers: [{ server, required: true }], zones: [] },
    })
  },
)

t.test('refuses what is not a server', async (t) => {
  await t.rejects(run(t, '--dns-server', 'ns1'), {
    name: 'UsageError',
    message: '--dns-server "ns1": expected an address, or an address and a port',
  })
})
