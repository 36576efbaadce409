/** Parses the output of dnsperf 2.10, perfdhcp 2.2, and wrk 4.1. */
import t from 'tap'
import {
  parseDnsperf,
  parseDnsperfDelays,
  parsePerfdhcp,
  parsePerfdhcpDelays,
  parseWrk,
} from '../../bench/load-output.ts'

const dnsperf = `\
> NOERROR n1.ocp45.example.localdomain A 0.000181
> NXDOMAIN nx.ocp45.example.localdomain A 0.002136
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         80600
  Queries completed:    80593 (99.99%)
  Queries lost:         7 (0.01%)

  Response codes:       NOERROR 76563 (95.00%), NXDOMAIN 4030 (5.00%)
  Average packet size:  request 46, response 54
  Run time (s):         1.000895
  Queries per second:   80520.933764
`

const perfdhcp = `\
***Rate statistics***
Rate: 4985.29 4-way exchanges/second, expected rate: 8000

***Statistics for: DISCOVER-OFFER***
sent packets: 15775
received packets: 12071
drops: 3704
drops ratio: 23.4802 %

***Statistics for: REQUEST-ACK***
sent packets: 12071
received packets: 11660
drops: 411
drops ratio: 3.405 %

***Timestamps for packets: DISCOVER-OFFER***
sent / received: 000000.400097 / 000000.401097

***Timestamps for packets: REQUEST-ACK***
sent / received: 000001.105000 / 000001.110000
`

const wrk = `\
Running 3s test @ http://172.16.0.1/boot/ocp45/n0001/boot.ipxe
  1 threads and 32 connections
  19590 requests in 3.00s, 31.3MB read
Requests/sec:   6530.12
Transfer/sec:     10.4MB
`

t.test('dnsperf: rate, losses, and percentage of each response code', (t) => {
  t.same(parseDnsperf(dnsperf), {
    queriesPerSecond: 80_520.933764,
    sent: 80_600,
    lost: 7,
    responseCodes: new Map([
      ['NOERROR', 95],
      ['NXDOMAIN', 5],
    ]),
  })
  t.end()
})

t.test('dnsperf -v: milliseconds until each answer', (t) => {
  t.same(
    parseDnsperfDelays(dnsperf).map((delay) => delay.toFixed(3)),
    ['0.181', '2.136'],
  )
  t.end()
})

t.test('perfdhcp: an exchange is completed by its ACK', (t) => {
  t.same(parsePerfdhcp(perfdhcp), { started: 15_775, completed: 11_660 })
  t.end()
})

t.test('perfdhcp -x t: milliseconds until each reply', (t) => {
  t.same(
    parsePerfdhcpDelays(perfdhcp).map((delay) => delay.toFixed(3)),
    ['1.000', '5.000'],
  )
  t.end()
})

t.test('wrk: failures are the sum of all errors, and 0 without an error line', (t) => {
  t.same(parseWrk(wrk), { requestsPerSecond: 6530.12, failed: 0 })
  const errors = 'Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n'
  t.same(parseWrk(errors + wrk), { requestsPerSecond: 6530.12, failed: 15 })
  t.end()
})

t.test('unexpected output is an error, never a zero', (t) => {
  t.throws(() => parseDnsperf(''), { message: 'expected /Response codes:\\s+(.*)/ in ""' })
  t.throws(() => parsePerfdhcp('usage'), { message: 'expected /sent packets: (\\d+)/ in ""' })
  t.throws(() => parseWrk('unable to connect'), {
    message: 'expected /Requests\\/sec:\\s+([\\d.]+)/ in "unable to connect"',
  })
  t.end()
})
