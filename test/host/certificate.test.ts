/** Issued certificates are what other implementations accept: Node's X509Certificate and openssl verify. */
import { X509Certificate } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { issueCertificate } from '../../src/host/certificate.ts'

const day = 86_400_000
const from = Date.UTC(2026, 10, 1)

for (const keyType of ['rsa', 'ec'] as const) {
  t.test(`openssl verifies a certificate that a CA with a key of type ${keyType} issued`, async (t) => {
    const lifetime = { from, until: from + 30 * day }
    const ca = await issueCertificate({ commonName: 'test CA', keyType, ...lifetime })
    const names = ['bastion.example.net', '192.0.2.1', 'fd00::1']
    const server = await issueCertificate({
      ...{ commonName: 'server', names, keyType, issuer: ca },
      ...lifetime,
    })
    const dir = t.testdir()
    writeFileSync(join(dir, 'ca.crt'), ca.certificate)
    writeFileSync(join(dir, 'server.crt'), server.certificate)
    const purpose = ['-x509_strict', '-purpose', 'sslserver', '-verify_ip', '192.0.2.1']
    const at = ['-attime', String(from / 1000 + 3600)]
    const files = ['-CAfile', join(dir, 'ca.crt'), join(dir, 'server.crt')]
    t.match(execFileSync('openssl', ['verify', ...purpose, ...at, ...files], { encoding: 'utf8' }), /: OK$/m)

    const decoded = new X509Certificate(server.certificate)
    const authority = new X509Certificate(ca.certificate)
    t.equal(decoded.verify(authority.publicKey), true)
    t.equal(decoded.checkIssued(authority), true, 'the key identifiers match (RFC 5280 §4.2.1.2)')
    t.equal(authority.ca, true)
    t.equal(decoded.ca, false)
    t.equal(decoded.checkHost('bastion.example.net'), 'bastion.example.net')
    t.equal(decoded.checkIP('fd00::1'), 'fd00::1')
    t.equal(decoded.checkHost('other.example.net'), undefined)
  })
}

t.test('serial numbers are positive, and differ', async (t) => {
  const request = { commonName: 'x', keyType: 'ec', from, until: from + day } as const
  const issued = await Promise.all([issueCertificate(request), issueCertificate(request)])
  const serials = issued.map(({ certificate }) => new X509Certificate(certificate).serialNumber)
  t.not(serials[0], serials[1])
  for (const serial of serials) t.match(serial, /^[4-7][0-9A-F]{31}$/)
})
