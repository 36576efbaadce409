import fc from 'fast-check'
import t from 'tap'
import { decodeIgnition } from '../../../src/scan/ignition/decode.ts'
import {
  bootstrapText,
  certificate,
  ignitionText,
  madeAt,
  nodeFile,
  pointerText,
  usableUntil,
} from '../../support/ignition.ts'

const decode = (text: string | Uint8Array, isLive = true) => decodeIgnition(Buffer.from(text), isLive)
const contents = (text: string) => {
  const decoded = decode(text)
  if ('problem' in decoded) throw new Error(decoded.problem)
  return decoded.contents
}

t.test(
  'a bootstrap file is as old as its youngest certificate of a day, and good until the first expires',
  (t) => {
    t.match(contents(bootstrapText()), {
      version: '3.4.0',
      unread: 0,
      madeAt,
      usableUntil,
      firstToExpire: { subject: 'CN=kubelet-signer, OU=openshift' },
    })
    t.end()
  },
)

t.test('a pointer, or a file with certificates of a year, does not age', (t) => {
  const pointer = contents(pointerText())
  t.same([pointer.madeAt, pointer.usableUntil], [undefined, undefined])
  t.equal(pointer.firstToExpire?.notAfter, Date.UTC(2036, 10, 18, 6))
  const year = contents(ignitionText({ storage: { files: [nodeFile('/etc/x', certificate('admin'))] } }))
  t.equal(year.madeAt, undefined)
  t.same(contents(ignitionText({})), { version: '3.4.0', unread: 0 })
  t.end()
})

t.test('an authority of the company that expired long ago is no reason to call a file old', (t) => {
  const files = [
    nodeFile('/etc/a', certificate('company-ca')),
    nodeFile('/etc/b', certificate('kubelet-signer')),
  ]
  const { usableUntil: end, firstToExpire } = contents(ignitionText({ storage: { files } }))
  t.equal(end, usableUntil)
  t.equal(firstToExpire?.subject, 'CN=Example Root, O=Example')
  t.end()
})

t.test('versions', (t) => {
  const known = (version: string) => `has Ignition version "${version}", but only 3.1 to 3.5 are supported`
  const cases: { version: string; isLive?: boolean; problem?: string }[] = [
    ...['3.1.0', '3.2.0', '3.3.0', '3.4.0', '3.5.0', '3.5.1'].map((version) => ({ version })),
    ...[
      '3.0.0',
      '3.6.0',
      '3.6.0-experimental',
      '3.4.0-experimental',
      '3.4',
      '4.0.0',
      '1.0.0',
      '12.2.0',
      'x',
    ].map((version) => ({ version, problem: known(version) })),
    { version: '2.2.0', isLive: false },
    {
      version: '2.2.0',
      problem:
        'has Ignition version 2.2.0 of an installer before 4.6, but the image reads 3.x: use the openshift-install of the same release',
    },
    { version: `9${'9'.repeat(90)}`, problem: known('9'.repeat(40)) },
  ]
  for (const { version, isLive = true, problem } of cases) {
    const decoded = decode(ignitionText({}, version), isLive)
    t.equal('problem' in decoded ? decoded.problem : undefined, problem, version)
  }
  t.end()
})

t.test('what keeps octets from being an Ignition file', (t) => {
  const frame = 'is not an Ignition file, because ignition.version is missing'
  const cases: [octets: string | Uint8Array, problem: string][] = [
    ['<html>', 'is not JSON'],
    ['', 'is not JSON'],
    [`\ufeff${pointerText()}`, 'is not JSON'],
    [Uint8Array.of(0x22, 0xff, 0x22), 'is not JSON'],
    ...[
      'null',
      '7',
      '[]',
      '{"ignition":null}',
      '{"ignition":{"version":3}}',
      '{"ignition":{"version":""}}',
    ].map((text): [string, string] => [text, frame]),
  ]
  for (const [octets, problem] of cases)
    t.same(decode(octets), { code: 'ignition.invalid', problem }, String(octets))
  t.end()
})

t.test('any octets give contents or a problem', (t) => {
  const sample = Buffer.from(bootstrapText())
  fc.assert(
    fc.property(fc.nat(sample.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, damage) => {
      const octets = Buffer.from(sample)
      octets.set(damage.subarray(0, octets.length - at), at)
      decodeIgnition(octets, true)
      decodeIgnition(damage, true)
    }),
    { numRuns: 200 },
  )
  t.end()
})
