import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InterfaceAddresses } from '../../src/host/attached-networks.ts'
import { Counters } from '../../src/host/counters.ts'
import { compileDhcpv6 } from '../../src/plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../src/plan/dhcpv6/plan.ts'
import type { FoundFile } from '../../src/plan/facts.ts'
import type { Model, NodeModel } from '../../src/plan/model.ts'
import { compileTftp } from '../../src/plan/tftp.ts'
import { startDhcpv6 } from '../../src/serve/dhcpv6/service.ts'
import { startTftp } from '../../src/serve/tftp/service.ts'
import type { Firmware } from '../../src/simulate/dhcp-profiles.ts'
import { askSystemDhcp6, openIpv6Network, startLoader6 } from '../../src/simulate/ipv6-boot.ts'
import { openDiskFiles, type Machine } from '../../src/simulate/machine.ts'
import { Timeline } from '../../src/simulate/timeline.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { ipv6Model } from '../support/ipv6-site.ts'
import { memorySockets } from '../support/memory-sockets.ts'
import { silentLog } from '../support/silent-log.ts'

const loader = 'loader'.repeat(500)
const script = 'http://[fd00:16::101]/boot/ocp45/m1/boot.ipxe'
const own = (address: string) => ({ address, netmask: '', cidr: null, internal: false })
const attached = { ens4: [own('fe80::99'), own('fd00:16::101')] }

/** The site with one loader on the disk. */
function modelWith(t: Test): Model {
  const path = join(t.testdir({ loader }), 'loader')
  const model = ipv6Model()
  const file: FoundFile = { kind: 'found', path, octets: loader.length }
  return {
    ...model,
    facts: { ...model.facts, loaders: new Map([...model.facts.loaders, ['efi/snponly.efi', file]]) },
  }
}

type Options = {
  readonly firmware?: Firmware
  readonly syntax?: Machine['syntax']
  readonly interfaces?: InterfaceAddresses
  /** What the server has. */
  readonly served?: Model
}

/** `m1` beside its server, in memory. */
async function setUp(
  t: Test,
  { firmware = 'uefi', syntax = 'ipxe', interfaces = attached, served = modelWith(t) }: Options = {},
) {
  const model = modelWith(t)
  const [sockets, clock] = [memorySockets(), fakeClock()]
  const options = { sockets, clock, log: silentLog(), counters: new Counters(), onLost: () => {} }
  const dhcpv6 = await startDhcpv6({
    ...options,
    plan: () => compileDhcpv6(served) as Dhcpv6Plan,
    observe: () => {},
    interfaces: () => attached,
  })
  const tftp = await startTftp({ ...options, plan: () => compileTftp(served).plan, interfaceMtu: () => 1500 })
  const network = await openIpv6Network(model, model.nodes, { sockets, clock, interfaces: () => interfaces })
  t.teardown(async () => {
    await network?.dhcp.close()
    await dhcpv6.close(0)
    const closed = tftp.close(0)
    await sockets.settled()
    clock.advance(0)
    await closed
  })
  const timeline = new Timeline(clock)
  const node = model.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
  const context = { model, clock, disk: openDiskFiles(), ipv6: network }
  const machine = { node, firmware, syntax, context, timeline } as unknown as Machine
  const steps = () => timeline.finish(node, firmware, '').events.map(({ step, text }) => `${step}: ${text}`)
  return { machine, steps, sockets }
}

t.test(
  'the firmware gets its loader by TFTP, and iPXE and the live system get their addresses',
  async (t) => {
    const { machine, steps } = await setUp(t)
    await startLoader6(machine, script)
    await askSystemDhcp6(machine)
    t.same(steps(), [
      'DHCP firmware: fd00:16::11, efi/snponly.efi',
      'TFTP loader: efi/snponly.efi by 1448 x 4',
      "DHCP iPXE: fd00:16::11, the script's URL",
      `DHCP system: ${machine.node.fqdn}`,
    ])
  },
)

t.test('GRUB requests no address', async (t) => {
  const { machine, steps } = await setUp(t, { syntax: 'grub' })
  await startLoader6(machine, script)
  t.equal(steps().length, 2)
})

t.test('UEFI HTTP Boot requests the URL of its loader', async (t) => {
  const { machine, steps } = await setUp(t, { firmware: 'uefi-http' })
  const aborted = t.rejects(
    startLoader6(machine, script),
    { name: 'BootProblem' },
    'no HTTP server is in memory',
  )
  await aborted
  t.same(steps(), ["DHCP firmware: fd00:16::11, its loader's URL"])
})

t.test('a machine that is not on the network of the node starts with the script', async (t) => {
  const { machine, steps } = await setUp(t, { interfaces: { ens4: [] } })
  await startLoader6(machine, script)
  await askSystemDhcp6(machine)
  t.same(steps(), [
    'DHCP firmware: skipped, with its loader: no interface of this machine is on fd00:16::/64',
  ])
})

t.test('Open Firmware starts with the script', async (t) => {
  const { machine, steps } = await setUp(t, { firmware: 'ppc64le' })
  await startLoader6(machine, script)
  t.same(steps(), [])
})

t.test('a server with another site answers with another boot file', async (t) => {
  const served = modelWith(t)
  const nodes = served.nodes.map((node) => ({ ...node, loader: 'ipxe' as const }))
  const { machine } = await setUp(t, { served: { ...served, nodes } })
  await t.rejects(startLoader6(machine, script), {
    message:
      /expected boot file tftp:\/\/\S+snponly\.efi; got tftp:\/\/\S+ipxe\.efi; check loader of ocp45\/m1/,
  })
})

t.test('no socket is opened for nodes that boot over IPv4', async (t) => {
  const { nodes, ...model } = ipv6Model()
  const sockets = memorySockets()
  const others = nodes.filter(({ bootsOverIpv6 }) => bootsOverIpv6 !== true)
  const options = { sockets, clock: fakeClock(), interfaces: () => attached }
  t.equal(await openIpv6Network({ ...model, nodes }, others, options), undefined)
  t.same(sockets.open(), [])
})
