/** The machine web1 of systemModel with the routes that serve its installation. */
import type { Test } from 'tap'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { createRoutes } from '../../src/serve/http/routes.ts'
import { httpWorld } from './http-service.ts'
import { installsWorld } from './installs.ts'
import { systemModel } from './systems.ts'

/** @param isArmed whether an administrator started the installation */
export async function servedSystem(t: Test, given: Parameters<typeof systemModel>[0], isArmed: boolean) {
  const world = httpWorld(t, 'guarded')
  const model = systemModel(given)
  world.plan = compileHttp(model).plan
  const { installs, world: inner } = installsWorld()
  inner.plan = compileInstall(model)
  installs.declare()
  if (isArmed) await installs.command('web/web1', 'install')
  const { app } = await createRoutes({
    ...world.options,
    installs,
    observe: (seen) => installs.observe(seen),
  })
  t.teardown(() => app.close())
  return { world, installs, app }
}
