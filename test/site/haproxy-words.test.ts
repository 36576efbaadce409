/** Words of haproxy.cfg: bind lines and times. */
import t from 'tap'
import { formatIp } from '../../src/proto/address/ip.ts'
import { parseBind, timeMs } from '../../src/site/haproxy-words.ts'

t.test('a bind line is an address and a port as HAProxy has them, with options', (t) => {
  const cases: [
    text: string,
    endpoint: string,
    address: string | undefined,
    port: number,
    options?: string,
  ][] = [
    ['*:6443', '*:6443', undefined, 6443],
    [':6443', '*:6443', undefined, 6443],
    ['0.0.0.0:443', '0.0.0.0:443', undefined, 443],
    ['[::]:6443  v4v6', '[::]:6443', undefined, 6443, 'v4v6'],
    ['172.16.0.111:80', '172.16.0.111:80', '172.16.0.111', 80],
    [
      '[2001:DB8::1]:22623 interface ens4 accept-proxy',
      '[2001:db8::1]:22623',
      '2001:db8::1',
      22_623,
      'interface ens4 accept-proxy',
    ],
  ]
  for (const [text, endpoint, address, port, options = ''] of cases) {
    const bind = parseBind(text)
    t.same(
      bind && { ...bind, address: bind.address === undefined ? undefined : formatIp(bind.address) },
      { endpoint, address, port, options },
      text,
    )
  }
  t.end()
})

t.test("a time in HAProxy's format is converted to milliseconds", (t) => {
  t.same(['500ms', '2s', '1m', '4h', '1d'].map(timeMs), [500, 2000, 60_000, 14_400_000, 86_400_000])
  t.end()
})
