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
  dataUrl,
} from '../../support/ignition.ts'
import { gzipSync } from 'node:zlib'

const decode = (text: string | Uint8Array, isLive = true) => decodeIgnition(Buffer.from(text), isLive)
const contents = (text: string) => {
  const decoded = decode(text)
  if ('problem' in decoded) throw new Error(decoded.problem)
  return decoded.contents
}

t.test(
  'a bootstrap file is as old as its newest one-day certificate, and valid until the first one expires',
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

t.test('parts that Ignition does not accept are faults of version 3, whose rules are known here', (t) => {
  const { faults } = contents(ignitionText({ storage: { files: [{ path: 'etc/motd' }] } }))
  t.match(faults, [/^storage\.files\.0\.path: got "etc\/motd"/])
  const old = decode(
    JSON.stringify({ ignition: { version: '2.2.0' }, storage: { files: [{ path: 'a' }] } }),
    false,
  )
  t.notOk('contents' in old && old.contents.faults)
  t.end()
})

t.test('a pointer, or a file with certificates of a year, does not age', (t) => {
  const pointer = contents(pointerText())
  t.same([pointer.madeAt, pointer.usableUntil], [undefined, undefined])
  t.equal(pointer.firstToExpire?.notAfter, Date.UTC(2036, 10, 18, 6))
  const year = contents(ignitionText({ storage: { files: [nodeFile('/etc/x', certificate('admin'))] } }))
  t.equal(year.madeAt, undefined)
  t.same(contents(ignitionText({})), { version: '3.4.0', unread: 0 })
  t.end()
})

t.test('an expired certificate authority of the company does not make a file old', (t) => {
  const files = [
    nodeFile('/etc/a', certificate('company-ca')),
    nodeFile('/etc/b', certificate('kubelet-signer')),
  ]
  const { usableUntil: end, firstToExpire } = contents(ignitionText({ storage: { files } }))
  t.equal(end, usableUntil)
  t.equal(firstToExpire?.subject, 'CN=Example Root, O=Example')
  t.end()
})

const others = ['node-ipsec', 'node-future', 'company-ca'] as const

for (const name of others) {
  t.test(`the certificate ${name} of the administrator does not age a file, wherever it is`, (t) => {
    const other = certificate(name)
    const secret = `data:\n  tls.crt: ${Buffer.from(other).toString('base64')}\n`
    const places: readonly object[] = [
      nodeFile('/etc/ipsec.d/node.crt', other),
      nodeFile('/opt/openshift/manifests/user-ca-bundle-config.yaml', secret),
      nodeFile('/opt/openshift/openshift/99_worker.json', JSON.stringify({ crt: other })),
      { path: '/etc/x', append: [{ source: dataUrl(gzipSync(other)) }] },
    ]
    const bootstrap = JSON.parse(bootstrapText()) as { storage: { files: object[] } }
    for (const place of places) {
      const storage = { files: [place] }
      const together = [...bootstrap.storage.files, place]
      const merged = ignitionText({
        ignition: { version: '3.4.0', config: { merge: [{ source: dataUrl(ignitionText({ storage })) }] } },
      })
      for (const text of [ignitionText({ storage }), merged])
        t.match(contents(text), { madeAt: undefined, usableUntil: undefined })
      t.match(contents(ignitionText({ storage: { files: together } })), { madeAt, usableUntil })
    }
    t.end()
  })
}

t.test(
  'a short-lived certificate in a directory of the installer ages the file, whatever its subject',
  (t) => {
    for (const path of [
      '/opt/openshift/tls/ironic.crt',
      '/opt/openshift/auth/kubeconfig-loopback',
      '/etc/kubernetes/kubeconfig',
    ]) {
      const storage = { files: [nodeFile(path, certificate('node-ipsec'))] }
      t.equal(contents(ignitionText({ storage })).madeAt, Date.UTC(2026, 10, 17, 6), path)
    }
    t.end()
  },
)

t.test('accepts the versions that installers write, and rejects others', (t) => {
  const known = (version: string) => `has Ignition version "${version}", but only 2.x and 3.x are supported`
  const cases: { version: string; isLive?: boolean; problem?: string }[] = [
    ...[
      '3.0.0',
      '3.1.0',
      '3.4.0',
      '3.5.1',
      '3.6.0',
      '3.6.0-experimental',
      '3.7.0',
      '3.10.0',
      '3.4.0-experimental',
    ].map((version) => ({ version })),
    ...['3.4', '3.4.0-other', '3.04.0', '4.0.0', '1.0.0', '12.2.0', 'x'].map((version) => ({
      version,
      problem: known(version),
    })),
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

t.test('reports why bytes are not an Ignition file', (t) => {
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

t.test('any bytes decode to contents or a problem', (t) => {
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
