import t from 'tap'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { frameOf } from '../../../src/host/capture/frame.ts'
import { pcapHeader, pcapRecord } from '../../../src/host/capture/pcap.ts'

const client = { mac: Uint8Array.of(0, 0x50, 0x56, 0x96, 0x7a, 0x21), address: '172.16.0.61', port: 4000 }
const server = { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), address: '172.16.0.101', port: 53 }
/** A query for the A records of `a`. */
const query = Buffer.from('0007010000010000000000000161000001' + '0001', 'hex')

t.test('a record has its time, and the length before it was cut', (t) => {
  const frame = frameOf(client, server, query)
  const record = Buffer.from(
    pcapRecord({ at: 1_700_000_000_250, frame: frame.slice(0, 46), octets: frame.length }),
  )
  t.same(
    [0, 4, 8, 12].map((at) => record.readUInt32LE(at)),
    [1_700_000_000, 250_000, 46, frame.length],
  )
  t.equal(record.length, 62)
  t.equal(pcapHeader().length, 24)
  t.end()
})

const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0

t.test('tcpdump reads the file', { skip: hasTcpdump ? false : 'tcpdump is not installed' }, (t) => {
  const file = join(t.testdir(), 'a.pcap')
  const whole = frameOf(client, server, query)
  const request = frameOf(
    { ...client, port: 2070 },
    { ...server, port: 69 },
    Buffer.from('\0\x01boot.ipxe\0octet\0'),
  )
  const solicit = frameOf(
    { ...client, address: 'fe80::1', port: 546 },
    { ...server, address: 'ff02::1:2', port: 547 },
    Buffer.from('01abcdef', 'hex'),
  )
  const frames = [whole, request, solicit].map((frame) =>
    pcapRecord({ at: 1000, frame, octets: frame.length }),
  )
  writeFileSync(file, Buffer.concat([pcapHeader(), ...frames]))
  const { stdout, status } = spawnSync('tcpdump', ['-n', '-vv', '-r', file], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  t.equal(status, 0)
  t.match(stdout, /172\.16\.0\.61\.4000 > 172\.16\.0\.101\.53: \[udp sum ok\] 7\+ A\? a\./)
  t.match(stdout, /RRQ "boot\.ipxe" octet/)
  t.match(stdout, /dhcp6 solicit/)
  t.notMatch(stdout, /bad cksum|bad udp/i)
  t.end()
})
