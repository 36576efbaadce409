import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { once } from 'node:events'
import t from 'tap'
import { loadCertificate } from '../../../../src/serve/control/access/certificate.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { networkApi } from '../../../support/network-api.ts'
import { now } from '../../../support/sample-nodes.ts'

const names = ['slipway.example.net', '172.16.0.101', '::1']
const dayMs = 86_400_000

t.test('a generated certificate has all names, and is kept in the state directory', async (t) => {
  const directory = t.testdir()
  const first = await loadCertificate({ names }, directory, now)
  const decoded = new X509Certificate(first.certificate)
  t.equal(
    decoded.subjectAltName,
    'DNS:slipway.example.net, IP Address:172.16.0.101, IP Address:0:0:0:0:0:0:0:1',
  )
  t.ok(decoded.verify(decoded.publicKey), 'the signature is valid')
  t.notOk(decoded.ca)
  t.same(decoded.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  t.equal(first.expiresAt, Math.floor(now / 1000) * 1000 + 820 * dayMs)
  t.equal(statSync(join(directory, 'api.key')).mode & 0o777, 0o600)
  t.equal(first.fingerprint, decoded.fingerprint256)

  const again = await loadCertificate({ names }, directory, now + 759 * dayMs)
  t.equal(again.fingerprint, first.fingerprint, 'the same after a restart')
  const renewed = await loadCertificate({ names }, directory, now + 761 * dayMs)
  t.not(renewed.fingerprint, first.fingerprint, 'a new one 60 days before the end')
  const named = await loadCertificate({ names: [...names, 'new.example.net'] }, directory, now + 761 * dayMs)
  t.not(named.fingerprint, renewed.fingerprint, 'a new one for a new name')
  writeFileSync(join(directory, 'api.key'), 'damaged')
  const repaired = await loadCertificate({ names }, directory, now + 761 * dayMs)
  t.not(repaired.fingerprint, named.fingerprint, 'a new one if the files are damaged')
  t.match(readFileSync(join(directory, 'api.key'), 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
})

t.test('without a state directory, each start generates a certificate', async (t) => {
  const [first, second] = [
    await loadCertificate({ names }, undefined, now),
    await loadCertificate({ names }, undefined, now),
  ]
  t.not(first.fingerprint, second.fingerprint)
})

t.test('without a state directory, a reload keeps the certificate that clients know', async (t) => {
  const first = await loadCertificate({ names }, undefined, now)
  const load = (of: readonly string[], at: number) => loadCertificate({ names: of }, undefined, at, first)
  t.equal((await load(names, now + dayMs)).fingerprint, first.fingerprint)
  t.not((await load([...names, 'new.example.net'], now)).fingerprint, first.fingerprint, 'a new name')
  t.not((await load(names, now + 761 * dayMs)).fingerprint, first.fingerprint, 'it expires soon')
  const declared = makeAuthority().server('DNS:slipway.example.net,IP:172.16.0.101,IP:::1')
  const files = t.testdir({ 'api.crt': declared.certificate, 'api.key': declared.key })
  const of = { certificate: join(files, 'api.crt'), key: join(files, 'api.key') }
  const former = await loadCertificate({ files: of, names }, undefined, now)
  const next = await loadCertificate({ names }, undefined, Date.now(), former)
  t.not(next.fingerprint, former.fingerprint, 'the site no longer declares the certificate')
})

t.test('a declared certificate is checked, and replaced while slipway serves', async (t) => {
  const authority = makeAuthority()
  const [first, second] = [authority.server('DNS:localhost'), authority.server('DNS:localhost')]
  const directory = t.testdir({ 'api.crt': first.certificate, 'api.key': first.key })
  const [certificate, key] = [join(directory, 'api.crt'), join(directory, 'api.key')]
  const { service, port, lines, clock } = await networkApi(t, { certificate, key })
  const served = async () => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  t.equal(await served(), new X509Certificate(first.certificate).fingerprint256)

  writeFileSync(certificate, second.certificate)
  await service.apply()
  t.match(service.problems(), [
    {
      code: 'api.certificate',
      text: `the certificate of the API cannot be replaced: ${certificate} and ${key}: the key does not belong to the certificate`,
    },
  ])
  t.equal(await served(), new X509Certificate(first.certificate).fingerprint256)
  writeFileSync(key, second.key)
  await service.apply()
  t.same(service.problems(), [])
  t.equal(await served(), new X509Certificate(second.certificate).fingerprint256)
  t.match(lines.join('\n'), /API certificate not replaced[^]*API certificate replaced/)
  clock.advance(Date.now() + 3 * dayMs - clock.now())
  t.match(service.problems(), [{ code: 'api.certificate', text: 'the certificate of the API has expired' }])
})

t.test('the API does not start with a certificate that cannot be used', async (t) => {
  await t.rejects(networkApi(t, { certificate: '/nonexistent/crt', key: '/nonexistent/key' }), {
    name: 'CannotListen',
    message: /^cannot serve the API: ENOENT/,
  })
})
