import t from 'tap'
import { readNmstate } from '../../src/import/nmstate.ts'

const none = new Map<string, string>()

t.test('without a map there is no network', (t) => {
  t.same(readNmstate(undefined, none), { omitted: [] })
  t.same(readNmstate([], none), { omitted: [] })
  t.end()
})

t.test('names become labels for the MAC addresses that the host lists', (t) => {
  const macs = new Map([
    ['eno1', '52:54:00:00:53:21'],
    ['eno2', '52:54:00:00:53:22'],
  ])
  const config = {
    interfaces: [
      { name: 'eno1', state: 'up' },
      { name: 'eno9', type: 'ethernet', ipv6: { enabled: false, autoconf: true } },
      {
        name: 'bond0',
        type: 'bond',
        'link-aggregation': { mode: 'balance-rr', port: ['eno1', 'eno2', 'eno3'] },
      },
    ],
  }
  const before = structuredClone(config)
  t.same(readNmstate(config, macs), {
    network: {
      interfaces: [
        { name: 'eno1', type: 'ethernet', 'mac-address': '52:54:00:00:53:21' },
        { name: 'eno9', type: 'ethernet', ipv6: { enabled: false } },
        {
          name: 'bond0',
          type: 'bond',
          'link-aggregation': { mode: 'balance-rr', port: ['eno1', 'eno2', 'eno3'] },
        },
        { name: 'eno2', type: 'ethernet', 'mac-address': '52:54:00:00:53:22' },
      ],
    },
    omitted: [],
  })
  t.same(config, before, 'the file is not changed')
  t.end()
})

t.test(
  'keys that slipway does not have are omitted, and a network that it cannot express is not imported',
  (t) => {
    const ethernet = { name: 'eno1', type: 'ethernet', lldp: { enabled: true }, ipv4: { 'auto-dns': false } }
    t.same(readNmstate({ interfaces: [ethernet], hostname: {} }, none), {
      network: { interfaces: [{ name: 'eno1', type: 'ethernet', ipv4: {} }] },
      omitted: [
        'interfaces.0.ipv4.auto-dns of networkConfig',
        'interfaces.0.lldp of networkConfig',
        'hostname of networkConfig',
      ],
    })
    const bridge = { name: 'br-ex', type: 'ovs-bridge', state: 'up' }
    t.same(readNmstate({ interfaces: [bridge, { name: 'eno2', state: 'absent' }] }, none), {
      omitted: [
        'interface eno2 is absent',
        'networkConfig: interfaces.0.type: expected one of ethernet, bond, vlan, linux-bridge; for other types, set networkKeyfiles instead of network',
      ],
    })
    t.end()
  },
)
