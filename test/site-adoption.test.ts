import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLog } from '../src/host/log.ts'
import type { Compared } from '../src/serve/control/site-routes.ts'
import { createSiteAdoption } from '../src/site-adoption.ts'
import { fakeClock } from './support/fake-clock.ts'
import { groupSiteText } from './support/group-site.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'

const w2 = { name: 'w2', role: 'worker', macs: ['00-00-5E-00-53-22'], addresses: ['192.0.2.22'] }
const entry = '- { name: w2, role: worker, mac: "00:00:5e:00:53:22", address: 192.0.2.22 }'

function rig(t: Test, text = siteText()) {
  const path = sitePath(t.testdir(siteFolder(text)))
  const lines: string[] = []
  const compared: string[] = []
  let result: Compared = { outcome: 'compared', changes: { items: [], restart: [] }, troubles: ['no kernel'] }
  const adoption = createSiteAdoption({
    sitePath: path,
    site: {
      compare(source) {
        compared.push(source?.text ?? '')
        return Promise.resolve(result)
      },
    },
    clock: fakeClock(),
    log: createLog('info', { write: (line) => void lines.push(line) }),
  })
  const answer = (next: Compared) => void (result = next)
  return { path, lines, compared, answer, adopt: (body: unknown) => adoption.adopt(body, 'token:anna') }
}

t.test(
  'shows the entry and the plan first, and writes only to the version that it was made for',
  async (t) => {
    const { path, lines, compared, adopt } = rig(t)
    const planned = await adopt(w2)
    t.match(planned, {
      ...{ outcome: 'planned', node: 'c1/w2', file: path, line: 17, entry },
      changes: { items: [] },
      troubles: ['no kernel'],
      diff: [`--- ${path}`, `+++ ${path}`, /^@@/, / {2}nodes:/, / - /, / - /, `+      ${entry}`],
    })
    t.match(compared, [/name: w2/], 'the plan is that of the file with the entry')
    t.equal(await readFile(path, 'utf8'), siteText(), 'nothing is written')

    const { base } = planned as { base: string }
    await writeFile(path, `${siteText()}# another line\n`)
    const changed = `${path} has changed in the meantime: request the plan again`
    t.match(await adopt({ ...w2, base }), { status: 409, code: 'server.site-changed', reasons: [changed] })

    await writeFile(path, siteText())
    t.match(await adopt({ ...w2, base }), { outcome: 'written', node: 'c1/w2', entry })
    t.equal((await readFile(path, 'utf8')).replace(`      ${entry}\n`, ''), siteText())
    t.match(JSON.parse(lines[0] ?? ''), {
      node: 'c1/w2',
      user: 'token:anna',
      msg: 'node added to the site file',
    })

    t.match(await adopt(w2), { outcome: 'present', line: 17 })
    t.equal(lines.length, 1)
  },
)

t.test('the entry of a list in other styles starts in its first column', async (t) => {
  const block = siteText().replace(
    /- \{ name: w1, role: worker, mac: (.*), address: (.*) \}/,
    '- name: w1\n        role: worker\n        mac: $1\n        address: $2',
  )
  t.match(await rig(t, block).adopt(w2), {
    entry: '- name: w2\n  role: worker\n  mac: "00:00:5e:00:53:22"\n  address: 192.0.2.22',
  })
})

t.test('a disk that is neither text nor a map does not fit the description of the API', async (t) => {
  const { adopt } = rig(t)
  for (const disk of [7, null, ['/dev/sda']]) t.match(await adopt({ ...w2, disk }), { status: 400 })
  t.match(await adopt({ ...w2, disk: { wwn: '0x5' } }), {
    outcome: 'planned',
    entry: /disk: \{ wwn: "0x5" \}/,
  })
})

t.test('refuses what is not a node', async (t) => {
  const { adopt } = rig(t)
  for (const [body, reason] of [
    [undefined, 'the body must be a JSON object'],
    [
      { ...w2, role: 'master2' },
      'role must be one of bootstrap, master, arbiter, single, worker, infra; omit it for a machine of the group that cluster names',
    ],
    [{ ...w2, name: 7 }, 'name must be a host name of one label'],
    [{ ...w2, macs: [] }, 'macs must be a list of MAC addresses'],
    [{ ...w2, macs: ['w2'] }, 'macs must be a list of MAC addresses'],
    [{ ...w2, addresses: 'w2' }, 'addresses must be a list of IP addresses'],
    [{ ...w2, disk: 'sda' }, 'disk must be the path of a disk, or a map of hints'],
    [{ ...w2, disk: { wwn: '' } }, 'disk must be the path of a disk, or a map of hints'],
    [{ ...w2, cluster: 1 }, 'cluster must be a name'],
    [{ ...w2, base: 1 }, 'base must be a text'],
  ] as const) {
    t.same(await adopt(body), {
      ...{ outcome: 'refused', code: 'server.bad-request', reasons: [reason] },
      // The form of a text is not part of the description of the API.
      status: /^(?:macs|addresses|disk)/.test(reason) ? 409 : 400,
    })
  }
})

t.test('adds a machine to a group, which has no role', async (t) => {
  const { adopt } = rig(t, groupSiteText())
  const web2 = { name: 'web2', macs: ['00:00:5e:00:53:42'], addresses: ['192.0.2.42'] }
  t.match(await adopt({ ...web2, cluster: 'web' }), { outcome: 'planned', node: 'web/web2', line: 24 })
  t.match(await adopt(web2), { code: 'server.bad-request', reasons: [/omit it for a machine of the group/] })
  t.match(await adopt({ ...web2, cluster: 'c1' }), { code: 'site.cluster-unclear' })
})

t.test('refuses what the site file cannot have', async (t) => {
  const { path, adopt, answer } = rig(t)
  t.match(await adopt({ ...w2, cluster: 'c2' }), { code: 'site.cluster-unclear', reasons: [/no cluster c2/] })
  t.match(await adopt({ ...w2, addresses: ['192.0.2.11'] }), {
    ...{ status: 409, code: 'server.plan-rejected', reasons: [/expected a unique address/] },
  })
  answer({ outcome: 'kept', reasons: ['restart slipway'] })
  t.match(await adopt(w2), { code: 'server.plan-rejected', reasons: ['restart slipway'] })
  answer({ outcome: 'kept', code: 'server.no-such-plan', reasons: ['none'] })
  t.match(await adopt(w2), { code: 'server.no-such-plan' })
  await writeFile(path, 'site: [')
  t.match(await adopt(w2), { code: 'server.plan-rejected' })
})

t.test('a site file that cannot be read or written is a reason, not an error', async (t) => {
  const { path, adopt } = rig(t)
  const { base } = (await adopt(w2)) as { base: string }
  await writeFile(join(path, '../.site.yaml.lock'), 'not a database')
  t.match(await adopt({ ...w2, base }), {
    code: 'server.site-not-written',
    reasons: ['file is not a database'],
  })
  const missing = createSiteAdoption({
    sitePath: join(path, '../none/site.yaml'),
    site: { compare: () => Promise.reject(new Error('not called')) },
    clock: fakeClock(),
    log: { info: () => undefined },
  })
  t.match(await missing.adopt(w2, 'local'), { code: 'site.unreadable', reasons: [/^there is no site file/] })
  t.match(await missing.adopt({ ...w2, base }, 'local'), {
    code: 'server.site-not-written',
    reasons: [/^cannot write .*; check the path, or create the directory$/],
  })
})
