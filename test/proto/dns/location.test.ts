import t from 'tap'
import { parseOtherData } from '../../../src/proto/dns/presentation.ts'

const read = (text: string): string => {
  try {
    return parseOtherData('LOC', text).text
  } catch (error) {
    return (error as Error).message
  }
}

t.test('a position that cannot be is rejected (RFC 1876 §3)', (t) => {
  const position = 'expected a position such as 52 22 23.000 N 4 53 32.000 E 2.00m'
  const cases: readonly (readonly [text: string, reason: string])[] = [
    ['52 N 4 E', position],
    ['N 4 E 0m', position],
    ['91 N 4 E 0m', position],
    ['52 60 N 4 E 0m', position],
    ['52 1 60 N 4 E 0m', position],
    ['x N 4 E 0m', position],
    ['52 1 2 3 N 4 E 0m', position],
    ['52 N 181 E 0m', position],
    ['52 N 4 0m', position],
    ['52 N 4 E 0m 1m 2m 3m 4m', position],
    ['52 N 4 E high', 'expected meters, got high'],
    ['52 N 4 E 42949673m', 'expected an altitude from -100000m to 42849672m'],
    ['52 N 4 E -100001m', 'expected an altitude from -100000m to 42849672m'],
    ['52 N 4 E 0m -1m', 'expected a size from 0m to 90000000m, got -1m'],
    ['52 n 4 w 0', '52 0 0.000 N 4 0 0.000 W 0.00m 1.00m 10000.00m 10.00m'],
  ]
  for (const [text, reason] of cases) t.equal(read(text), reason)
  t.end()
})

t.test('octets that mean no position are rejected', (t) => {
  const rest = '80000000' + '80000000' + '00989680'
  const generic = (hex: string) => read(String.raw`\# ${hex.length / 2} ${hex}`)
  t.equal(generic(`00121613${rest}`), '0 0 0.000 N 0 0 0.000 E 0.00m 1.00m 10000.00m 10.00m')
  t.equal(generic(`01121613${rest}`), 'expected version 0')
  t.equal(generic(`00a21613${rest}`), 'expected digits in a size')
  t.equal(generic(`001a1613${rest}`), 'expected digits in a size')
  t.equal(generic('00121613' + 'ffffffff' + '80000000' + '00989680'), 'expected at most 90 degrees')
  t.end()
})
