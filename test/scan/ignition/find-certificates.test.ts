import fc from 'fast-check'
import t from 'tap'
import { findCertificates, maxUnpackedBytes } from '../../../src/scan/ignition/decode.ts'
import { bootstrapText, certificate, nodeFile, pointerText, dataUrl } from '../../support/ignition.ts'
import { gzipSync } from 'node:zlib'

const find = (config: unknown) => {
  const { certificates, unread } = findCertificates(config)
  return { found: certificates.map(({ subject, where }) => `${subject} @ ${where}`), unread }
}
const file = (source: string) => ({ storage: { files: [{ path: '/etc/x', contents: { source } }] } })
const base64 = (text: string) => Buffer.from(text).toString('base64')
const pem = certificate('admin')
const admin = 'CN=system:admin, O=system:masters'
const inFile = { found: [`${admin} @ /etc/x`], unread: 0 }

t.test('finds each certificate of a bootstrap file, with its dates and its position', (t) => {
  const { certificates } = findCertificates(JSON.parse(bootstrapText()))
  t.same(certificates, [
    {
      subject: 'CN=root-ca, OU=openshift',
      notBefore: Date.UTC(2026, 10, 21, 6),
      notAfter: Date.UTC(2036, 10, 18, 6),
      where: '/opt/openshift/tls/root-ca.crt',
    },
    {
      subject: 'CN=system:kube-apiserver, O=kube-master',
      notBefore: Date.UTC(2026, 10, 21, 6),
      notAfter: Date.UTC(2026, 10, 22, 6, 0, 20),
      where: '/opt/openshift/tls/kube-apiserver-lb-server.crt',
    },
    {
      subject: 'CN=kube-apiserver-lb-signer, OU=openshift',
      notBefore: Date.UTC(2026, 10, 21, 6),
      notAfter: Date.UTC(2036, 10, 18, 6),
      where: '/opt/openshift/tls/kube-apiserver-lb-server.crt',
    },
    {
      subject: 'CN=kubelet-signer, OU=openshift',
      notBefore: Date.UTC(2026, 10, 21, 6, 0, 10),
      notAfter: Date.UTC(2026, 10, 22, 6, 0, 10),
      where: '/opt/openshift/manifests/kubelet-signer-secret.yaml',
    },
  ])
  t.same(find(JSON.parse(pointerText())).found, [
    'CN=root-ca, OU=openshift @ ignition.security.tls.certificateAuthorities.source',
  ])
  t.end()
})

const places: { name: string; config: unknown; where?: string }[] = [
  { name: 'PEM as it is', config: { storage: { files: [{ path: '/etc/x', contents: { inline: pem } }] } } },
  { name: 'a data URL in base64 (RFC 2397)', config: file(dataUrl(pem)) },
  { name: 'a data URL without a media type', config: file(`data:;base64,${base64(pem)}`) },
  { name: 'a data URL with percent-encoding', config: file(`data:,${encodeURIComponent(pem)}`) },
  {
    name: 'a data URL in base64 with percent-encoding',
    config: file(`data:;base64,${encodeURIComponent(base64(pem))}`),
  },
  {
    name: "gzip'd contents",
    config: {
      storage: {
        files: [{ path: '/etc/x', contents: { compression: 'gzip', source: dataUrl(gzipSync(pem)) } }],
      },
    },
  },
  {
    name: 'appended contents',
    config: { storage: { files: [{ path: '/etc/x', append: [{ source: dataUrl(`# one\n${pem}`) }] }] } },
  },
  {
    name: 'a kubeconfig',
    config: file(dataUrl(`users:\n- user:\n    client-certificate-data: ${base64(pem)}\n`)),
  },
  {
    name: 'a bundle in a secret, with comments before the certificate',
    config: file(dataUrl(`data:\n  ca-bundle.crt: ${base64(`# ours\n${pem}`)}\n`)),
  },
  { name: 'YAML with a block of PEM', config: file(dataUrl(`crt: |\n  ${pem.replaceAll('\n', '\n  ')}`)) },
  { name: 'JSON in a file', config: file(dataUrl(JSON.stringify({ crt: pem }))), where: '/etc/x: crt' },
  { name: 'JSON in a string in YAML', config: file(dataUrl(`crt: ${JSON.stringify(pem)}`)) },
  {
    name: 'a machine configuration in a manifest',
    config: file(dataUrl(`spec:\n  source: ${dataUrl(pem)}\n`)),
  },
  {
    name: 'a unit',
    config: { systemd: { units: [{ name: 'a.service', contents: pem }] } },
    where: 'systemd.units.contents',
  },
  {
    name: 'a merged configuration',
    config: {
      ignition: { config: { merge: [{ source: dataUrl(JSON.stringify(file(dataUrl(pem)))) }] } },
    },
    where: 'ignition.config.merge.source: /etc/x',
  },
  {
    name: "a gzip'd configuration that replaces",
    config: {
      ignition: {
        config: {
          replace: { compression: 'gzip', source: dataUrl(gzipSync(JSON.stringify(file(dataUrl(pem))))) },
        },
      },
    },
    where: 'ignition.config.replace.source: /etc/x',
  },
]

for (const { name, config, where = '/etc/x' } of places) {
  t.test(`finds a certificate in ${name}`, (t) => {
    t.same(find(config), { found: [`${admin} @ ${where}`], unread: 0 })
    t.end()
  })
}

t.test('a repeated certificate is listed once, at its first position', (t) => {
  t.same(find({ storage: { files: [nodeFile('/etc/x', pem), nodeFile('/etc/y', pem + pem)] } }), inFile)
  t.end()
})

t.test('a broken part does not stop the scan, and is counted', (t) => {
  const broken = pem.replace(/^M.{8}/m, 'AAAAAAAAA')
  const cases: { name: string; text: string | Uint8Array; unread: number }[] = [
    { name: 'a certificate', text: broken + pem, unread: 1 },
    { name: 'gzip', text: `${dataUrl(gzipSync(pem).subarray(0, 90))} ${pem}`, unread: 1 },
    { name: 'one without its end', text: `${pem.slice(0, 100)}\n${pem}`, unread: 0 },
    {
      name: 'a script that names the marks',
      text: `grep -e "-----BEGIN CERTIFICATE-----" x\n${pem}`,
      unread: 0,
    },
    {
      name: 'marks without anything between',
      text: `-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n${pem}`,
      unread: 0,
    },
    { name: 'text that begins like JSON', text: `{ not json ${pem}`, unread: 0 },
  ]
  for (const { name, text, unread } of cases) t.same(find(file(dataUrl(text))), { ...inFile, unread }, name)
  t.end()
})

t.test('the size of unpacked data is limited', (t) => {
  const bomb = dataUrl(gzipSync(Buffer.alloc(maxUnpackedBytes + 1)))
  t.same(find([bomb, pem]), { found: [`${admin} @ `], unread: 1 })
  const half = dataUrl(gzipSync(Buffer.alloc(maxUnpackedBytes / 2 + 1)))
  t.same(find([half, half, dataUrl('later')]).unread, 1, 'all parts of a file share it')
  const full = dataUrl(gzipSync(Buffer.alloc(maxUnpackedBytes)))
  t.same(find([full, dataUrl(gzipSync('later'))]).unread, 1, 'nothing is left')
  t.end()
})

t.test('the depth of nesting is limited', (t) => {
  const wrapped = (times: number): string => (times === 0 ? pem : dataUrl(wrapped(times - 1)))
  t.same(find(wrapped(5)), { found: [`${admin} @ `], unread: 0 })
  t.same(find(wrapped(6)), { found: [], unread: 1 })
  const lists = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  t.same(find(JSON.parse(lists)), { found: [], unread: 0 })
  t.end()
})

t.test('names are printable in a log and on a terminal', (t) => {
  const config = { storage: { files: [nodeFile(`/etc/\u001b[2J${'x'.repeat(500)}`, pem)] } }
  t.match(find(config).found[0], /@ \/etc\/\?\[2Jx{100,200}$/)
  t.end()
})

t.test('any text takes time in proportion to its length', (t) => {
  const hostile = [
    'data:',
    'data:,',
    'data:;base64,',
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN CERTIFICATE-----A-----END CERTIFICATE-----',
    `${'A'.repeat(399)} `,
    '%41',
    '\\n',
  ]
  for (const part of hostile) {
    const before = process.cpuUsage().user
    find(part.repeat(Math.ceil(300_000 / part.length)))
    t.ok(process.cpuUsage().user - before < 3_000_000, part.slice(0, 40))
  }
  t.end()
})

t.test('any JSON is searched without an exception', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (config, text) => {
      const { found } = find({ config, text, url: dataUrl(text) })
      if (found.length > 0) throw new Error(found.join())
    }),
    { numRuns: 200 },
  )
  t.end()
})
