import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { node, powerOf, refusalOf, reportOf } from '../../support/bmc-power.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { fakeBmc } from '../../support/fake-bmc.ts'

const authority = makeAuthority()
const first = authority.server('IP:127.0.0.1')
const second = authority.server('IP:127.0.0.1')

const serve = (t: Test, { certificate, key }: typeof first) => fakeBmc(t, {}, { cert: certificate, key })

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'slipway-state-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

t.test('the first certificate is kept, and another one is refused until it is accepted', async (t) => {
  const state = directory(t)
  const old = await serve(t, first)
  const fresh = await serve(t, second)
  const before = powerOf(t, `127.0.0.1:${old.port}`, { directory: state })
  t.equal(reportOf(await before.power.report(node)).power, 'off')
  const file = join(state, 'bmc-certificates.json')
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>
  const [[name, fingerprint] = []] = Object.entries(kept)
  t.equal(name, `127.0.0.1:${old.port}`)

  // The same BMC with another certificate, after a restart of slipway.
  writeFileSync(file, JSON.stringify({ [`127.0.0.1:${fresh.port}`]: fingerprint }))
  const { power, lines } = powerOf(t, `127.0.0.1:${fresh.port}`, { directory: state })
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.certificate-changed')
  const [, command, actual = ''] =
    /"(slipway power trust ocp45\/w1 --fingerprint ([0-9A-F:]{95}))"/.exec(refusal.reason) ?? []
  t.ok(command, refusal.reason)
  t.same(fresh.requests, [], 'no request was sent, so no password')

  const wrong = refusalOf(await power.trust(node, String(fingerprint), 'alice'))
  t.equal(wrong.code, 'bmc.certificate-changed')
  t.match(wrong.reason, /has the fingerprint .*, not /)
  t.same(await power.trust(node, actual.toLowerCase(), 'alice'), { fingerprint: actual })
  t.match(lines.at(-1), /"user":"alice","msg":"BMC certificate accepted"/)
  t.equal(reportOf(await power.report(node)).power, 'off')
})

t.test('a certificate of the declared CA is accepted, also a new one', async (t) => {
  const ca = join(directory(t), 'ca.pem')
  writeFileSync(ca, authority.certificate)
  for (const pair of [first, second]) {
    const bmc = await serve(t, pair)
    const { power } = powerOf(t, `127.0.0.1:${bmc.port}`, { plan: { ca } })
    t.equal(reportOf(await power.report(node)).power, 'off')
  }
})

t.test('a certificate of another CA, and a CA that cannot be read', async (t) => {
  const bmc = await serve(t, first)
  const ca = join(directory(t), 'ca.pem')
  const { power } = powerOf(t, `127.0.0.1:${bmc.port}`, { plan: { ca } })
  t.match(refusalOf(await power.report(node)), {
    code: 'bmc.certificate-untrusted',
    reason: /^cannot read the CA of BMC .*ENOENT.*; correct bmc\.ca$/,
  })
  writeFileSync(ca, makeAuthority().certificate)
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.certificate-untrusted')
  t.match(refusal.reason, /is not accepted \(.*\): correct bmc\.ca/)
  t.same(bmc.requests, [])
})

t.test('a damaged file of fingerprints accepts no certificate', async (t) => {
  const state = directory(t)
  writeFileSync(join(state, 'bmc-certificates.json'), '{')
  const bmc = await serve(t, first)
  const { power } = powerOf(t, `127.0.0.1:${bmc.port}`, { directory: state })
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.pins-unusable')
  t.match(refusal.reason, /bmc-certificates\.json: .*; correct or remove the file$/)
})

t.test('fingerprints that cannot be written keep the password from being sent', async (t) => {
  const bmc = await serve(t, first)
  const { power } = powerOf(t, `127.0.0.1:${bmc.port}`, { directory: '/proc/self' })
  t.equal(refusalOf(await power.report(node)).code, 'bmc.pins-unusable')
  t.same(bmc.requests, [])
})

t.test('a BMC that accepts connections but does not answer', async (t) => {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => t.teardown(() => socket.destroy())).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const limits = { connectMs: 50, timeoutMs: 50, retryMs: 1 }
  const { power } = powerOf(t, `127.0.0.1:${port}`, { limits })
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.unreachable')
  t.match(refusal.reason, /does not answer \(no connection within 0\.05 s\)/)
})
