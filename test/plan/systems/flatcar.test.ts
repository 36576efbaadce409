import { spawnSync } from 'node:child_process'
import t from 'tap'
import { decodeIgnition } from '../../../src/scan/ignition/decode.ts'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { renderFlatcarLive } from '../../../src/plan/systems/flatcar.ts'
import { systemImage, systemModel } from '../../support/systems.ts'

type Live = { storage: { files: { path: string; contents: { source: string } }[] } }

function installScript(live: string): string {
  const { storage } = JSON.parse(live) as Live
  const file = storage.files.find(({ path }) => path === '/opt/slipway/install')
  return Buffer.from(file?.contents.source.split(',')[1] ?? '', 'base64').toString()
}

t.test('the live system of Flatcar asks for the disk, installs, reports, and restarts', (t) => {
  const group = { answers: '/srv/edge.ign' }
  const { plan } = compileHttp(systemModel({ os: 'flatcar', group }))
  const live = plan.nodes.get('web/web1')?.liveIgnition ?? ''
  const decoded = decodeIgnition(Buffer.from(live), true)
  t.same('problem' in decoded ? decoded.problem : (decoded.contents.faults ?? []), [])
  const base = 'http://192.0.2.2/boot/web/web1/@token-of-the-install@'
  const script = installScript(live)
  t.same(script.split('\n').slice(3), [
    'sh /opt/slipway/slipway.sh disk',
    'mkdir -p /run/slipway',
    `curl --fail --silent --show-error --noproxy '*' --retry 5 --output /run/slipway/config.ign '${base}/flatcar.ign'`,
    "curl --fail --silent --show-error --noproxy '*' --retry 5 --output /run/slipway/image.bz2 'http://192.0.2.2/images/other/flatcar_production_image.bin.bz2'",
    "flatcar-install -d '/dev/sda' -i /run/slipway/config.ign -f /run/slipway/image.bz2",
    'sh /opt/slipway/slipway.sh written',
    'systemctl reboot',
    '',
  ])
  t.equal(spawnSync('bash', ['-n'], { input: script }).status, 0)
  t.end()
})

t.test('without a disk image, flatcar-install downloads the one of the live release', (t) => {
  const group = { answers: '/srv/edge.ign' }
  const image = { ...systemImage('flatcar', '/srv/other') }
  Reflect.deleteProperty(image, 'rootfs')
  const given = systemModel({ os: 'flatcar', group })
  const facts = { images: new Map([...given.facts.images, ['other', image] as const]) }
  const { plan } = compileHttp(systemModel({ os: 'flatcar', group, facts }))
  const live = plan.nodes.get('web/web1')?.liveIgnition ?? ''
  t.match(installScript(live), "flatcar-install -d '/dev/sda' -i /run/slipway/config.ign\n")
  t.match(
    installScript(renderFlatcarLive({ url: 'http://192.0.2.2/x', ignitionUrl: 'http://192.0.2.2/y' })),
    "-d ''",
    'the plan reports the missing disk',
  )
  t.end()
})
