import t from 'tap'
import { handleDatagram, portable, recordedOf, replyOf } from '../../../src/serve/dhcp/handle.ts'
import type { Replied } from '../../../src/serve/dhcp/respond.ts'
import { maxReplyOctets } from '../../../src/serve/dhcp/reply.ts'
import { defined } from '../../../src/text/defined.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { plan } from '../../support/dhcp-service.ts'

const out = new Uint8Array(maxReplyOctets)
const from = { address: '0.0.0.0', port: 68 }

t.test('a reply is named with its sender', (t) => {
  const datagram = { payload: captured('OVMF PXE DISCOVER'), ...from }
  const handled = handleDatagram(datagram, 'broadcast', plan, out, () => true)
  t.match(handled, { kind: 'result', client: '0.0.0.0:68', result: { kind: 'offered' } })
  t.equal(replyOf(handled)?.kind, 'offered')
  t.doesNotThrow(() => structuredClone(handled), 'it can be sent to another thread')
  t.end()
})

t.test('the main thread gets what a reply was about as text, and everything else as it is', (t) => {
  const datagram = { payload: captured('OVMF PXE DISCOVER'), ...from }
  const handled = handleDatagram(datagram, 'broadcast', plan, out, () => true)
  const message = portable(handled)
  t.type(message, 'string')
  const { kind, octets, to, about } = replyOf(handled) as Replied
  const expected = { ...handled, result: { kind, octets, to, about: defined(about) } }
  t.same(recordedOf(message), structuredClone(expected), 'without a loss')
  const malformed = handleDatagram({ ...from, payload: Uint8Array.of(1) }, 'broadcast', plan, out, () => true)
  t.equal(portable(malformed), malformed)
  t.equal(recordedOf(malformed), malformed)
  t.end()
})

t.test('a defect of slipway is returned with the packet that shows it', (t) => {
  const datagram = { payload: captured('OVMF PXE DISCOVER'), ...from }
  const reservationByMac = new Map(plan.reservationByMac)
  reservationByMac.get = () => {
    throw new Error('a defect')
  }
  const handled = handleDatagram(datagram, 'broadcast', { ...plan, reservationByMac }, out, () => true)
  t.match(handled, { kind: 'failed', client: '0.0.0.0:68', packet: /^0101/, error: { message: 'a defect' } })
  t.equal(replyOf(handled), undefined)
  t.end()
})
