import t from 'tap'
import { renderSecureLive } from '../../../src/plan/ignition/secure-live.ts'
import type { Unit } from '../../../src/plan/ignition/units.ts'

type Config = {
  readonly storage: { readonly files: readonly { path: string; contents: { source: string } }[] }
  readonly systemd: { readonly units: readonly Unit[] }
}

const trust = { authority: 'the CA', sha512: '0123' }
const live = { role: 'worker', ignitionUrl: 'https://192.0.2.2:8444/worker.ign', version: '3.2.0' } as const
const reports = {
  writtenUrl: 'https://192.0.2.2:8444/written',
  failedUrl: 'https://192.0.2.2:8444/failed',
  diskUrl: 'https://192.0.2.2:8444/disk',
}

function read(text: string) {
  const { storage, systemd } = JSON.parse(text) as Config
  const contents = Object.fromEntries(
    storage.files.map(({ path, contents: { source } }) => [
      path,
      Buffer.from(source.replace('data:;base64,', ''), 'base64').toString(),
    ]),
  )
  return { contents, units: systemd.units }
}

t.test('the live system gets the CA, and coreos-installer the hash', (t) => {
  const { contents, units } = read(renderSecureLive({ ...live, reports }, trust))
  t.equal(contents['/etc/slipway/ca.crt'], 'the CA')
  t.equal(contents['/etc/coreos/installer.d/slipway-hash.yaml'], 'ignition-hash: sha512-0123\n')
  t.ok(contents['/etc/slipway/check-disk'])
  const names = units.map(({ name }) => name)
  t.same(names, [...new Set(names)], 'Ignition accepts each unit once')
  const installer = units.find(({ name }) => name === 'coreos-installer.service')
  t.same(
    installer?.dropins?.map(({ name }) => name),
    ['slipway.conf', 'slipway-ca.conf'],
  )
  t.match(installer?.dropins?.[1]?.contents, 'Environment=SSL_CERT_FILE=/etc/slipway/ca.crt')
  for (const { name, contents = '' } of units) {
    if (contents.includes('https:')) t.match(contents, 'Environment=CURL_CA_BUNDLE=/etc/slipway/ca.crt', name)
  }
  t.end()
})

t.test('a live system that reports nothing still verifies the file', (t) => {
  const { contents, units } = read(renderSecureLive(live, trust))
  t.same(Object.keys(contents), ['/etc/slipway/ca.crt', '/etc/coreos/installer.d/slipway-hash.yaml'])
  t.same(
    units.map(({ name, dropins }) => [name, dropins?.length]),
    [['coreos-installer.service', 1]],
  )
  t.end()
})
