/** One boot plan of each kind, for the tests of the renderers. */
import { planInstall, planMenu, type BootPlan } from '../../src/plan/boot/boot-plan.ts'
import { exampleModel, exampleSite, ignitionFiles, missing } from './model.ts'

const missingMaster = {
  kind: 'missing',
  role: 'master',
  missing: [missing('/srv/ignition', 'no master.ign in /srv/ignition')],
} as const satisfies BootPlan

export function bootPlans() {
  const model = exampleModel()
  const m1 = model.nodes.find(({ key }) => key === 'ocp45/m1')!
  const plans: readonly [name: string, plan: BootPlan][] = [
    ['install', planInstall(model, m1, 'master')],
    ['missing', missingMaster],
    ['menu', planMenu(model, m1, ['master', 'worker'])],
    ['local', { kind: 'local' }],
    [
      'waiting',
      { kind: 'wait', reason: 'waits until ocp45/bs serves machine configuration', canSkip: false },
    ],
    ['waiting-skip', { kind: 'wait', reason: 'waits until ocp45/bs answers', canSkip: true, role: 'master' }],
    ['failed', { kind: 'failed', reason: '5 attempts failed' }],
    ['elsewhere', { kind: 'elsewhere', installerUrl: 'http://192.0.2.3/boot/ocp45/m1/boot.ipxe' }],
    ['refused', { kind: 'refused', reason: "it's another machine" }],
  ]
  return { model, m1, plans: new Map(plans) }
}

/** Returns a menu without a time-out, whose default cannot be installed. */
export function incompleteMenu() {
  const site = exampleSite()
  const declared = site.clusters[0]!.nodes.find(({ name }) => name === 'm1')!
  Object.assign(declared, { menu: { default: 'master', timeoutSeconds: 0 } })
  const files = { ...ignitionFiles('/srv/ignition'), master: missing('/srv/ignition', 'no master.ign') }
  const model = exampleModel(site, { ignition: new Map([['ocp45', files]]) })
  const node = model.nodes.find(({ key }) => key === 'ocp45/m1')!
  return { node, plan: planMenu(model, node, ['master', 'worker']) }
}
