/** HTTPS on a real socket of the loopback: what is sent only over it, and its certificate. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { get, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createSockets } from '../../../src/host/sockets.ts'
import type { TlsPlan } from '../../../src/plan/tls.ts'
import { startHttp } from '../../../src/serve/http/service.ts'
import { httpWorld, masterIgnition, rootfs, routesWorld } from '../../support/http-service.ts'

const bootPath = '/boot/ocp45/m1/boot.ipxe'
const files = { certificate: '/nowhere/a.crt', key: '/nowhere/a.key' }

async function running(t: Test, tls: Partial<TlsPlan> = {}) {
  const world = httpWorld(t, 'open', ({ server }) => {
    server['tls'] = { ca: 'generated' }
  })
  const plan = { port: 0, addresses: ['127.0.0.1'], ...tls }
  world.plan = { ...world.plan, tls: plan, nodeByAddress: new Map([['127.0.0.1', 'ocp45/m1']]) }
  const stateDirectory = join(world.dir, 'state')
  mkdirSync(stateDirectory)
  const lost: Error[] = []
  const onLost = (error: Error) => void lost.push(error)
  const service = await startHttp({ ...world.options, sockets: createSockets({}), stateDirectory, onLost })
  t.teardown(() => service.close(0))
  const [plainPort, port] = service.listening.map((each) => Number(each.split(':')[1]))
  const ca = readFileSync(join(stateDirectory, 'https-ca.crt'), 'utf8')
  const read = async (path: string, options: RequestOptions = {}) => {
    const url = `https://127.0.0.1:${port}${path}`
    const request = get(url, { ca, agent: false, ...options })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return { status: response.statusCode as number, headers: response.headers, body: Buffer.concat(chunks) }
  }
  const readPlain = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${plainPort}${path}`)
    return {
      status: response.status,
      code: response.headers.get('slipway-code'),
      body: await response.text(),
    }
  }
  return { ...world, world, service, stateDirectory, read, readPlain, port, ca }
}

const pathIn = (script: string, name: RegExp) => new URL(name.exec(script)?.[1] ?? 'http://missing/').pathname

t.test('a loader that trusts the CA gets script, live archive, and Ignition file over HTTPS', async (t) => {
  const { read, readPlain, lines, seen } = await running(t)
  const first = await readPlain(bootPath)
  t.match(
    first.body,
    /chain --replace --autofree https:\/\/192\.0\.2\.2:8444\/boot\/ocp45\/m1\/boot\.ipxe \|\|/,
  )
  t.notMatch(first.body, /ignition_url/, 'no token')

  const script = (await read(bootPath)).body.toString()
  t.match(
    seen.filter(({ kind }) => kind === 'script'),
    [{ script: 'install', by: 'https' }],
    'the timeline shows HTTPS',
  )
  const archive = await read(pathIn(script, /initrd --name live (\S+)/))
  t.equal(archive.headers['content-type'], 'application/octet-stream')
  const live = gunzipSync(archive.body).toString()
  t.match(live, /config\.ign/)
  const ignition = await read(pathIn(script, /coreos\.inst\.ignition_url=(\S+)/))
  t.equal(ignition.status, 200)
  const [, hash = ''] = /installer\.d\/slipway-hash\.yaml.*?base64,([^"]+)/.exec(live) ?? []
  const sha512 = createHash('sha512').update(ignition.body).digest('hex')
  t.equal(Buffer.from(hash, 'base64').toString(), `ignition-hash: sha512-${sha512}\n`)
  t.match(ignition.body.toString(), 'CURL_CA_BUNDLE=/etc/slipway/ca.crt')
  t.match(ignition.body.toString(), '"path":"/etc/slipway/ca.crt"')
  const token = script.split('/').find((each) => /^[\w-]{22}$/.test(each)) as string
  t.notMatch(JSON.stringify(lines), token)
})

t.test(
  'a loader without trust continues over HTTP, but gets its Ignition file only over HTTPS',
  async (t) => {
    const { read, readPlain, options, lines, seen } = await running(t)
    const { body } = await readPlain(`${bootPath}?plain`)
    t.match(
      seen.filter(({ kind }) => kind === 'script'),
      [{ script: 'install', by: 'http' }],
    )
    const live = await readPlain(pathIn(body, /ignition\.config\.url=(\S+)/))
    t.equal(live.status, 200)
    t.match(live.body, /ignition\.version|"ignition"/)
    const path = pathIn(body, /coreos\.inst\.ignition_url=(\S+)/)
    t.match(await readPlain(path), {
      status: 403,
      code: 'http.https-required',
      body: 'this file contains secrets and is sent only over HTTPS, on port 0\n',
    })
    t.equal(options.counters.get('http.ignitionRefused'), 1)
    t.match(
      lines.find(({ msg }) => /^secret refused on/.test(msg)),
      { file: 'master.ign', level: 'warn' },
    )
    t.equal(
      (await readPlain('/boot/ocp45/m1/master.ign')).code,
      'http.https-required',
      'even in an open cluster',
    )
    const sent = await read(path)
    t.match(sent.body.toString(), masterIgnition.toString('base64'))
  },
)

t.test(
  'an iPXE that firmware fetched over HTTPS continues over HTTPS, without DHCP naming a script',
  async (t) => {
    const { read, readPlain } = await running(t)
    const { status, body } = await read('/loaders/efi/autoexec.ipxe')
    t.equal(status, 200)
    t.match(body.toString(), /^chain --replace --autofree https:\/\/192\.0\.2\.2:8444\/boot\.ipxe \|\|$/m)
    t.equal((await readPlain('/loaders/efi/autoexec.ipxe')).status, 404, 'over HTTP, DHCP names the script')
  },
)

t.test('the query of a script survives the change to HTTPS', async (t) => {
  const { readPlain } = await running(t)
  const { body } = await readPlain(`${bootPath}?skip`)
  t.match(body, 'https://192.0.2.2:8444/boot/ocp45/m1/boot.ipxe?skip ')
  t.match(body, 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe?skip&plain ')
  t.match((await readPlain('/boot/ocp45/m1/menu.ipxe')).body, /^#!ipxe\n# ocp45\/m1: boot menu/)
  t.match((await readPlain(`${bootPath}?rehearse`)).body, /ignition_url=https:/)
  t.match((await readPlain('/boot.ipxe')).body, 'chain --replace --autofree https:')
  t.match((await readPlain('/boot/ocp45/m1/@token-of-the-install@/live-worker.txt')).status, 404)
})

t.test('images are sent over both, and one connection serves several requests', async (t) => {
  const { port, ca } = await running(t)
  const socket = connect({ host: '127.0.0.1', port, ca })
  await once(socket, 'secureConnect')
  const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
  const request = `GET ${image} HTTP/1.1\r\nHost: x\r\n`
  socket.write(`${request}\r\n${request}Connection: close\r\n\r\n`)
  t.equal((await text(socket)).split(rootfs).length, 3)
})

t.test('iPXE of 2019 can connect: RSA key exchange and AES-CBC', async (t) => {
  const { read } = await running(t)
  const { status } = await read('/health', { ciphers: 'AES128-SHA256', maxVersion: 'TLSv1.2' })
  t.equal(status, 200)
})

t.test('a client that does not trust the CA is logged', async (t) => {
  const { port, options, line } = await running(t)
  const socket = connect({ host: '127.0.0.1', port })
  await t.rejects(once(socket, 'secureConnect'), { code: /SELF_SIGNED|UNABLE_TO/ })
  const plain = connectPlain(port as number, '127.0.0.1')
  plain.write('GET / HTTP/1.1\r\n\r\n')
  t.match(await line('TLS handshake failed'), { client: '127.0.0.1', code: 'http.handshake-failed' })
  t.ok(options.counters.get('http.handshakesFailed') >= 1)
  plain.destroy()
})

t.test('the service replaces a certificate that changed, and reports one that it cannot read', async (t) => {
  const { service, stateDirectory, options, port, line, ca } = await running(t)
  const serialOf = async () => {
    const socket = connect({ host: '127.0.0.1', port, ca })
    await once(socket, 'secureConnect')
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const before = await serialOf()
  await service.apply()
  t.equal(await serialOf(), before)
  for (const extension of ['crt', 'key']) rmSync(join(stateDirectory, `https.${extension}`))
  options.clock.advance(3_600_000)
  await line('HTTPS certificate replaced')
  t.not(await serialOf(), before, 'the files are read every hour')
  writeFileSync(join(stateDirectory, 'https.crt'), 'damaged')
  await service.apply()
  t.match(service.problems(), [
    { code: 'http.certificate', text: /^the certificate of HTTPS cannot be replaced: / },
  ])
})

t.test('slipway does not start without a usable certificate', async (t) => {
  await t.rejects(running(t, { files }), { message: /^cannot serve HTTPS: ENOENT/ })
})

t.test('connections end with the service, also during a handshake', async (t) => {
  const { service, port } = await running(t)
  const socket = connectPlain(port as number, '127.0.0.1')
  await once(socket, 'connect')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = once(socket, 'close')
  socket.resume()
  await service.close(0)
  await closed
  t.pass('closed')
})

t.test('without HTTPS, its paths do not exist', async (t) => {
  const { ask } = await routesWorld(t)
  for (const path of ['/boot.ipxe', '/boot/ocp45/m1/@token-of-the-install@/live-master.ign']) {
    t.equal((await ask(path)).statusCode, 404, path)
  }
})
