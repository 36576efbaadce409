import t from 'tap'
import { guideModel } from '../../plan/dns/guide.ts'
import { encode, planOf } from './ask.ts'
import { server, setUp, withCookie } from './service-world.ts'

/** A query with an NSID option (RFC 5001). */
function withNsid(name: string, type: Parameters<typeof encode>[0]['type']): Uint8Array {
  const query = Buffer.from(encode({ name, ...(type && { type }), edns: {} }))
  query.writeUInt16BE(4, query.length - 2)
  return Buffer.concat([query, Buffer.of(0, 3, 0, 0)])
}

t.test('a client outside the site gets no more octets than it sent, for any query', async (t) => {
  const { sockets, client } = await setUp(planOf(guideModel((site) => void (site.dns.nsid = true))))
  const zone = 'ocp45.example.localdomain'
  const types = ['A', 'AAAA', 'ANY', 'SOA', 'NS', 'SRV', 'TXT', 'PTR', 'CNAME', 'AXFR', 'IXFR'] as const
  const names = [
    `api.${zone}`,
    `_etcd-server-ssl._tcp.${zone}`,
    'example.localdomain',
    `x.apps.${zone}`,
    `none.${zone}`,
  ]
  const queries = [...names, '21.0.16.172.in-addr.arpa', 'quay.io', 'localhost'].flatMap((name) =>
    types.flatMap((type) => [
      encode({ name, type }),
      encode({ name, type, edns: {} }),
      withNsid(name, type),
      withCookie(name, '0102030405060708'),
      encode({ name, type }).subarray(0, 20),
    ]),
  )
  let [sent, received] = [0, 0]
  for (const [index, query] of queries.entries()) {
    const { port, box } = await client(`198.51.${index >>> 8}.${index & 255}`)
    port.send(query, server.address, server.port)
    await sockets.settled()
    const octets = box.all.reduce((sum, { payload }) => sum + payload.length, 0)
    if (octets > query.length)
      t.fail(`${octets} octets for ${query.length}: ${Buffer.from(query).toString('hex')}`)
    sent += query.length
    received += octets
  }
  t.comment(`factor ${(received / sent).toFixed(2)} over ${queries.length} queries`)
  t.ok(received < sent, `factor ${(received / sent).toFixed(2)}`)
})
