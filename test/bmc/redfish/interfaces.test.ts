import t from 'tap'
import { readMacs } from '../../../src/bmc/redfish/interfaces.ts'
import type { Json } from '../../../src/bmc/redfish/json.ts'
import type { Session } from '../../../src/bmc/redfish/session.ts'
import { decodeSystem } from '../../../src/bmc/redfish/system.ts'
import { BmcProblem } from '../../../src/bmc/problem.ts'

const base = '/redfish/v1/Systems/1'
const link = (path: string): Json => ({ '@odata.id': path })
const links = (...paths: readonly string[]): Json => ({ Members: paths.map(link) })

/** Returns the addresses of a system, and how many resources were read. */
async function read(
  system: Json,
  resources: Readonly<Record<string, Json>>,
  missing = 'bmc.refused' as const,
) {
  let count = 0
  const get = (path: string) => {
    count += 1
    const body = resources[path]
    if (body === undefined) throw new BmcProblem(missing, `no ${path}`)
    return Promise.resolve({ status: 200, headers: {}, body, text: '' })
  }
  const session = { get: (path: string) => Promise.resolve(path).then(get) } as unknown as Session
  return { macs: await readMacs(session, decodeSystem(base, system, undefined)), count: () => count }
}

const interfaces = { EthernetInterfaces: link(`${base}/EthernetInterfaces`) }
const chassis = { Links: { Chassis: [link('/redfish/v1/Chassis/1')] } }
const adapterTree = (adapter: Json): Readonly<Record<string, Json>> => ({
  '/redfish/v1/Chassis/1': { NetworkAdapters: link('/adapters') },
  '/adapters': links('/adapters/1'),
  '/adapters/1': adapter,
})

t.test('adapters are not read if each interface has an address', async (t) => {
  const { macs, count } = await read(
    { ...interfaces, ...chassis },
    {
      [`${base}/EthernetInterfaces`]: links('/nic/1'),
      '/nic/1': { MACAddress: '02-00-00-00-00-01' },
    },
  )
  t.same(macs, ['02:00:00:00:00:01'])
  t.equal(count(), 2)
})

t.test('the ports of an adapter have the addresses, in both schemas', async (t) => {
  const ports = { '/ports': links('/port/1', '/port/2') }
  const bodies = {
    Ports: { Ethernet: { AssociatedMACAddresses: ['02:00:00:00:00:01', '02:00:00:00:00:02'] } },
    NetworkPorts: {
      AssociatedNetworkAddresses: ['020000000001', '02:00:00:00:00:02', '10:00:02:00:00:00:00:01'],
    },
  }
  for (const [name, body] of Object.entries(bodies)) {
    const tree = { ...adapterTree({ [name]: link('/ports') }), ...ports, '/port/1': body, '/port/2': {} }
    t.same((await read(chassis, tree)).macs, ['02:00:00:00:00:01', '02:00:00:00:00:02'], name)
  }
})

t.test('functions of Fibre Channel, disabled ones, and addresses of groups are skipped', async (t) => {
  const tree = {
    ...adapterTree({ NetworkDeviceFunctions: link('/functions') }),
    '/functions': links('/function/1', '/function/2', '/function/3', '/function/4'),
    '/function/1': { NetDevFuncType: 'FibreChannel', Ethernet: { MACAddress: '02:00:00:00:00:01' } },
    '/function/2': { DeviceEnabled: false, Ethernet: { MACAddress: '02:00:00:00:00:02' } },
    '/function/3': { Ethernet: { MACAddress: '01:00:5e:00:00:01' } },
    '/function/4': {
      Ethernet: { PermanentMACAddress: '02:00:00:00:00:04', MACAddress: '02:00:00:00:00:05' },
    },
  }
  t.same((await read(chassis, tree)).macs, ['02:00:00:00:00:04'])
})

t.test('a resource that the BMC does not return does not hide the others', async (t) => {
  const tree = {
    [`${base}/EthernetInterfaces`]: links('/nic/1', '/nic/2'),
    '/nic/2': { MACAddress: '02:00:00:00:00:02' },
  }
  t.same((await read({ ...interfaces, ...chassis }, tree)).macs, ['02:00:00:00:00:02'])
  t.same((await read(interfaces, {})).macs, [])
  t.same((await read({}, {})).macs, [])
})

t.test('other problems end the reading', async (t) => {
  await t.rejects(read(interfaces, {}, 'bmc.unreachable' as 'bmc.refused'), { code: 'bmc.unreachable' })
})

t.test('the number of resources is bounded', async (t) => {
  const paths = Array.from({ length: 200 }, (_, index) => `/nic/${index}`)
  const bodies = Object.fromEntries(paths.map((path) => [path, { MACAddress: '' }]))
  const { count } = await read(interfaces, { [`${base}/EthernetInterfaces`]: links(...paths), ...bodies })
  t.equal(count(), 64)
})
