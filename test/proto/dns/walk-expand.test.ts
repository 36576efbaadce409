import t from 'tap'
import { dnsPacket } from '../../support/dns-packet.ts'
import { encodeName } from '../../../src/proto/dns/name.ts'
import { expandName, expandRecord, walkMessage } from '../../../src/proto/dns/walk.ts'
import { encodeAnswer } from '../../../src/proto/dns/message.ts'

const soa = {
  mname: 'ns1.example.net',
  rname: 'root.example.net',
  serial: 7,
  refresh: 1,
  retry: 2,
  expire: 3,
  minimum: 4,
}
const answers = [
  { owner: 'www.example.net', ttlSeconds: 60, data: { type: 'CNAME', target: 'm1.example.net' } },
  { owner: 'm1.example.net', ttlSeconds: 60, data: { type: 'SOA', ...soa } },
  {
    owner: '_x._tcp.example.net',
    ttlSeconds: 9,
    data: { type: 'SRV', priority: 1, weight: 2, port: 3, target: 'm1.example.net' },
  },
  { owner: 'example.net', ttlSeconds: 60, data: { type: 'TXT', text: 'a text' } },
] as const

t.test('records keep their meaning without compression (RFC 1035 §4.1.4)', (t) => {
  const question = { name: 'www.example.net', type: 'A' } as const
  const message = encodeAnswer({ question, answers, authority: [], additional: [] })
  const { questionEnd, answers: places, pointers } = walkMessage(message)
  t.ok(pointers.length > 0, 'the message is compressed')
  const records = places.map((place, index) =>
    expandRecord(message, places[index - 1]?.end ?? questionEnd, place),
  )
  const expanded = Buffer.concat([message.subarray(0, questionEnd), ...records])
  t.same(walkMessage(expanded).pointers, [])
  t.same(dnsPacket.decode(expanded).answers, dnsPacket.decode(Buffer.from(message)).answers)
  t.same(expandName(message, questionEnd), encodeName('www.example.net'))
  t.end()
})
