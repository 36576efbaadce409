/** The start of another installer: recorded before its file is sent, and the machine then boots its disk. */
import t from 'tap'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { compileInstall } from '../../../src/plan/install.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { httpWorld } from '../../support/http-service.ts'
import { installsWorld } from '../../support/installs.ts'
import { exampleModel, exampleSite, found } from '../../support/model.ts'

const url = 'http://assisted.example.net/files?key=KEY'
const plain = '#!ipxe\nkernel http://images.example.net/k rw\ninitrd http://images.example.net/i\nboot\n'
const bootPath = '/boot/ocp45/m1/boot.ipxe'

function scriptWorld(t: Parameters<typeof httpWorld>[0], fetched?: string) {
  const site = exampleSite()
  const [cluster] = site.clusters
  Object.assign(cluster!, { script: url, requireDhcp: false })
  cluster!.nodes = cluster!.nodes.slice(1, 2)
  const script = { style: 'script', script: found(url, 0) } as const
  const model = exampleModel(site, { images: new Map([['rhcos', script], [url, script] as const]) })
  const plan = compileInstall(model)
  const { installs, clock } = installsWorld({ plan: () => plan })
  const world = httpWorld(t, 'guarded')
  const options = {
    ...world.options,
    installs,
    plan: () => compileHttp(model).plan,
    fetchedScript: () => fetched,
  }
  return { ...world, installs, clock, options }
}

async function started(t: Parameters<typeof httpWorld>[0], fetched?: string) {
  const world = scriptWorld(t, fetched)
  const { app } = await createRoutes(world.options)
  t.teardown(() => app.close())
  const ask = (path: string, remoteAddress = '192.0.2.11', method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ method, url: path, remoteAddress })
  const { body } = await ask(bootPath)
  const handover = /imgfetch --name handover http:\/\/[^/]+(\S+)/.exec(body)?.[1] ?? ''
  return { ...world, ask, body, handover }
}

t.test('a machine hands over once, and its next network boot starts the system on its disk', async (t) => {
  const { ask, body, handover, installs, lines } = await started(t, plain)
  t.match(body, 'kernel http://images.example.net/k initrd=main rw || goto failed')
  t.match(handover, /^\/boot\/ocp45\/m1\/[\w-]{22}\/handover$/)
  t.match((await ask(bootPath)).body, 'kernel http://images.example.net/k', 'nothing was handed over yet')
  const { handover: second } = {
    handover: /handover http:\/\/[^/]+(\S+)/.exec((await ask(bootPath)).body)?.[1] ?? '',
  }
  t.equal((await ask(second, '192.0.2.21')).statusCode, 403, 'another machine')
  t.equal((await ask(handover)).statusCode, 403, 'the token of an earlier script')
  t.equal((await ask(second, '192.0.2.11', 'HEAD')).statusCode, 200, 'only the size')
  t.match((await ask(bootPath)).body, 'kernel http://images.example.net/k')
  const third = /handover http:\/\/[^/]+(\S+)/.exec((await ask(bootPath)).body)?.[1] ?? ''
  t.match(await ask(third), { statusCode: 200, body: /^# slipway/ })
  t.match(installs.list(), [{ mode: 'installing' }])
  t.match((await ask(bootPath)).body, 'boots from its local disk')
  t.notMatch(JSON.stringify(lines), third.split('/')[4]!)
})

t.test('iPXE chains to a script that is not plain, or not fetched', async (t) => {
  const { body } = await started(t)
  t.match(body, `chain --replace --autofree ${url} || goto slipway_unstarted`)
})

t.test('an installation that cannot be recorded does not start', async (t) => {
  const { ask, handover, options } = await started(t, plain)
  options.installs.mayRead = () => Promise.reject(new Error('disk full'))
  t.match(await ask(handover), { statusCode: 503 })
})
