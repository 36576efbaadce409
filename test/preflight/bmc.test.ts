import { readdirSync } from 'node:fs'
import t from 'tap'
import type { Inventory } from '../../src/bmc/machine.ts'
import type { PowerRefusal } from '../../src/bmc/power.ts'
import { resolveBmc } from '../../src/plan/bmc.ts'
import { bmcCheck } from '../../src/preflight/bmc.ts'
import { systemProbes } from '../../src/preflight/probes.ts'
import { credentialsFile, loaderUrl, node } from '../support/bmc-power.ts'
import { bmcUser, fakeBmc } from '../support/fake-bmc.ts'
import { runCheck } from '../support/probes.ts'

type Nodes = { clusters: { nodes: Record<string, unknown>[] }[] }

/** Gives two nodes a BMC with credentials, one of them managed, and one node a BMC without. */
function withBmcs(site: Nodes): void {
  const [bootstrap = {}, master = {}, worker = {}] = site.clusters[0]?.nodes ?? []
  bootstrap['bmc'] = { address: '192.0.2.110' }
  master['bmc'] = { address: '192.0.2.111', credentials: '/etc/slipway/bmc', power: 'managed' }
  worker['bmc'] = { address: '192.0.2.121', credentials: '/etc/slipway/bmc' }
}

const machine: Inventory = { power: 'on', macs: [] }

const answering = (answers: Readonly<Record<string, PowerRefusal | Inventory>>) => ({
  bmcInventories: (plans: ReadonlyMap<string, unknown>) =>
    Promise.resolve(new Map([...plans.keys()].map((key) => [key, answers[key] ?? machine] as const))),
})

t.test('BMCs with credentials are read, and the others are named', async (t) => {
  t.same(await runCheck(bmcCheck), [], 'the site declares no BMC')
  t.match(await runCheck(bmcCheck, answering({}), {}, withBmcs), [
    { status: 'ok', text: '2 BMCs accepted the credentials' },
    { status: 'ok', text: '1 BMC without credentials: slipway does not use them' },
  ])
})

t.test('a BMC that cannot be used is a failure only if slipway switches its power by itself', async (t) => {
  const refused = { code: 'bmc.unreachable', reason: 'no response from 192.0.2.111' } as const
  t.match(await runCheck(bmcCheck, answering({ 'ocp45/m1': refused, 'ocp45/w1': refused }), {}, withBmcs), [
    { status: 'ok', text: /^1 BMC without credentials/ },
    { status: 'failure', code: 'preflight.bmc-unusable', text: 'ocp45/m1: no response from 192.0.2.111' },
    { status: 'warning', code: 'preflight.bmc-unusable', text: /^ocp45\/w1: / },
  ])
})

t.test('the machine of a BMC is compared with the node', async (t) => {
  const macs = ['00:00:5e:00:53:99']
  t.match(await runCheck(bmcCheck, answering({ 'ocp45/m1': { power: 'on', macs } }), {}, withBmcs), [
    { status: 'ok', text: '2 BMCs accepted the credentials' },
    { status: 'ok', text: /^1 BMC without credentials/ },
    { status: 'warning', code: 'preflight.bmc-mac-differs', text: /^ocp45\/m1: its BMC reports 00:00:5e:/ },
  ])
})

t.test('a real Redfish service is read, and no certificate is kept', async (t) => {
  const bmc = await fakeBmc(t, { macs: ['52:54:00:00:00:01'] })
  const state = t.testdir()
  const read = async (user = bmcUser) => {
    const settings = {
      address: `redfish+http://127.0.0.1:${bmc.port}`,
      credentials: credentialsFile(t, user),
    }
    const plan = { node, loaderUrl, ...resolveBmc(settings) }
    return (await systemProbes.bmcInventories(new Map([[node, plan]]), state)).get(node)
  }
  t.match(await read(), { power: /^(?:on|off)$/, macs: ['52:54:00:00:00:01'] })
  t.match(await read({ ...bmcUser, password: 'wrong' }), { code: 'bmc.credentials-refused' })
  t.same(readdirSync(state), [])
})
