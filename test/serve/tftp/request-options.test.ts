import t from 'tap'
import { decodePacket } from '../../../src/proto/tftp/packet.ts'
import { negotiate, type Agreement } from '../../../src/serve/tftp/request.ts'
import { hexFixture } from '../../support/hex.ts'

type Case = {
  readonly name: string
  readonly asked: Record<string, string>
  /** The OACK, in its order. */
  readonly granted: Record<string, string>
  readonly agreed?: Partial<Agreement>
}

const cases: Case[] = [
  { name: 'no options: 512 octets, every block acknowledged (RFC 1350 §2)', asked: {}, granted: {} },
  {
    name: 'blksize as requested, up to the size of an Ethernet frame (RFC 2348)',
    asked: { blksize: '1468' },
    granted: { blksize: '1468' },
    agreed: { blockOctets: 1468 },
  },
  {
    name: 'a larger blksize is reduced, as RFC 2348 allows',
    asked: { blksize: '1469' },
    granted: { blksize: '1468' },
    agreed: { blockOctets: 1468 },
  },
  {
    name: 'the maximum blksize (RFC 2348)',
    asked: { blksize: '65464' },
    granted: { blksize: '1468' },
    agreed: { blockOctets: 1468 },
  },
  {
    name: 'the minimum blksize (RFC 2348) is never raised',
    asked: { blksize: '8' },
    granted: { blksize: '8' },
    agreed: { blockOctets: 8 },
  },
  { name: 'blksize below its range is not granted (RFC 2347)', asked: { blksize: '7' }, granted: {} },
  { name: 'blksize above its range is not granted (RFC 2347)', asked: { blksize: '65465' }, granted: {} },
  { name: 'tsize is the exact size (RFC 2349)', asked: { tsize: '0' }, granted: { tsize: '850528' } },
  {
    name: 'the requested value of tsize does not matter',
    asked: { tsize: '7' },
    granted: { tsize: '850528' },
  },
  { name: 'tsize that is not a number is not granted', asked: { tsize: '' }, granted: {} },
  {
    name: 'timeout is granted unchanged or not at all (RFC 2349)',
    asked: { timeout: '255' },
    granted: { timeout: '255' },
    agreed: { timeoutSeconds: 255 },
  },
  { name: 'timeout 0', asked: { timeout: '0' }, granted: {} },
  { name: 'timeout 256', asked: { timeout: '256' }, granted: {} },
  {
    name: 'windowsize as requested (RFC 7440 §3)',
    asked: { windowsize: '4' },
    granted: { windowsize: '4' },
    agreed: { windowBlocks: 4 },
  },
  {
    name: 'a larger windowsize is reduced, as RFC 7440 §3 allows',
    asked: { windowsize: '65535' },
    granted: { windowsize: '64' },
    agreed: { windowBlocks: 64 },
  },
  { name: 'windowsize 0', asked: { windowsize: '0' }, granted: {} },
  { name: 'windowsize 65536', asked: { windowsize: '65536' }, granted: {} },
  {
    name: 'unknown options are left out, the others keep their order (RFC 2347)',
    asked: { multicast: '', windowsize: '2', utimeout: '100000', tsize: '0', blksize: '1024' },
    granted: { windowsize: '2', tsize: '850528', blksize: '1024' },
    agreed: { windowBlocks: 2, blockOctets: 1024 },
  },
  {
    name: 'leading zeros do not change a number',
    asked: { windowsize: '04', timeout: '05', blksize: '0001024', tsize: '00' },
    granted: { windowsize: '4', timeout: '5', blksize: '1024', tsize: '850528' },
    agreed: { windowBlocks: 4, timeoutSeconds: 5, blockOctets: 1024 },
  },
  ...['-1', '+8', ' 8', '8 ', '0x10', '1e3', '8.0', '٨', '', '99999999999999999999'].map((value) => ({
    name: `"${value}" is not a decimal number`,
    asked: { blksize: value, windowsize: value, timeout: value, tsize: value },
    granted: {},
  })),
]

for (const { name, asked, granted, agreed } of cases) {
  t.test(name, (t) => {
    const agreement = negotiate(new Map(Object.entries(asked)), 850_528)
    t.same([...agreement.granted], Object.entries(granted))
    const { blockOctets, windowBlocks, timeoutSeconds } = agreement
    t.same(
      { blockOctets, windowBlocks, timeoutSeconds },
      { blockOctets: 512, windowBlocks: 1, timeoutSeconds: undefined, ...agreed },
    )
    t.end()
  })
}

t.test('tsize is not granted when the size is not known, as in netascii', (t) => {
  t.same([...negotiate(new Map([['tsize', '0']]), undefined).granted], [])
  t.end()
})

const firmware = [
  { fixture: 'ovmf-size', granted: { tsize: '850528', blksize: '1468', windowsize: '4' } },
  { fixture: 'ovmf-read', granted: { blksize: '1468', windowsize: '4' } },
  { fixture: 'ipxe-bios', granted: { blksize: '1432', tsize: '850528' } },
  { fixture: 'atftp', granted: { tsize: '850528', blksize: '1428', windowsize: '8' } },
  { fixture: 'curl', granted: { tsize: '850528', blksize: '1024', timeout: '6' } },
  { fixture: 'busybox', granted: { blksize: '1400', tsize: '850528' } },
  { fixture: 'tftp-hpa', granted: {} },
]

for (const { fixture, granted } of firmware) {
  t.test(`${fixture} gets all requested options`, (t) => {
    const packet = decodePacket(hexFixture(`tftp/${fixture}`))
    if (packet.kind !== 'rrq') throw new Error('fixture is not an RRQ')
    t.same([...negotiate(packet.options, 850_528).granted], Object.entries(granted))
    t.end()
  })
}
