import fc from 'fast-check'
import t from 'tap'
import { decodeRequest } from '../../../src/cluster/csr/decode.ts'
import { formatIp } from '../../../src/proto/address/ip.ts'
import { requestOf } from '../../support/csr.ts'
import { makeRequest, pemRequest } from '../../support/pkcs10.ts'

t.test("decodes a kubelet's identity and names (RFC 2986, RFC 5280 §4.2.1.6)", (t) => {
  const plain = { otherSubject: [], otherNames: [], otherExtensions: [] }
  t.same(decodeRequest(requestOf('client')), {
    kind: 'request',
    request: {
      ...plain,
      commonNames: ['system:node:w1.ocp45.example.net'],
      organizations: ['system:nodes'],
      dnsNames: [],
      addresses: [],
    },
  })
  const serving = decodeRequest(requestOf('serving-dual-stack'))
  t.equal(serving.kind, 'request')
  if (serving.kind !== 'request') return t.end()
  t.same(serving.request.dnsNames, ['m1.ocp45.example.net'])
  t.same(serving.request.addresses.map(formatIp), ['192.0.2.11', '2001:db8::11'])
  return t.end()
})

t.test('accepts RSA keys of 2048 bits and Ed25519 keys', (t) => {
  for (const name of ['client-rsa', 'client-ed25519']) t.equal(decodeRequest(requestOf(name)).kind, 'request')
  t.end()
})

t.test('returns everything besides the organization, common name, DNS names and addresses', (t) => {
  const rows = [
    { name: 'unit', what: 'otherSubject', is: ['2.5.4.11'] },
    { name: 'email', what: 'otherNames', is: ['email root@example.net'] },
    { name: 'uri', what: 'otherNames', is: ['URI https://example.net'] },
    { name: 'registered', what: 'otherNames', is: ['a name of another kind'] },
    { name: 'authority', what: 'otherExtensions', is: ['2.5.29.19'] },
  ] as const
  for (const { name, what, is } of rows) {
    const decoded = decodeRequest(requestOf(name))
    t.same(decoded.kind === 'request' && decoded.request[what], is, name)
  }
  t.end()
})

const good = Buffer.from(requestOf('client'), 'base64').toString()
const der = Buffer.from(good.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const changed = (bytes: Uint8Array, at: number, value: number) => {
  const copy = Uint8Array.from(bytes)
  copy.set([value], at < 0 ? bytes.length + at : at)
  return copy
}

function codeOf(reason: string): string {
  if (/own key/.test(reason)) return 'csr.signature-invalid'
  return /algorithm|curve|RSA key/.test(reason) ? 'csr.key-unsupported' : 'csr.malformed'
}

t.test('returns a reason for what it cannot decode', (t) => {
  const pkcs10 = 'is not a PKCS#10 request (RFC 2986)'
  const pem = 'is not exactly one CERTIFICATE REQUEST in PEM'
  const strict = 'is not DER'
  const rows: readonly (readonly [name: string, request: string, reason: string])[] = [
    ['an empty text', '', pem],
    ['not base64', '\u0000\u0000', pem],
    ['not PEM', base64('hello'), pem],
    ['a certificate', pemRequest(der, 'CERTIFICATE'), pem],
    ['two blocks', base64(good + good), pem],
    ['text before the block', base64(`x${good}`), pem],
    ['headers in the block', base64(good.replace('\n', '\nA: b\n\n')), pem],
    ['an empty block', pemRequest(Uint8Array.of(0x30, 0)), pkcs10],
    ['truncated DER', pemRequest(der.subarray(0, -9)), pkcs10],
    ['another structure', pemRequest(Uint8Array.of(2, 1, 0)), pkcs10],
    ['a byte after it', pemRequest(Buffer.concat([der, Uint8Array.of(0)])), strict],
    ['6,000 nested sequences', pemRequest(new Uint8Array(6000).fill(0x30)), pkcs10],
    [
      'BER of indefinite length',
      pemRequest(
        Buffer.concat([
          Uint8Array.of(0x30, 0x80),
          der.subarray(2 + ((der[1] ?? 0) & 0x7f)),
          new Uint8Array(2),
        ]),
      ),
      strict,
    ],
    ['huge', 'A'.repeat(20_000), 'has 20000 bytes, expected at most 16384'],
    [
      'a broken signature',
      pemRequest(changed(der, -1, (der.at(-1) ?? 0) ^ 1)),
      'is not signed with its own key',
    ],
    [
      'another version',
      pemRequest(changed(der, der.indexOf(Uint8Array.of(2, 1, 0)) + 2, 1)),
      'has version 1, expected 0',
    ],
    [
      'a key that is not a point of its curve',
      pemRequest(changed(der, der.indexOf(Uint8Array.of(3, 0x42, 0, 4)) + 3, 9)),
      'has an invalid key',
    ],
    ['an RSA key of 1024 bits', requestOf('rsa-1024'), 'has an RSA key of 1024 bits, expected 2048 to 8192'],
    [
      'an algorithm of another key',
      makeRequest({ commonNames: ['a'], organizations: [], algorithm: '1.3.101.112' }),
      'is not signed with its own key',
    ],
    ['SHA-1', requestOf('sha1'), 'is signed with an algorithm that kubelets do not use (1.2.840.10045.4.1)'],
    ['a curve of another kind', requestOf('other-curve'), 'has a key of the unsupported curve secp256k1'],
    [
      'an attribute that is not an extension',
      requestOf('password'),
      'has an attribute 1.2.840.113549.1.9.7, which kubelets do not send',
    ],
    ['a BMPString', requestOf('wide-text'), 'has a subject that is neither UTF8String nor PrintableString'],
    [
      'two lists of extensions',
      makeRequest({ commonNames: ['a'], organizations: [], dnsNames: ['b'], lists: 2 }),
      'has several lists of extensions, expected one',
    ],
    ['two lists of names', requestOf('two-lists'), 'has several lists of names, expected one'],
    ['an empty list of names', requestOf('empty-list'), 'has an empty list of names'],
    ['an address of three bytes', requestOf('bad-address'), pkcs10],
    ['an address with its mask', requestOf('address-and-mask'), 'has the invalid address "192.0.2.21/32"'],
    ['a length in more bytes than necessary', requestOf('long-form'), strict],
  ]
  for (const [name, request, reason] of rows) {
    t.match(decodeRequest(request), { kind: 'malformed', code: codeOf(reason), reason }, name)
  }
  t.end()
})

t.test('returns a reason for arbitrary bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, isPem) => {
      const request = isPem ? pemRequest(bytes) : Buffer.from(bytes).toString('base64')
      const { kind } = decodeRequest(request)
      if (kind !== 'malformed') throw new Error(`was read as ${kind}`)
    }),
    { numRuns: 300 },
  )
  t.end()
})
