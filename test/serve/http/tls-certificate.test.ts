import { X509Certificate } from 'node:crypto'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { issueCertificate } from '../../../src/host/certificate.ts'
import { loadTls } from '../../../src/serve/http/tls-certificate.ts'

const now = Date.UTC(2026, 10, 29)
const dayMs = 86_400_000
const addresses = ['172.16.0.101', 'fd00:16::101']
const plan = { port: 8444, addresses }
const first = (chain: string) => new X509Certificate(chain)

t.test('slipway creates a CA once, and certificates as needed', async (t) => {
  const directory = t.testdir()
  const { chain, authority } = await loadTls(plan, directory, now)
  const [leaf, ca] = [first(chain), new X509Certificate(authority)]
  t.ok(chain.endsWith(authority), 'iPXE has only the fingerprint of the CA')
  t.ok(ca.ca)
  t.ok(leaf.checkIssued(ca))
  t.ok(leaf.verify(ca.publicKey))
  t.match(leaf.subjectAltName, 'IP Address:172.16.0.101')
  t.equal(leaf.publicKey.asymmetricKeyType, 'rsa', 'iPXE verifies only RSA')
  for (const name of ['https.key', 'https-ca.key'])
    t.equal(statSync(join(directory, name)).mode & 0o777, 0o600)

  const again = await loadTls(plan, directory, now + 759 * dayMs)
  t.equal(again.chain, chain, 'the same after a restart')
  const renewed = await loadTls(plan, directory, now + 761 * dayMs)
  t.not(renewed.chain, chain, 'another one 60 days before the end')
  t.equal(renewed.authority, authority)
  const moved = await loadTls({ port: 8444, addresses: ['172.16.0.102'] }, directory, now + 761 * dayMs)
  t.not(moved.chain, renewed.chain, 'another one for another address')
  t.equal(moved.authority, authority)

  rmSync(join(directory, 'https-ca.key'))
  await t.rejects(loadTls(plan, directory, now), {
    message: /https-ca\.key is missing: restore it, or remove .*https-ca\.crt/,
  })
  writeFileSync(join(directory, 'https-ca.key'), '')
  rmSync(join(directory, 'https-ca.crt'))
  await t.rejects(loadTls(plan, directory, now), { message: /https-ca\.crt is missing/ })
  await t.rejects(loadTls(plan, join(directory, 'https-ca.key'), now), { code: 'ENOTDIR' })
})

t.test('without a state directory, each start creates a CA', async (t) => {
  const one = await loadTls(plan, undefined, now)
  t.not((await loadTls(plan, undefined, now)).authority, one.authority)
})

t.test('provided files must belong together, and contain the addresses', async (t) => {
  const lifetime = { from: now - dayMs, until: now + dayMs }
  const issuer = await issueCertificate({ commonName: 'CA', keyType: 'rsa', ...lifetime })
  const own = await issueCertificate({
    commonName: 's',
    keyType: 'rsa',
    names: addresses,
    issuer,
    ...lifetime,
  })
  const directory = t.testdir({
    'ca.crt': issuer.certificate,
    'own.crt': own.certificate,
    'own.key': own.key,
    'chain.crt': own.certificate + issuer.certificate,
    'other.key': issuer.key,
    'empty.crt': '',
  })
  const files = (certificate: string, key: string, ca?: string) => ({
    certificate: join(directory, certificate),
    key: join(directory, key),
    ...(ca !== undefined && { ca: join(directory, ca) }),
  })
  const load = (given: ReturnType<typeof files>, more = addresses) =>
    loadTls({ port: 8444, addresses: more, files: given }, directory, now)
  t.match(await load(files('own.crt', 'own.key', 'ca.crt')), {
    chain: own.certificate + issuer.certificate,
    authority: issuer.certificate,
    expiresAt: lifetime.until,
  })
  t.match(await load(files('chain.crt', 'own.key')), { authority: issuer.certificate })
  t.match(await load(files('chain.crt', 'own.key', 'ca.crt')), {
    chain: own.certificate + issuer.certificate,
  })
  await t.rejects(load(files('own.crt', 'other.key', 'ca.crt')), {
    message: 'the key does not belong to the certificate',
  })
  await t.rejects(load(files('own.crt', 'own.key'), ['172.16.0.9']), {
    message:
      'the certificate does not contain 172.16.0.9, so nodes would reject it: add subjectAltName=IP:172.16.0.9',
  })
  await t.rejects(load(files('empty.crt', 'own.key')), {
    message: /empty\.crt contains no certificate in PEM format/,
  })
  await t.rejects(load(files('own.crt', 'own.key', 'empty.crt')), {
    message: /empty\.crt contains no certificate/,
  })
})
