/** The registries of a disconnected site: their names for nodes, their answers, and what the mirrors lack. */
import t from 'tap'
import { mirrorsCheck } from '../../src/preflight/mirrors.ts'
import { readInstallConfig, type Registries } from '../../src/preflight/install-config.ts'
import type { RegistryAnswer } from '../../src/preflight/registry-probe.ts'
import { now, runCheck } from '../support/probes.ts'

const release = 'quay.io/openshift-release-dev/ocp-release'
const art = 'quay.io/openshift-release-dev/ocp-v4.0-art-dev'

const text = (more = '') => `
apiVersion: v1
baseDomain: example.net
pullSecret: '{"auths":{"mirror.example.net:5000":{"auth":"dXNlcjpwYXNz"},"other":{"email":"x"}}}'
additionalTrustBundle: |
  -----BEGIN CERTIFICATE-----
imageDigestSources:
  - { source: ${release}, mirrors: ["mirror.example.net:5000/ocp/release-images"] }
imageContentSources:
  - { source: ${art}, mirrors: ["mirror.example.net:5000/ocp/release"] }
${more}`

const mirrors = readInstallConfig(text())
const named = (site: object) =>
  Object.assign(site, { hosts: [{ name: 'mirror.example.net', address: '192.0.2.50' }] })

/** @param answers by the path after /v2/ */
function check(
  answers: Record<string, RegistryAnswer>,
  given: Registries = mirrors,
  change: (site: object) => object = named,
) {
  const registry = (url: string) => {
    const path = url.slice('https://mirror.example.net:5000/v2/'.length)
    return Promise.resolve(answers[path] ?? { status: 200 })
  }
  return runCheck(mirrorsCheck, { registry }, { mirrors: given }, change)
}

t.test('mirrors of both keys, the CA, and the password are read', (t) => {
  t.same(mirrors.sources, [
    { source: release, mirrors: [{ registry: 'mirror.example.net:5000', path: 'ocp/release-images' }] },
    { source: art, mirrors: [{ registry: 'mirror.example.net:5000', path: 'ocp/release' }] },
  ])
  t.same([...mirrors.credentials], [['mirror.example.net:5000', 'dXNlcjpwYXNz']])
  t.match(mirrors.trustBundle, /BEGIN CERTIFICATE/)
  t.same(readInstallConfig('imageDigestSources: [{ source: a, mirrors: [m] }]').sources[0]?.mirrors, [
    { registry: 'm', path: '' },
  ])
  for (const [broken, reason] of [
    ['{', 'is not valid YAML'],
    ['- a list', 'is not an install-config.yaml: check pullSecret and imageDigestSources'],
    ['pullSecret: secret-text', 'has a pullSecret that is not a JSON document with auths'],
  ] as const)
    t.throws(() => readInstallConfig(broken), { message: reason })
  t.end()
})

t.test('a complete mirror is fine', async (t) => {
  t.match(await check({}), [{ status: 'ok', text: 'mirror.example.net:5000 has the mirrored repositories' }])
  t.same(await runCheck(mirrorsCheck), [], 'without --install-config')
  t.match(await check({}, readInstallConfig('a: b')), [{ status: 'ok', text: /has no mirrors/ }])
})

t.test('what nodes would meet only during the installation is a failure', async (t) => {
  t.match(await check({ '': { problem: 'the connection is refused' } }), [
    { status: 'failure', code: 'preflight.mirror-unreachable' },
  ])
  t.match(await check({ '': { problem: 'its certificate has expired', isCertificate: true } }), [
    { status: 'failure', code: 'preflight.registry-certificate', remedy: /additionalTrustBundle/ },
  ])
  t.match(await check({ '': { status: 401 } }), [
    {
      code: 'preflight.pull-secret-refused',
      text: 'mirror.example.net:5000 refuses the password in pullSecret',
    },
  ])
  t.match(await check({ '': { status: 401 } }, { ...mirrors, credentials: new Map() }), [
    { text: 'mirror.example.net:5000 needs a password, and pullSecret has none for it' },
  ])
  t.match(await check({ '': { status: 404 } }), [{ status: 'failure', text: /it is not a registry$/ }])
  t.match(await check({ 'ocp/release/tags/list': { status: 404 } }), [
    { code: 'preflight.mirror-incomplete', text: 'mirror.example.net:5000 has no repository ocp/release' },
  ])
  t.match(await check({ '': { status: 200, expiresAt: now + 86_400_000 } }), [
    { status: 'warning', text: 'the certificate of mirror.example.net:5000 expires on 2026-01-02' },
    { status: 'ok' },
  ])
  t.match(await check({ '': { status: 200, expiresAt: now + 1e10 } }), [{ status: 'ok' }])
  const half = { ...mirrors, sources: mirrors.sources.slice(0, 1) }
  t.match(await check({}, half), [
    { status: 'warning', text: `install-config.yaml has no mirror of ${art}` },
    {},
  ])
})

t.test('nodes must be able to resolve the name of the registry', async (t) => {
  const nameOf = async (change: (site: object) => object) =>
    (await check({}, mirrors, change))
      .filter(({ code }) => code === 'preflight.registry-name')
      .map((each) => each.text)
  const zone = { zones: ['example.net'] }
  t.same(await nameOf(named), [])
  t.same(await nameOf((site) => Object.assign(site, { dns: zone })), [
    'nodes cannot resolve mirror.example.net: it is in the zone example.net of the site, which has no such name',
  ])
  const record = { records: [{ name: '*.example.net', address: ['192.0.2.50'] }], ...zone }
  t.same(await nameOf((site) => Object.assign(site, { dns: record })), [], 'a wildcard')
  t.same(await nameOf((site) => site), [
    'nodes cannot resolve mirror.example.net: the site has no such name and no dns.forward',
  ])
  t.same(await nameOf((site) => Object.assign(site, { dns: { forward: ['192.0.2.53'] } })), [])
  t.same(await nameOf((site) => Object.assign(site, { dns: { serve: false } })), [])
})
