/** The container image, which test/e2e/packages builds and runs, and the files that start it with the same options. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'

const root = new URL('../../', import.meta.url)
const read = (name: string) => readFile(new URL(name, root), 'utf8')

t.test(
  'Containerfile installs the package, and nothing else of this repository is in its context',
  async (t) => {
    const lines = (await read('Containerfile')).replaceAll('\\\n', '').split('\n')
    const copied = lines.filter((line) => line.startsWith('COPY ')).map((line) => line.split(' ')[1])
    t.same(copied, ['dist/packages/slipway_*_${TARGETARCH}.deb'])
    const ignored = (await read('.containerignore')).split('\n').filter((line) => !/^(#|$)/.test(line))
    t.same(ignored, ['*', '!dist/packages/slipway_*.deb'])
  },
)

t.test(
  'compose.yaml, the systemd unit, and the documented command give the container the same options',
  async (t) => {
    const compose = (parse(await read('compose.yaml')) as { services: { slipway: Record<string, unknown> } })
      .services.slipway
    t.match(compose, {
      network_mode: 'host',
      cap_drop: ['ALL'],
      cap_add: ['NET_BIND_SERVICE'],
      read_only: true,
      volumes: ['/etc/slipway:/etc/slipway:ro', '/var/lib/slipway:/var/lib/slipway'],
      stop_grace_period: '30s',
      mem_limit: '2g',
    })
    const unit = await read('systemd/slipway.container')
    const settings = [
      ...['Network=host', 'DropCapability=all', 'AddCapability=NET_BIND_SERVICE', 'ReadOnly=true'],
      ...['Volume=/etc/slipway:/etc/slipway:ro,Z', 'Volume=/var/lib/slipway:/var/lib/slipway:Z'],
      'PodmanArgs=--stop-timeout=30 --memory=2g',
    ]
    for (const setting of settings) t.ok(unit.split('\n').includes(setting), setting)
    const documented = (await read('docs/install.md')).replaceAll('\\\n', '')
    const options =
      /--network host --cap-drop all --cap-add NET_BIND_SERVICE --read-only --stop-timeout 30 +--volume \/etc\/slipway:\/etc\/slipway:ro,Z --volume \/var\/lib\/slipway:\/var\/lib\/slipway:Z slipway$/m
    t.match(documented, options)
  },
)

t.test('the base of the image is given by its digest, and gets the updates of its packages', async (t) => {
  const text = await read('Containerfile')
  t.match(text, /^ARG BASE=docker\.io\/library\/debian:[a-z]+-slim@sha256:[0-9a-f]{64}$/m)
  t.match(text, /^ && apt-get upgrade --yes \\$/m)
  for (const [, base] of text.matchAll(/^FROM (.+)$/gm)) t.equal(base, '${BASE}')
})

t.test('the user of the image has the ID that the documentation gives', async (t) => {
  const [, id] = /useradd --system --uid (\d+)/.exec(await read('Containerfile')) ?? []
  t.match(await read('docs/install.md'), `chown --recursive ${id}:${id} /var/lib/slipway`)
})
