/** Reserved addresses that another machine uses. */
import t from 'tap'
import { addressesCheck } from '../../src/preflight/addresses.ts'
import { runCheck } from '../support/probes.ts'

type Site = { hosts?: Record<string, unknown>[]; clusters: { nodes: Record<string, unknown>[] }[] }

const neighbors = (macs: Readonly<Record<string, string>>, asked: string[] = []) => ({
  neighbors(addresses: readonly string[]) {
    asked.push(...addresses)
    return Promise.resolve(new Map(Object.entries(macs)))
  },
})

/** One node with two MAC addresses, and one host. */
function withTwoMachines(site: Site): void {
  const [cluster] = site.clusters
  const [first] = cluster?.nodes ?? []
  Object.assign(first ?? {}, { address: '192.0.2.11', mac: ['52:54:00:00:00:11', '52:54:00:00:00:12'] })
  cluster?.nodes.splice(1, Infinity)
  site.hosts = [{ name: 'switch.example.net', address: '192.0.2.5', mac: '52:54:00:00:00:05' }]
}

t.test('a machine that uses its own address is not a conflict', async (t) => {
  const asked: string[] = []
  const answers = neighbors({ '192.0.2.11': '52:54:00:00:00:12', '192.0.2.5': '52:54:00:00:00:05' }, asked)
  t.match(await runCheck(addressesCheck, answers, {}, withTwoMachines), [
    { status: 'ok', text: 'no other machine uses a reserved address' },
  ])
  t.same(asked, ['192.0.2.11', '192.0.2.5'])
})

t.test('another machine is named with the address and its node', async (t) => {
  const answers = neighbors({ '192.0.2.11': '52:54:00:00:00:99', '192.0.2.5': '52:54:00:00:00:98' })
  t.match(await runCheck(addressesCheck, answers, {}, withTwoMachines), [
    {
      status: 'warning',
      code: 'preflight.address-in-use',
      text: /^52:54:00:00:00:99 uses 192\.0\.2\.11, the address of \S+ \(52:54:00:00:00:11, 52:54:00:00:00:12\)$/,
    },
    {
      text: '52:54:00:00:00:98 uses 192.0.2.5, the address of switch.example.net (52:54:00:00:00:05)',
    },
  ])
})

t.test('addresses behind a relay agent are not asked for', async (t) => {
  const elsewhere = [
    { address: '198.51.100.2', netmask: '255.255.255.0', cidr: '198.51.100.2/24', internal: false },
  ]
  const probes = { ...neighbors({}), interfaces: () => ({ eth0: elsewhere }) }
  t.same(await runCheck(addressesCheck, probes), [])
})
