import t from 'tap'
import { createRecorder, type CapturedFrame } from '../../../src/host/capture/recorder.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'

function setUp() {
  const frames: CapturedFrame[] = []
  const recorder = createRecorder(
    {
      macs: ['00:50:56:96:7a:21', '00:50:56:96:7a:22'] as Mac[],
      addresses: ['172.16.0.61', 'fd00::61'],
      server: { address: '172.16.0.101', address6: 'fd00::101' },
    },
    () => 1500,
    (captured) => frames.push(captured),
  )
  return { frames, recorder }
}

const chaddr = Buffer.from('00005056967a220000', 'hex')
const text = (octets: Uint8Array) => Buffer.from(octets).toString('hex')
const last = (frames: readonly CapturedFrame[]) => (frames.at(-1) as CapturedFrame).frame

t.test('only datagrams with an address of the machine, or with its MAC address, are recorded', (t) => {
  const { frames, recorder } = setUp()
  const local = { address: '172.16.0.101', port: 53 }
  recorder.received(Buffer.from('q'), { address: '172.16.0.61', port: 4000 }, local)
  recorder.received(Buffer.from('q'), { address: '172.16.0.62', port: 4000 }, local)
  recorder.sent(Buffer.from('a'), { address: '172.16.0.61', port: 4000 }, local)
  recorder.received(chaddr, { address: '172.16.9.1', port: 67 }, { ...local, port: 67 })
  t.equal(frames.length, 3)
  t.same(frames[0]?.at, 1500)
  t.equal(
    text(last(frames).subarray(6, 12)),
    '005056967a22',
    'the MAC address of the message, behind a relay',
  )
  t.end()
})

t.test('broadcasts have the addresses of broadcasts', (t) => {
  const { frames, recorder } = setUp()
  const anywhere = { address: '0.0.0.0', port: 67 }
  recorder.received(chaddr, { address: '0.0.0.0', port: 68 }, anywhere)
  t.equal(text(last(frames).subarray(0, 12)), 'ffffffffffff005056967a22')
  t.equal(text(last(frames).subarray(26, 34)), '00000000ffffffff')
  recorder.sent(chaddr, { address: '255.255.255.255', port: 68 }, anywhere)
  t.equal(text(last(frames).subarray(0, 12)), 'ffffffffffff020000000001')
  t.equal(text(last(frames).subarray(26, 34)), 'ac100065ffffffff', 'from the address of the server')
  t.end()
})

t.test('DHCPv6 of the link-local address is recorded, with the group as destination', (t) => {
  const { frames, recorder } = setUp()
  const local = { address: '::', port: 547 }
  const peer = { address: 'fe80::250:56ff:fe96:7a21%ens4', port: 546 }
  recorder.received(Buffer.from('solicit'), peer, local)
  t.equal(text(last(frames).subarray(0, 6)), '333300010002')
  t.equal(text(last(frames).subarray(38, 54)), 'ff020000000000000000000000010002')
  recorder.sent(Buffer.from('reply'), peer, local)
  t.equal(text(last(frames).subarray(22, 38)), 'fd000000000000000000000000000101')
  t.equal(frames.length, 2)
  t.end()
})

t.test('of DATA packets of TFTP, only the header is kept, because boot scripts contain tokens', (t) => {
  const { frames, recorder } = setUp()
  const peer = { address: '172.16.0.61', port: 2070 }
  const local = { address: '172.16.0.101', port: 40_000 }
  recorder.sent(Buffer.from('000300017365637265742d746f6b656e', 'hex'), peer, local)
  t.equal(frames[0]?.frame.length, 46)
  t.equal(frames[0]?.octets, 58)
  t.notMatch(Buffer.from(last(frames)).toString('latin1'), 'secret')
  recorder.received(Buffer.from('00040001', 'hex'), peer, local)
  t.same([frames[1]?.frame.length, frames[1]?.octets], [46, 46], 'acknowledgments are whole')
  recorder.received(Buffer.from('0003ffffffff', 'hex'), peer, { ...local, port: 53 })
  t.equal(frames[2]?.frame.length, 48, 'a DNS message with the identifier 3 is whole')
  t.end()
})
