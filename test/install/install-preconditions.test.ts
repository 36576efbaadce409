import t from 'tap'
import { canStartInstall } from '../../src/install/install-preconditions.ts'
import type { HttpPlan } from '../../src/plan/http/plan.ts'
import type { IgnitionFiles, IgnitionRead } from '../../src/plan/ignition/document.ts'

const hour = 3_600_000
const madeAt = Date.UTC(2026, 10, 21, 6)
const file = { file: '/srv/bootstrap.ign', node: 'ocp45/bs', kind: 'bootstrap' } as const
const script = { body: '#!ipxe', node: 'ocp45/bs', boot: 'install' } as const
const ignition: HttpPlan['ignition'] = new Map([['/boot/ocp45/bs/bootstrap.ign', file]])
const scripts = (problem?: string): HttpPlan['scripts'] =>
  new Map([
    ['/boot/ocp45/bs/install-bootstrap.ipxe', problem === undefined ? script : { ...script, problem }],
  ])
const document = { path: file.file, octets: new Uint8Array(), certificates: [], version: '3.4.0', unread: 0 }
const reads = (read: IgnitionRead): IgnitionFiles => ({ read: () => Promise.resolve(read) })
const ageing = reads({
  kind: 'read',
  document: { ...document, madeAt, usableUntil: madeAt + 24 * hour },
})
const start = (now: number) => ({ node: 'ocp45/bs', role: 'bootstrap', now }) as const

t.test('a bootstrap whose files exist and are recent enough can start', async (t) => {
  t.same(await canStartInstall({ scripts: scripts(), ignition }, ageing, start(madeAt + 23 * hour)), {
    kind: 'allowed',
  })
})

t.test(
  'a bootstrap whose certificates have expired cannot start, and the reason names the command that creates them',
  async (t) => {
    const permission = await canStartInstall(
      { scripts: scripts(), ignition },
      ageing,
      start(madeAt + 24 * hour),
    )
    t.match(permission, {
      kind: 'refused',
      reason:
        /^\/srv\/bootstrap\.ign was created .* ago and expired at .*openshift-install create ignition-configs/,
    })
  },
)

t.test('a file that was missing when the site was loaded is reported with its problem', async (t) => {
  const lacking = { scripts: scripts('no kernel in /srv'), ignition }
  t.same(await canStartInstall(lacking, ageing, start(madeAt)), {
    kind: 'refused',
    code: 'install.file-missing',
    reason: 'no kernel in /srv',
  })
})

t.test('a file that was deleted later is reported at once', async (t) => {
  const gone = reads({ kind: 'unreadable', problem: '/srv/bootstrap.ign does not exist' })
  t.same(await canStartInstall({ scripts: scripts(), ignition }, gone, start(madeAt)), {
    kind: 'refused',
    code: 'install.file-missing',
    reason: '/srv/bootstrap.ign does not exist',
  })
})

t.test('a node without an Ignition file has it in its image', async (t) => {
  const permission = await canStartInstall(
    { scripts: scripts(), ignition: new Map() },
    ageing,
    start(madeAt + 99 * hour),
  )
  t.same(permission, { kind: 'allowed' })
})
