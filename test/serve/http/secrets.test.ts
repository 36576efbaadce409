import t from 'tap'
import { renderStartedUnit } from '../../../src/plan/ignition/units.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { inventory } from '../../support/disk-inventories.ts'
import { httpWorld, routesWorld, masterIgnition } from '../../support/http-service.ts'

const closed = 'this is only for the node itself, while it is being installed\n'
const bootPath = '/boot/ocp45/m1/boot.ipxe'

/** As m1 boots: the URLs of its script, without the server. */
async function booted(t: Parameters<typeof routesWorld>[0], change?: Parameters<typeof routesWorld>[2]) {
  const world = await routesWorld(t, 'guarded', change)
  const { body } = await world.ask(bootPath)
  const path = (name: string) => new RegExp(` ${name}=http://[^/]+(\\S+)`).exec(body)?.[1] ?? ''
  const ignition = path('coreos.inst.ignition_url')
  const live = path('ignition.config.url')
  const token = ignition.split('/')[4] as string
  const post = (stage: string, remoteAddress = '192.0.2.11') =>
    world.app.inject({
      method: 'POST',
      url: `/boot/ocp45/m1/${token}/${stage}`,
      remoteAddress,
      payload: 'x=1',
    })
  return { ...world, body, ignition, live, token, post }
}

t.test('a node reads the files of its script, and reports that its disk is written', async (t) => {
  const { ask, ignition, live, token, post, options, seen, lines } = await booted(t)
  t.match(token, /^[\w-]{22}$/)
  const file = await ask(ignition)
  const { ignition: config } = file.json<{ ignition: { config: { merge: { source: string }[] } } }>()
  const [, inside = ''] = config.config.merge[0]!.source.split(',')
  t.same(Buffer.from(inside, 'base64'), masterIgnition, 'the file of the role, merged')
  const liveFile = await ask(live)
  t.match(liveFile.headers, { 'content-type': 'application/vnd.coreos.ignition+json' })
  t.ok(liveFile.body.includes(`/boot/ocp45/m1/${token}/written`))
  t.equal((await post('written')).statusCode, 204)
  t.match(options.installs.list()[1], { mode: 'installed' })
  t.equal((await ask(ignition)).statusCode, 403, 'no longer')
  t.match((await ask(bootPath)).body, /boots from its local disk/)
  t.match(
    seen.map(({ kind, ...rest }) => [kind, 'outcome' in rest ? rest.outcome : '']),
    [['script'], ['ignition', 'sent'], ['ignition', 'sent'], ['ignition', 'refused'], ['script']],
  )
  t.notMatch(JSON.stringify([lines, seen, options.installs.history('ocp45/m1')]), token)
})

t.test('every refused reader gets the same text', async (t) => {
  const { app, ask, ignition, token, options, lines, post } = await booted(t)
  const others = [
    await app.inject({ url: ignition, remoteAddress: '192.0.2.21' }),
    await ask('/boot/ocp45/m1/master.ign'),
    await ask(ignition.replace('master.ign', 'bootstrap.ign')),
    await ask(ignition.replace(token, 'A'.repeat(22))),
    await app.inject({ url: '/boot/ocp45/w1/@token-of-the-install@/live.ign', remoteAddress: '192.0.2.21' }),
    await post('written', '192.0.2.21'),
  ]
  for (const { statusCode, body } of others) t.same([statusCode, body], [403, closed])
  t.equal(options.counters.get('http.ignitionRefused'), 5)
  t.equal(options.counters.get('http.callbacksRefused'), 1)
  t.match(
    lines.find(({ msg }) => msg === 'Ignition file refused'),
    { level: 'warn', node: 'ocp45/m1', reason: '192.0.2.21 is not an address of ocp45/m1' },
  )
})

t.test(
  'requests with ?rehearse, HEAD requests, and clients on this machine do not start an installation',
  async (t) => {
    const { app, ask, options } = await routesWorld(t, 'guarded')
    const preview = await app.inject({ url: bootPath, remoteAddress: '127.0.0.1' })
    t.match(preview.body, '/boot/ocp45/m1/@token-of-the-install@/master.ign')
    t.equal((await ask(`${bootPath}?rehearse`)).body, preview.body)
    t.equal((await ask(bootPath, {}, 'HEAD')).statusCode, 200)
    t.match(options.installs.list()[1], { mode: 'install' })
  },
)

t.test('a machine with another address gets no script of the node', async (t) => {
  const { app, options, lines } = await routesWorld(t, 'guarded')
  for (const name of ['boot', 'menu', 'local', 'install-master']) {
    for (const remoteAddress of ['198.51.100.1', '192.0.2.21']) {
      const response = await app.inject({ url: `/boot/ocp45/m1/${name}.ipxe`, remoteAddress })
      t.match(response.body, /^#!ipxe\n# ocp45\/m1: refused\n/, name)
      t.match(response.body, `this machine has the address ${remoteAddress}`, name)
      t.notMatch(response.body, /sda|coreos|00:50:56|rhcos/, name)
      t.equal(response.headers['slipway-code'], 'boot.not-the-node')
    }
  }
  t.match(options.installs.list()[1], { mode: 'install' })
  t.equal(options.counters.refusals()['boot.not-the-node'], 8)
  t.match(lines[0], {
    level: 'warn',
    node: 'ocp45/m1',
    msg: 'boot script refused',
    code: 'boot.not-the-node',
  })
})

t.test('a machine with the address of the node and another MAC address gets nothing', async (t) => {
  const world = httpWorld(t, 'guarded')
  const { mac } = world.plan.nodes.get('ocp45/m1')!
  let neighbor: string | undefined = '52:54:00:00:00:66'
  const { app } = await createRoutes({ ...world.options, readNeighbor: () => Promise.resolve(neighbor) })
  t.teardown(() => app.close())
  const ask = (url: string) => app.inject({ url, remoteAddress: '192.0.2.11' })
  const refused = await ask(bootPath)
  t.equal(refused.headers['slipway-code'], 'boot.wrong-mac')
  t.match(refused.body, '52:54:00:00:00:66')
  t.match(world.options.installs.list()[1], { mode: 'install' })
  neighbor = mac
  const { body } = await ask(bootPath)
  const token = /ignition_url=http:\/\/[^/]+\/boot\/ocp45\/m1\/([\w-]{22})\//.exec(body)?.[1] ?? ''
  const url = `/boot/ocp45/m1/${token}/master.ign`
  neighbor = '52:54:00:00:00:66'
  const secret = await ask(url)
  t.same([secret.statusCode, secret.body, secret.headers['slipway-code']], [403, closed, 'boot.wrong-mac'])
  t.match(
    world.lines.find(({ msg }) => msg === 'secret refused'),
    { node: 'ocp45/m1', reason: /correct mac in the site file/ },
  )
  neighbor = undefined
  t.equal((await ask(url)).statusCode, 200, 'behind a router')
})

t.test('a machine with any of the declared MAC addresses is the node', async (t) => {
  const world = httpWorld(t, 'guarded')
  const entry = { ...world.plan.nodes.get('ocp45/m1')!, otherMacs: ['00:00:5e:00:53:a1' as Mac] }
  const plan = { ...world.plan, nodes: new Map([...world.plan.nodes, ['ocp45/m1', entry]]) }
  let neighbor = '00:00:5e:00:53:a1'
  const { app } = await createRoutes({
    ...world.options,
    plan: () => plan,
    readNeighbor: () => Promise.resolve(neighbor),
  })
  t.teardown(() => app.close())
  const ask = () => app.inject({ url: bootPath, remoteAddress: '192.0.2.11' })
  t.match((await ask()).body, 'ignition_url=')
  neighbor = '52:54:00:00:00:66'
  t.equal((await ask()).headers['slipway-code'], 'boot.wrong-mac')
  t.match(
    world.lines.find(({ code }) => code === 'boot.wrong-mac'),
    { reason: /declared with 00:00:5e:00:53:11, 00:00:5e:00:53:a1:/ },
  )
})

t.test('a live system with a bond may have the MAC address of another of its interfaces', async (t) => {
  const world = httpWorld(t, 'guarded')
  const entry = { ...world.plan.nodes.get('ocp45/m1')!, usesVirtualInterface: true as const }
  const plan = { ...world.plan, nodes: new Map([...world.plan.nodes, ['ocp45/m1', entry]]) }
  let neighbor: string = entry.mac
  const { app } = await createRoutes({
    ...world.options,
    plan: () => plan,
    readNeighbor: () => Promise.resolve(neighbor),
  })
  t.teardown(() => app.close())
  const ask = (url: string) => app.inject({ url, remoteAddress: '192.0.2.11' })
  const { body } = await ask(bootPath)
  const token = /ignition_url=http:\/\/[^/]+\/boot\/ocp45\/m1\/([\w-]{22})\//.exec(body)?.[1] ?? ''
  neighbor = '52:54:00:00:00:66'
  t.equal((await ask(bootPath)).headers['slipway-code'], 'boot.wrong-mac', 'firmware has no bond')
  t.equal((await ask(`/boot/ocp45/m1/${token}/master.ign`)).statusCode, 200)
})

t.test('the token is in no line of the log, whatever the form of the request', async (t) => {
  const { app, ask, token, lines } = await booted(t)
  for (const url of [
    `/BOOT/ocp45/m1/${token}/y.ign`,
    `/boot/ocp45/m1/x/${token}`,
    `/x?${token}`,
    `/images/rhcos/${token}`,
    `http://192.0.2.2/boot/ocp45/m1/%${token.charCodeAt(0).toString(16)}${token.slice(1)}/y.ign`,
  ]) {
    await ask(url)
    await app.inject({ url, remoteAddress: '198.51.100.7' })
  }
  t.ok(lines.length >= 10)
  t.notMatch(decodeURIComponent(JSON.stringify(lines)), token)
})

t.test('a waiting node shows the reason, retries, and can be released', async (t) => {
  const { ask, options } = await routesWorld(t, 'guarded')
  await options.installs.command('ocp45/m1', 'local')
  const refused = await ask('/boot/ocp45/m1/install-worker.ipxe')
  t.match(refused.body, 'it must not be installed, its state is local')
  t.match(refused.body, /chain --replace --autofree http:\/\/\S+install-worker\.ipxe \|\| goto wait/)
  await options.installs.command('ocp45/m1', 'menu')
  t.match((await ask(bootPath)).body, /\nmenu ocp45\/m1/)
  t.match((await ask('/boot/ocp45/m1/install-worker.ipxe')).body, /installs as worker/)
})

t.test('only callbacks accept POST', async (t) => {
  const { app, post } = await booted(t)
  t.equal((await post('nonsense')).statusCode, 404)
  const { statusCode } = await app.inject({ method: 'POST', url: bootPath, remoteAddress: '192.0.2.11' })
  t.equal(statusCode, 405)
})

t.test('additions of the site are merged with the file, with the token of this installation', async (t) => {
  const world = await routesWorld(t, 'guarded')
  const path = '/boot/ocp45/m1/master.ign'
  const additions = {
    files: [{ path: '/etc/hostname', mode: 0o644, content: Buffer.from('m1') }],
    units: [renderStartedUnit('http://192.0.2.2/boot/ocp45/m1/@token-of-the-install@/started')],
  }
  const { plan } = world
  const file = { ...plan.ignition.get(path)!, additions }
  world.plan = { ...plan, ignition: new Map([...plan.ignition, [path, file]]) }
  const { body } = await world.ask(bootPath)
  const url = /coreos\.inst\.ignition_url=http:\/\/[^/]+(\S+)/.exec(body)?.[1] ?? ''
  const config = (await world.ask(url)).json<{
    ignition: { version: string; config: { merge: { source: string }[] } }
    storage: { files: { path: string }[] }
    systemd: { units: { contents: string }[] }
  }>()
  t.equal(config.ignition.version, '3.2.0')
  const [, inside = ''] = config.ignition.config.merge[0]!.source.split(',')
  t.same(Buffer.from(inside, 'base64'), masterIgnition)
  t.match(config.storage.files, [{ path: '/etc/hostname' }])
  const token = url.split('/')[4] as string
  t.match(
    config.systemd.units[0]!.contents,
    `/boot/ocp45/m1/${world.options.installs.startedToken(token)}/started`,
  )
  t.notMatch(config.systemd.units[0]!.contents, token, 'the token of the script is not in it')
})

t.test('only the node that is being installed reads an initramfs with secrets', async (t) => {
  const world = await routesWorld(t, 'guarded')
  const file = 'rhcos-live-rootfs.x86_64.img'
  const { plan } = world
  const m1 = { ...plan.nodes.get('ocp45/m1')!, secretImage: { image: 'rhcos', file } }
  const images = new Map([['rhcos', { ...plan.images.get('rhcos')!, secrets: new Set([file]) }]])
  world.plan = { ...plan, images, nodes: new Map([...plan.nodes, ['ocp45/m1', m1]]) }
  const { body } = await world.ask(bootPath)
  const token = /ignition_url=http:\/\/[^/]+\/boot\/ocp45\/m1\/([\w-]{22})\//.exec(body)?.[1] ?? ''
  const url = `/boot/ocp45/m1/${token}/${file}`
  t.equal((await world.ask(url)).statusCode, 200)
  t.match(world.seen, [{}, { kind: 'file', what: 'rootfs' }])
  const others = [
    await world.ask(`/images/rhcos/${file}`),
    await world.ask(url.replace(token, 'A'.repeat(22))),
    await world.app.inject({ url, remoteAddress: '192.0.2.21' }),
  ]
  for (const { statusCode, body } of others) t.same([statusCode, body], [403, closed])
  t.equal((await world.ask(`/boot/ocp45/m1/${token}/rhcos-live-kernel-x86_64`)).statusCode, 404)
})

t.test('a server that is not the installer sends the node to the installer, or to its disk', async (t) => {
  const world = await routesWorld(t, 'guarded')
  const installerUrl = 'http://192.0.2.3/boot/ocp45/m1/boot.ipxe'
  const node = { ...world.plan.nodes.get('ocp45/m1')!, installerUrl }
  world.plan = { ...world.plan, nodes: new Map([...world.plan.nodes, ['ocp45/m1', node]]) }
  Object.assign(world.options.installs, {
    boot: () => ({ kind: 'wait', code: 'install.other-appliance', reason: 'another server', canSkip: false }),
  })
  const { body } = await world.ask(bootPath)
  t.match(body, `chain --replace --autofree ${installerUrl} ||`)
  t.match(body, /sanboot --no-describe --drive 0x80/)
})

t.test('the report about the disk is answered with the permission, or with the reason to wait', async (t) => {
  const { app, token, live, ask, options } = await booted(t)
  t.ok((await ask(live)).body.includes(`/boot/ocp45/m1/${token}/disk`), 'the live system has the URL')
  const post = (payload: string, { remoteAddress = '192.0.2.11', secret = token } = {}) =>
    app.inject({
      method: 'POST',
      url: `/boot/ocp45/m1/${secret}/disk`,
      remoteAddress,
      headers: { 'content-type': 'text/plain' },
      payload,
    })
  const body = (type: string) =>
    `slipway-disk 1\ndevice: /dev/sda\npath: /dev/sda\n--- lsblk\n{"blockdevices":[{"name":"/dev/sda","type":"disk"}]}\n--- blkid\ndevice=/dev/sda\n${type}`
  const clear = await post(body(''))
  t.same([clear.statusCode, clear.body], [200, 'the installer starts: /dev/sda is empty\n'])
  t.match(await post('<html>'), { statusCode: 400 })
  t.match(await post('x'.repeat(300_000)), { statusCode: 413 })
  for (const other of [{ remoteAddress: '192.0.2.21' }, { secret: 'A'.repeat(22) }]) {
    const refused = await post(body(''), other)
    t.same([refused.statusCode, refused.body], [403, closed])
  }
  t.match(options.installs.list()[1], { mode: 'installing' })
})

t.test('hints are answered with the disk on the first line', async (t) => {
  const { app, token, options } = await booted(t, (site) => {
    Object.assign(site.clusters[0]!, { disk: { serialNumber: 'S2' } })
  })
  const { lsblk, udev } = inventory
  const answer = await app.inject({
    method: 'POST',
    url: `/boot/ocp45/m1/${token}/disk`,
    remoteAddress: '192.0.2.11',
    headers: { 'content-type': 'text/plain' },
    payload: `slipway-disk 1\ndevice: /dev/slipway-disk\npath: \n--- lsblk\n\n--- blkid\nslipway-disks 1\n--- lsblk\n${lsblk}\n--- udev\n${udev}`,
  })
  t.equal(answer.statusCode, 202)
  t.match(answer.body, /^\/dev\/sdb\nthe hints select \/dev\/sdb \(.*\)\n$/)
  t.match(options.installs.list()[1], { mode: 'installing' })
})

t.test('a disk that holds data is kept', async (t) => {
  const { app, token, ask, options } = await booted(t)
  const kept = await app.inject({
    method: 'POST',
    url: `/boot/ocp45/m1/${token}/disk`,
    remoteAddress: '192.0.2.11',
    headers: { 'content-type': 'text/plain' },
    payload:
      'slipway-disk 1\ndevice: /dev/sda\npath: /dev/sda\n--- lsblk\n{"blockdevices":[{"name":"/dev/sda","type":"disk"}]}\n--- blkid\ndevice=/dev/sda\nTYPE=xfs\n',
  })
  const sentence =
    '/dev/sda holds a file system of type xfs: run "slipway node install ocp45/m1" to overwrite it\n'
  t.same([kept.statusCode, kept.body], [409, sentence])
  t.match(options.installs.list()[1], { mode: 'local', code: 'install.disk-not-empty' })
  t.match((await ask(bootPath)).body, /boots from its local disk/)
})
