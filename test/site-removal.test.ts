import { readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import type { MemberReport } from '../src/cluster/report.ts'
import { createLog } from '../src/host/log.ts'
import type { Compared } from '../src/serve/control/site-routes.ts'
import type { ServerState } from '../src/serve/haproxy/servers.ts'
import { createSiteRemoval } from '../src/site-removal.ts'
import { fakeClock } from './support/fake-clock.ts'
import { groupSiteText, web1, web2 } from './support/group-site.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'

const w2 = '      - { name: w2, role: worker, mac: "00:00:5e:00:53:03", address: 192.0.2.22 }\n'

const server = (name: string, more: Partial<ServerState> = {}) =>
  ({ node: `c1/${name}`, backend: 'workerhttp', isUp: true, isLeaving: false, ...more }) as ServerState

function rig(t: Test, text = siteText(undefined, w2)) {
  const path = sitePath(t.testdir(siteFolder(text)))
  const lines: string[] = []
  let members: readonly MemberReport[] | undefined = [{ node: 'c1/w2', state: 'ready' }]
  let servers = [server('w1'), server('w2')]
  let result: Compared = { outcome: 'compared', changes: { items: [], restart: [] }, troubles: [] }
  const removal = createSiteRemoval({
    sitePath: path,
    site: { compare: () => Promise.resolve(result) },
    clusters: () => members && [{ cluster: 'c1', members }],
    servers: () => servers,
    clock: fakeClock(),
    log: createLog('info', { write: (line) => void lines.push(line) }),
  })
  return {
    ...{ path, lines },
    know: (...next: MemberReport[]) => void (members = next),
    disconnect: () => void (members = undefined),
    balance: (...next: ServerState[]) => void (servers = next),
    answer: (next: Compared) => void (result = next),
    remove: (body: unknown) => removal.remove(body, 'token:anna'),
  }
}

t.test(
  'shows the change and its consequences first, and writes only to that version of the file',
  async (t) => {
    const { path, lines, remove } = rig(t)
    const planned = await remove({ nodes: ['W2'] })
    t.match(planned, {
      ...{ outcome: 'planned', keys: ['c1/w2'], blockers: [], file: path, troubles: [] },
      nodes: [
        { node: 'c1/w2', line: 17, manualSteps: [/^oc adm drain w2/, /^power off c1\/w2/, /^oc delete/] },
      ],
      diff: [`--- ${path}`, `+++ ${path}`, /^@@/, /^ /, /^ /, /^ /, `-${w2.trimEnd()}`],
    })
    t.equal(await readFile(path, 'utf8'), siteText(undefined, w2), 'nothing is written')

    const { base } = planned as { base: string }
    await writeFile(path, `${siteText(undefined, w2)}# another line\n`)
    t.match(await remove({ nodes: ['w2'], base }), { status: 409, code: 'server.site-changed' })

    await writeFile(path, siteText(undefined, w2))
    t.match(await remove({ nodes: ['w2'], base }), {
      outcome: 'written',
      nodes: [{ node: 'c1/w2', line: 17 }],
    })
    t.equal(await readFile(path, 'utf8'), siteText())
    t.match(JSON.parse(lines.join('')), {
      ...{ nodes: ['c1/w2'], user: 'token:anna', forced: false, msg: 'nodes removed from the site file' },
    })
  },
)

t.test('removes a machine of a group, for which nothing is left to do but power it off', async (t) => {
  const { remove } = rig(t, groupSiteText(web1 + web2))
  t.match(await remove({ nodes: ['web/web2'] }), {
    ...{ outcome: 'planned', keys: ['web/web2'], blockers: [] },
    nodes: [{ node: 'web/web2', line: 24, manualSteps: [/^power off web\/web2/] }],
  })
})

t.test('a node of the control plane, and the last server of a backend, need force', async (t) => {
  const { path, remove, balance, know, lines } = rig(t)
  know({ node: 'c1/m1', state: 'ready' })
  balance(server('w2'), server('w1', { isUp: false }))
  const blockers = [
    'c1/m1 is a control-plane node, and its cluster still has it: without it etcd can lose its quorum',
    'no other server of workerhttp is up',
  ]
  const nodes = ['m1', 'w2']
  const planned = await remove({ nodes })
  t.match(planned, { outcome: 'planned', blockers })
  const { base } = planned as { base: string }
  t.match(await remove({ nodes, base }), { status: 409, code: 'server.removal-refused', reasons: blockers })
  t.equal(await readFile(path, 'utf8'), siteText(undefined, w2))
  t.match(await remove({ nodes, base, force: true }), { outcome: 'written', blockers })
  t.notMatch(await readFile(path, 'utf8'), /name: (?:m1|w2)/)
  t.match(JSON.parse(lines.join('')), { forced: true })
})

t.test('the state of a node in a cluster that slipway does not know blocks only masters', async (t) => {
  const { remove, disconnect } = rig(t)
  disconnect()
  t.match(await remove({ nodes: ['w2'] }), { blockers: [] })
  t.match(await remove({ nodes: ['m1'] }), { blockers: [/its state in the cluster is unknown/] })
})

t.test('a node that is removed from the file but not yet drained is known', async (t) => {
  const { remove, balance, path } = rig(t)
  balance(server('w1'), server('w7', { isLeaving: true }))
  const planned = await remove({ nodes: ['w7'] })
  t.match(planned, { outcome: 'absent', keys: ['c1/w7'], nodes: [], diff: [] })
  const { base } = planned as { base: string }
  t.match(await remove({ nodes: ['w7'], base }), { outcome: 'absent' })
  t.equal(await readFile(path, 'utf8'), siteText(undefined, w2))
})

t.test('refuses what is not a list of nodes', async (t) => {
  const { remove } = rig(t)
  const names = 'nodes must be a list of 1 to 100 names'
  for (const [body, reason] of [
    [undefined, 'the body must be a JSON object'],
    [null, 'the body must be a JSON object'],
    [{}, names],
    [{ nodes: [] }, names],
    [{ nodes: 'w2' }, names],
    [{ nodes: [2] }, names],
    [{ nodes: ['w'.repeat(128)] }, names],
    [{ nodes: Array.from({ length: 101 }, () => 'w2') }, names],
    [{ nodes: ['w2'], force: 1 }, 'force must be true or false'],
    [{ nodes: ['w2'], base: 1 }, 'base must be a text'],
  ] as const) {
    t.same(await remove(body), {
      ...{ outcome: 'refused', status: 400, code: 'server.bad-request', reasons: [reason] },
    })
  }
})

t.test('refuses what the site file cannot lose', async (t) => {
  const { path, remove, answer } = rig(t)
  t.match(await remove({ nodes: ['w9'] }), {
    ...{ status: 404, code: 'server.unknown-node', reasons: [/^the site does not declare a node w9/] },
  })
  t.match(await remove({ nodes: ['m1', 'w1', 'w2'] }), { status: 409, code: 'site.edit-unsafe' })
  answer({ outcome: 'kept', reasons: ['restart slipway'] })
  t.match(await remove({ nodes: ['w2'] }), { code: 'server.plan-rejected', reasons: ['restart slipway'] })
  await writeFile(path, 'site: [')
  t.match(await remove({ nodes: ['w2'] }), { code: 'server.plan-rejected' })
})
