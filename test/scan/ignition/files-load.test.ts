/** Loading large Ignition files: the work is bounded, and not done on the event loop. */
import { join } from 'node:path'
import t from 'tap'
import { decodeIgnition, findCertificates, maxValues } from '../../../src/scan/ignition/decode.ts'
import { loadIgnition } from '../../../src/scan/ignition/files.ts'

const header = '{"ignition":{"version":"3.2.0"}'

function withSource(source: string): string {
  return `${header},"storage":{"files":[{"path":"/a","contents":{"source":${JSON.stringify(source)}}}]}}`
}

function manyFiles(count: number): string {
  const content = Buffer.from('a line of text '.repeat(40)).toString('base64')
  const files = Array.from({ length: count }, (_, index) => ({
    path: `/etc/file${index}`,
    contents: { source: `data:;base64,${content}` },
  }))
  return JSON.stringify({ ignition: { version: '3.2.0' }, storage: { files } })
}

const large = [
  { name: '12 MB of percent-encoding', text: withSource(`data:,${'%41'.repeat(4_000_000)}`) },
  { name: '10,000 small files', text: manyFiles(10_000) },
]
for (const { name, text } of large) {
  t.test(`${name} are decoded in a worker`, async (t) => {
    let workers = 0
    const count = () => workers++
    process.on('worker', count)
    t.teardown(() => process.off('worker', count))
    const folder = t.testdir({ 'large.ign': text, 'small.ign': withSource('data:,a') })
    const loaded = await loadIgnition(join(folder, 'large.ign'), true)
    t.match(loaded, { contents: { version: '3.2.0', unread: 0 }, certificates: [] })
    t.equal(workers, 1)
    t.match(await loadIgnition(join(folder, 'small.ign'), true), { contents: { version: '3.2.0' } })
    t.equal(workers, 1, 'a small file is decoded at once')
  })
}

t.test('a file with millions of JSON values is rejected before it is parsed', (t) => {
  t.intercept(JSON, 'parse', { value: () => t.fail('parsed') })
  const problem = `has more than ${maxValues} JSON values`
  for (const text of [
    `${header},"x":${'['.repeat(6_000_000)}${']'.repeat(6_000_000)}}`,
    `${header},"x":[${'[],'.repeat(4_000_000)}[]]}`,
    `${header},"x":[${'{},'.repeat(4_000_000)}{}]}`,
  ]) {
    t.match(decodeIgnition(Buffer.from(text), true), { code: 'ignition.invalid', problem })
  }
  t.end()
})

t.test('values are counted outside of text only, and for all nested configurations together', (t) => {
  const text = `${header},"x":${JSON.stringify(`"\\${'['.repeat(maxValues)}`)}}`
  t.match(decodeIgnition(Buffer.from(text), true), { contents: { version: '3.2.0' } })
  const long = `{"x":[${'1,'.repeat(maxValues - 10)}1]}`
  const sources = [1, 2].map(() => `data:;base64,${Buffer.from(long).toString('base64')}`)
  let parsed = 0
  const parse = JSON.parse.bind(JSON)
  t.intercept(JSON, 'parse', {
    value(inner: string) {
      parsed += 1
      return parse(inner) as unknown
    },
  })
  t.match(findCertificates({ sources }), { certificates: [] })
  t.equal(parsed, 1)
  t.end()
})

t.test('a list with more elements than a call has arguments is searched', (t) => {
  const list = `${header},"x":[${'0,'.repeat(400_000)}0]}`
  t.match(decodeIgnition(Buffer.from(list), true), { contents: { version: '3.2.0' } })
  t.end()
})

t.test('percent-encoding is decoded once, and an invalid escape is kept (RFC 3986 §2.1)', (t) => {
  const pem = (text: string) => ({
    source: `data:,-----BEGIN%20CERTIFICATE-----${text}-----END%20CERTIFICATE-----`,
  })
  // Counted as unreadable certificates, which shows what the base64 between the markers became.
  t.equal(findCertificates(pem('AA%41%61')).unread, 1)
  t.equal(findCertificates(pem('AA%2541')).unread, 0, 'decoded to %41, which is not base64')
  t.equal(findCertificates(pem('AA%4')).unread, 0)
  t.equal(findCertificates(pem('AA%zz')).unread, 0)
  t.end()
})
