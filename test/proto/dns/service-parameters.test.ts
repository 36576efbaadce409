import t from 'tap'
import { parseOtherData } from '../../../src/proto/dns/presentation.ts'

const rejects = (text: string): string => {
  try {
    return parseOtherData('SVCB', text).text
  } catch (error) {
    return (error as Error).message
  }
}

t.test('a value of a parameter is rejected with what was expected (RFC 9460 §7)', (t) => {
  const cases: readonly (readonly [text: string, reason: string])[] = [
    ['1 . port=1 port=2', 'expected port once'],
    ['1 . key65535=1', 'expected the key of a parameter, got key65535'],
    ['1 . name=1', 'expected the key of a parameter, got name'],
    ['1 . alpn', 'expected a value of alpn'],
    ['1 . alpn=h2,,h3', 'expected protocols such as h2,h3 for alpn, got h2,,h3'],
    ['1 . mandatory=mandatory', 'expected other keys, each once, for mandatory, got mandatory'],
    ['1 . mandatory=port,port', 'expected other keys, each once, for mandatory, got port,port'],
    ['1 . no-default-alpn=1', 'expected no value for no-default-alpn, got 1'],
    ['1 . port=65536', 'expected a port for port, got 65536'],
    ['1 . port=x', 'expected a port for port, got x'],
    ['1 . ipv4hint=192.0.2', 'expected addresses for ipv4hint, got 192.0.2'],
    ['1 . ipv6hint=192.0.2.1', 'expected addresses for ipv6hint, got 192.0.2.1'],
    ['1 . ech=A=', 'expected octets in base64 for ech, got A='],
  ]
  for (const [text, reason] of cases) t.equal(rejects(text), reason)
  t.end()
})

t.test('octets of parameters are rejected that text cannot mean', (t) => {
  const generic = (hex: string) => rejects(String.raw`\# ${hex.length / 2} ${hex}`)
  const start = '000100'
  t.equal(generic(`${start}0003000201bb0003000201bb`), 'expected parameters in the order of their keys')
  t.equal(generic(`${start}0002000100`), 'expected no value of no-default-alpn')
  t.equal(generic(`${start}0003000301bb00`), 'expected a port of 2 octets')
  t.equal(generic(`${start}000300020100`), '1 . port=256')
  t.equal(generic(`${start}00040003c00002`), 'expected more octets')
  t.end()
})
