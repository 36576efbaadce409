import t from 'tap'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { clientHeader, createDhcpProbe, encodeDhcpProbe, offerIn } from '../../../src/proto/dhcp/probe.ts'
import { simulationMark } from '../../../src/proto/dhcp/values/sub-options.ts'
import { address, clientMessage, octetsOf } from '../../support/dhcp-message.ts'

const random = (octets: number) => Uint8Array.from({ length: octets }, (_, index) => 0xf1 + index)
const probe = createDhcpProbe(random)

t.test('a probe is a DISCOVER from a locally administered address, with the mark of slipway', (t) => {
  t.same(probe, { xid: 0xf1f2f3f4, mac: 'f2:f2:f3:f4:f5:f6' })
  const message = decodeMessage(encodeDhcpProbe(probe, address('192.0.2.2')))
  const { options, ...header } = message
  t.match(header, { ...clientHeader(probe.mac), xid: probe.xid, giaddr: address('192.0.2.2'), flags: 0x8000 })
  t.same(
    options.map(({ code, value }) => [code, Buffer.from(value).toString('hex')]),
    [
      [53, '01'],
      [224, Buffer.from(simulationMark().value).toString('hex')],
    ],
  )
  t.equal(decodeMessage(encodeDhcpProbe(probe)).giaddr, 0, 'without a relay agent')
  t.end()
})

t.test('an offer names its server', (t) => {
  const reply = (type: 'offer' | 'ack', server: string | number[] | undefined) =>
    clientMessage({
      op: 2,
      mac: probe.mac,
      type,
      options: server === undefined ? [] : [[54, typeof server === 'string' ? octetsOf(server) : server]],
    })
  const { xid } = reply('offer', undefined)
  t.same(offerIn(reply('offer', '192.0.2.9')), { xid, mac: probe.mac, server: address('192.0.2.9') })
  t.equal(offerIn(reply('ack', '192.0.2.9')), undefined, 'not an offer')
  t.equal(offerIn(reply('offer', undefined)), undefined, 'without an identifier')
  t.equal(offerIn(reply('offer', [1, 2])), undefined, 'with an unreadable one')
  t.throws(() => offerIn({ ...reply('offer', '192.0.2.9'), chaddr: undefined as never }), TypeError)
  t.end()
})
