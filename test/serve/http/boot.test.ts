/** Boot scripts of GRUB over HTTP: the same decisions as for iPXE. */
import t from 'tap'
import { newRun, runGrub } from '../../support/grub-script.ts'
import { httpWorld, routesWorld } from '../../support/http-service.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'

t.test('GRUB gets the script of the node in its own syntax', async (t) => {
  const { ask, seen, lines } = await routesWorld(t)
  const { body, statusCode } = await ask('/boot/ocp45/m1/boot.grub')
  t.equal(statusCode, 200)
  const outcome = runGrub(body, { settings: new Map([['slipway', '(http,192.0.2.2)']]) })
  if (outcome.kind !== 'boot') throw new Error(outcome.kind)
  const ipxe = await ask('/boot/ocp45/m1/boot.ipxe?rehearse')
  const words = (text: string) => text.replaceAll(/\/ocp45\/m1\/[\w@-]{22}\//g, '/TOKEN/')
  t.match(words(ipxe.body), ` initrd=main ${words(outcome.arguments.join(' '))} || goto failed`)
  t.match(seen, [{ kind: 'script', script: 'install', role: 'master' }])
  t.match(lines.at(-2), { msg: 'boot script served', file: '/boot/ocp45/m1/boot.grub', boot: 'install' })
})

t.test('a GRUB that reads HTTP learns the server', async (t) => {
  const { ask } = await routesWorld(t)
  t.equal((await ask('/boot/ocp45/m1/http.grub')).body, "set slipway='(http,192.0.2.2)'\n")
})

t.test('menus and other roles in the syntax of GRUB', async (t) => {
  const { ask } = await routesWorld(t)
  t.match((await ask('/boot/ocp45/m1/menu.grub')).body, /menuentry 'Install as master \(declared\)'/)
  t.match((await ask('/boot/ocp45/m1/local.grub')).body, /exit 1/)
  t.equal((await ask('/boot/ocp45/m1/install-single.grub')).statusCode, 404)
  t.equal((await ask('/boot/ocp45/m1/unknown.grub')).statusCode, 404)
})

t.test('another machine gets a script of GRUB that shows the refusal', async (t) => {
  const world = httpWorld(t, 'guarded')
  const { app } = await createRoutes(world.options)
  t.teardown(() => app.close())
  const { body } = await app.inject({ url: '/boot/ocp45/m1/boot.grub', remoteAddress: '192.0.2.99' })
  const run = newRun()
  t.equal(runGrub(body, { run }).kind, 'end')
  t.match(run.printed.join(' '), /refused: this machine has the address 192\.0\.2\.99/)
})

t.test(
  'after HTTP Boot, GRUB finds its first configuration beside itself, or below its prefix',
  async (t) => {
    const { ask, app, plan } = await routesWorld(t)
    Object.assign(plan.nodes.get('ocp45/m1')!, { configuration: 'grub' })
    const { body, statusCode, headers } = await ask('/loaders/image-rhcos/grub.cfg-01-00-00-5e-00-53-11')
    t.equal(statusCode, 200)
    t.equal(headers['content-length'], String(body.length))
    t.match(body, '/boot/ocp45/m1/boot.grub')
    t.equal((await ask('/grub/grub.cfg')).body, body)
    t.equal((await ask('/loaders/image-rhcos/grub.cfg-01-00-00-5e-00-53-12')).statusCode, 404)
    const other = await app.inject({ url: '/grub/grub.cfg', remoteAddress: '192.0.2.21' })
    t.equal(other.statusCode, 404, 'a node with another loader')
  },
)
