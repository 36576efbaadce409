/** Faults of this server become observations with the server's reason, so that no symptom blames the node for them. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { httpWorld, routesWorld } from '../../support/http-service.ts'

const kernel = 'rhcos-live-kernel-x86_64'
const url = `/images/rhcos/${kernel}`
const isRoot = process.getuid?.() === 0

t.test('a declared node gets an observation for each file that this server cannot send', async (t) => {
  const { ask, app, dir, seen } = await routesWorld(t)
  const file = join(dir, 'images', kernel)
  const missing = { node: 'ocp45/m1', kind: 'file', what: 'kernel', file: kernel, outcome: 'missing' }
  rmSync(file)
  await ask(url)
  await app.inject({ url, remoteAddress: '198.51.100.7' })
  t.match(seen, [{ ...missing, reason: `${file} does not exist` }], 'and no other client does')
  writeFileSync(file, 'kernel', { mode: 0 })
  if (!isRoot) {
    await ask(url)
    t.match(seen[1], { ...missing, reason: /cannot be read: check its owner, its mode/ })
  }
  chmodSync(file, 0o644)
  t.equal((await ask(url)).statusCode, 200)
})

t.test('a loader that disappeared is an observation, as one that was never there', async (t) => {
  const { ask, dir, seen } = await routesWorld(t)
  rmSync(join(dir, 'loaders/ipxe.efi'))
  await ask('/loaders/efi/ipxe.efi')
  await ask('/loaders/efi/snponly.efi')
  t.match(seen, [
    { kind: 'loader', file: 'efi/ipxe.efi', by: 'http', outcome: 'missing' },
    { kind: 'loader', file: 'efi/snponly.efi', by: 'http', outcome: 'missing' },
  ])
  t.equal(seen.length, 2)
})

t.test(
  'an Ignition file that disappeared during an installation is an observation of the server',
  async (t) => {
    const { ask, dir, seen } = await routesWorld(t, 'guarded')
    const { body } = await ask('/boot/ocp45/m1/boot.ipxe')
    const path = / coreos\.inst\.ignition_url=http:\/\/[^/]+(\S+)/.exec(body)?.[1] as string
    rmSync(join(dir, 'ignition/master.ign'))
    t.equal((await ask(path)).statusCode, 404)
    const reason = `${join(dir, 'ignition/master.ign')} does not exist`
    t.match(seen.at(-1), { kind: 'ignition', role: 'master', outcome: 'missing', octets: 0, reason })
    t.equal((await ask(path, {}, 'HEAD')).statusCode, 404)
    t.equal(seen.length, 2, 'a client that only wants the length does not install')
  },
)

t.test('an installation that cannot be recorded is a fault of this server', async (t) => {
  const world = httpWorld(t, 'guarded')
  const installs = {
    ...world.options.installs,
    mayRead: () => Promise.reject(new Error('database or disk is full')),
  }
  const { app } = await createRoutes({ ...world.options, installs })
  t.teardown(() => app.close())
  const response = await app.inject({
    url: `/boot/ocp45/m1/${'A'.repeat(22)}/master.ign`,
    remoteAddress: '192.0.2.11',
  })
  t.equal(response.statusCode, 503)
  const reason = 'this server cannot record the installation now'
  t.match(world.seen, [{ kind: 'ignition', role: 'master', outcome: 'missing', reason }])
})
