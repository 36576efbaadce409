import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { httpWorld, masterIgnition, routesWorld } from '../../support/http-service.ts'

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const loader = '/loaders/efi/ipxe.efi'
const masterAddress = '192.0.2.11'

t.test('a boot script is text that is not cached', async (t) => {
  const { ask, plan, lines } = await routesWorld(t)
  const path = '/boot/ocp45/m1/menu.ipxe'
  const response = await ask(path)
  t.equal(response.statusCode, 200)
  t.equal(response.body, plan.scripts.get(path)!.body)
  t.match(response.headers, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': String(response.rawPayload.length),
  })
  t.match(lines, [
    {
      level: 'info',
      msg: 'boot script served',
      node: 'ocp45/m1',
      client: /^192\.0\.2\.11:\d+$/,
      file: path,
      boot: 'menu',
      octets: response.rawPayload.length,
    },
  ])
  t.equal('aborted' in lines[0]!, false)
})

t.test('an Ignition file is served byte for byte with its media type', async (t) => {
  const { ask, lines, dir, options } = await routesWorld(t)
  const response = await ask('/boot/ocp45/m1/master.ign')
  t.equal(response.statusCode, 200)
  t.same(response.rawPayload, masterIgnition)
  t.match(response.headers, {
    'content-type': 'application/vnd.coreos.ignition+json',
    'cache-control': 'no-store',
    'content-length': String(masterIgnition.length),
  })
  t.match(lines, [
    {
      level: 'info',
      msg: 'Ignition file served',
      node: 'ocp45/m1',
      file: join(dir, 'ignition/master.ign'),
      octets: masterIgnition.length,
      durationMs: 0,
    },
  ])
  t.equal(options.counters.get('http.ignition'), 1)
})

t.test(
  'a deleted Ignition file gets 404 with a reason, and causes an error that names the node',
  async (t) => {
    const { ask, lines, dir } = await routesWorld(t)
    const file = join(dir, 'ignition/worker.ign')
    rmSync(file)
    const response = await ask('/boot/ocp45/w1/worker.ign')
    t.equal(response.statusCode, 404)
    t.equal(response.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(response.body, 'worker.ign is not available: the log of the server has the reason\n')
    t.match(lines, [
      {
        level: 'error',
        msg: 'Ignition file cannot be served',
        node: 'ocp45/w1',
        file,
        reason: `${file} does not exist`,
      },
    ])
  },
)

t.test('an Ignition file that the scan did not find gets 404 with the reason', async (t) => {
  const world = httpWorld(t)
  const path = '/boot/ocp45/w1/worker.ign'
  const problem = '/srv/worker.ign does not exist'
  const file = { file: '/srv/worker.ign', node: 'ocp45/w1', kind: 'worker', problem } as const
  world.plan = { ...world.plan, ignition: new Map([[path, file]]) }
  const { app } = await createRoutes(world.options)
  t.teardown(() => app.close())
  const response = await app.inject({ url: path, remoteAddress: '192.0.2.21' })
  t.equal(response.statusCode, 404)
  t.equal(response.body, 'worker.ign is not available: the log of the server has the reason\n')
  t.match(world.lines, [{ level: 'error', node: 'ocp45/w1', file: '/srv/worker.ign', reason: problem }])
})

t.test('a loader has the type and length that UEFI HTTP Boot needs (UEFI 2.10 §24.7)', async (t) => {
  const { ask, lines, dir, options } = await routesWorld(t)
  for (const method of ['HEAD', 'GET']) {
    const response = await ask(loader, { 'user-agent': 'UefiHttpBoot/1.0' }, method)
    t.equal(response.statusCode, 200)
    t.match(response.headers, { 'content-type': 'application/efi', 'content-length': '7' })
    t.equal(response.body, method === 'GET' ? 'MZ iPXE' : '')
  }
  const file = join(dir, 'loaders/ipxe.efi')
  t.match(lines, [
    { level: 'debug', msg: 'boot loader served' },
    { level: 'info', msg: 'boot loader served', node: 'ocp45/m1', file, octets: 7, durationMs: 0 },
  ])
  t.equal(options.counters.get('http.loaders'), 2)
})

t.test('a missing loader gets 404, and is an error only for a declared node', async (t) => {
  const { app, ask, lines, dir } = await routesWorld(t)
  const response = await ask('/loaders/efi/snponly.efi')
  t.equal(
    `${response.statusCode} ${response.body}`,
    '404 snponly.efi is not available: the log of the server has the reason\n',
  )
  const file = join(dir, 'loaders/ipxe.efi')
  rmSync(file)
  await app.inject({ url: loader, remoteAddress: '198.51.100.7' })
  t.match(lines, [
    { level: 'error', msg: 'boot loader cannot be served', node: 'ocp45/m1', reason: /install it/ },
    { level: 'debug', msg: 'boot loader cannot be served', reason: `${file} does not exist` },
  ])
})

t.test('iPXE may request autoexec.ipxe; other names under /loaders are logged', async (t) => {
  const { ask, lines } = await routesWorld(t)
  t.equal((await ask('/loaders/efi/autoexec.ipxe')).statusCode, 404)
  t.equal((await ask('/loaders/efi/grub.efi')).statusCode, 404)
  t.match(lines, [
    { level: 'debug', file: '/loaders/efi/autoexec.ipxe' },
    { level: 'warn', file: '/loaders/efi/grub.efi' },
  ])
})

t.test('HEAD has the headers of GET without a body, and is not a delivery', async (t) => {
  const { ask, lines, options } = await routesWorld(t)
  for (const path of [
    '/boot/ocp45/m1/menu.ipxe',
    '/boot/ocp45/m1/master.ign',
    loader,
    image,
    '/health',
    '/nowhere',
  ]) {
    const get = await ask(path)
    const head = await ask(path, {}, 'HEAD')
    t.same({ ...head.headers, date: '' }, { ...get.headers, date: '' }, path)
    t.equal(head.body, '', path)
  }
  const range = await ask(image, { range: 'bytes=2-4' }, 'HEAD')
  t.equal(range.statusCode, 200, 'only GET has ranges (RFC 9110 §14.2)')
  t.equal(range.headers['content-length'], '10')
  const logged = lines.filter(({ level }) => level === 'info').map(({ msg }) => msg)
  t.same(
    logged,
    ['boot script served', 'Ignition file served', 'boot loader served', 'image file served'],
    'one line each, for GET',
  )
  t.equal(options.counters.get('http.imageOctets'), 10)
})

t.test('an unknown path gets 404 with the list of paths', async (t) => {
  const { app, ask, lines, options } = await routesWorld(t)
  const response = await ask('/boot.ipxe')
  t.equal(response.statusCode, 404)
  t.match(response.body, /^there is nothing at this path\n\nGET \/boot\/CLUSTER\/NODE\/boot\.ipxe/)
  await app.inject({ url: '/favicon.ico', remoteAddress: '198.51.100.7' })
  t.match(lines, [
    { level: 'warn', msg: 'path not found', node: 'ocp45/m1', file: '/boot.ipxe' },
    { level: 'debug', msg: 'path not found', file: '/favicon.ico' },
  ])
  t.equal(options.counters.get('http.notFound'), 2)
})

t.test('an invalid path gets 400', async (t) => {
  const { ask, options } = await routesWorld(t)
  const response = await ask('/images/rhcos/%zz')
  t.equal(response.statusCode, 400)
  t.match(response.body, /^this is not a valid path: /)
  t.equal(options.counters.get('http.malformed'), 1)
})

t.test('methods other than GET and HEAD get 405 (RFC 9110 §15.5.6)', async (t) => {
  const { ask, options } = await routesWorld(t)
  const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE']
  for (const method of methods) {
    for (const path of [image, '/boot/ocp45/m1/boot.ipxe', '/nowhere', '/images/rhcos/%zz']) {
      const response = await ask(path, {}, method)
      if (path.includes('%')) {
        t.equal(response.statusCode, 400, `${method} ${path}`)
        continue
      }
      t.equal(response.statusCode, 405, `${method} ${path}`)
      t.equal(response.headers['allow'], 'GET, HEAD', `${method} ${path}`)
      t.equal(response.headers['connection'], 'close', `${method} ${path}`)
      t.equal(response.body, `method ${method} is not supported at this path: use GET or HEAD\n`)
    }
  }
  t.equal(options.counters.get('http.methodsRefused'), methods.length * 3)
})

t.test('/health is JSON: whole on this machine, short for other clients', async (t) => {
  const { app, ask } = await routesWorld(t)
  const whole = await app.inject({ url: '/health', remoteAddress: '127.0.0.1' })
  t.same(whole.json(), { site: 'lab', nodes: 4 })
  t.match(whole.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
  for (const response of [await ask('/health'), await app.inject({ url: '/health', remoteAddress: '::2' })]) {
    t.equal(response.statusCode, 200)
    t.same(response.json(), { status: 'ok' })
  }
})

t.test('?strict makes a degraded server fail a health check', async (t) => {
  const world = httpWorld(t)
  let status = 'degraded'
  const { app } = await createRoutes({ ...world.options, health: () => ({ status, problems: ['x.y'] }) })
  t.teardown(() => app.close())
  const remote = (url: string) => app.inject({ url, remoteAddress: '198.51.100.7' })
  t.same((await remote('/health')).statusCode, 200)
  t.same((await remote('/health')).json(), { status: 'degraded' }, 'without the codes')
  t.same((await remote('/health?strict')).statusCode, 503)
  const local = await app.inject({ url: '/health?strict', remoteAddress: '127.0.0.1' })
  t.same([local.statusCode, local.json()], [503, { status, problems: ['x.y'] }])
  status = 'ok'
  world.options.clock.advance(1000)
  t.equal((await remote('/health?strict')).statusCode, 200)
})

t.test('/metrics is rendered once a second', async (t) => {
  const world = httpWorld(t)
  let rendered = 0
  const { app } = await createRoutes({ ...world.options, metrics: () => `n ${++rendered}\n` })
  t.teardown(() => app.close())
  t.equal((await app.inject('/metrics')).body, 'n 1\n')
  t.equal((await app.inject('/metrics')).body, 'n 1\n')
  world.options.clock.advance(1000)
  t.equal((await app.inject('/metrics')).body, 'n 2\n')
})

t.test('only this machine and the declared monitors get the names of nodes in the metrics', async (t) => {
  const world = httpWorld(t)
  const monitors = [parseCidr('198.51.100.0/30') as Cidr]
  const { app } = await createRoutes({
    ...world.options,
    plan: () => ({ ...world.options.plan(), monitors }),
    metrics: (isWhole) => `${isWhole}`,
  })
  t.teardown(() => app.close())
  const read = async (remoteAddress: string) => (await app.inject({ url: '/metrics', remoteAddress })).body
  for (const address of ['127.0.0.1', '198.51.100.2']) t.equal(await read(address), 'true', address)
  for (const address of [masterAddress, '198.51.100.9', '2001:db8::1']) {
    t.equal(await read(address), 'false', address)
  }
})

t.test('a bug in a handler gets 500 and is logged', async (t) => {
  const http = httpWorld(t)
  const metrics = () => {
    throw new Error('no such luck')
  }
  const { app } = await createRoutes({ ...http.options, metrics })
  t.teardown(() => app.close())
  const response = await app.inject({ url: '/metrics', remoteAddress: masterAddress })
  t.equal(response.statusCode, 500)
  t.equal(response.body, 'internal error: the log of the server has the reason\n')
  t.match(http.lines, [
    {
      level: 'error',
      msg: 'request failed',
      node: 'ocp45/m1',
      file: '/metrics',
      err: { message: 'no such luck' },
    },
  ])
  t.equal(http.options.counters.get('http.bugs'), 1)
})
