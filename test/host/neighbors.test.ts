import type { networkInterfaces } from 'node:os'
import t from 'tap'
import {
  createNeighbors,
  createReadNeighbor,
  createTableReader,
  parseNeighborTable,
} from '../../src/host/neighbors.ts'
import { fakeClock } from '../support/fake-clock.ts'

const header = 'IP address       HW type     Flags       HW address            Mask     Device\n'
const row = (address: string, flags = '0x2') =>
  `${address.padEnd(16)} 0x1         ${flags.padEnd(11)} 02:fc:00:00:00:05     *        eth0\n`

const interfaces = (): ReturnType<typeof networkInterfaces> => ({
  lo: [{ ...ipv4('127.0.0.1', '255.0.0.0'), internal: true, mac: '00:00:00:00:00:00' }],
  eth0: [ipv4('172.16.0.101', '255.255.255.0')],
  wg0: [{ ...ipv4('10.8.0.1', '255.255.255.0'), mac: '00:00:00:00:00:00' }],
})

function ipv4(address: string, netmask: string) {
  return { address, netmask, family: 'IPv4' as const, mac: '02:fc:00:00:00:01', internal: false, cidr: null }
}

/** Neighbors of this machine, with a table that the test can change and a count of its reads. */
function world() {
  const clock = fakeClock()
  const state = { text: header, reads: 0 }
  const table = () => {
    state.reads++
    return state.text
  }
  return { clock, state, neighbors: createNeighbors(clock, { table, interfaces }) }
}

t.test('the table has the addresses with a known hardware address (arp(7))', (t) => {
  const text = header + row('172.16.0.21') + row('172.16.0.22', '0x0') + row('172.16.0.23', '0x6')
  t.same([...parseNeighborTable(text).keys()], ['172.16.0.21', '172.16.0.23'])
  t.end()
})

t.test('only addresses on a local network with ARP can be unresolved', (t) => {
  const { state, neighbors } = world()
  state.text += row('172.16.0.21')
  const cases = [
    ['172.16.0.21', 'reachable'],
    ['172.16.0.22', 'unresolved'],
    ['172.16.0.101', 'reachable'], // our own address
    ['172.16.0.255', 'reachable'], // the broadcast address
    ['255.255.255.255', 'reachable'],
    ['192.0.2.1', 'reachable'], // through a router
    ['10.8.0.7', 'reachable'], // a tunnel has no ARP
    ['127.0.0.9', 'reachable'],
    ['2001:db8::1', 'reachable'],
  ] as const
  for (const [address, expected] of cases) t.equal(neighbors.stateOf(address), expected, address)
  t.end()
})

t.test('a new machine is found within 10 ms', (t) => {
  const { clock, state, neighbors } = world()
  t.equal(neighbors.stateOf('172.16.0.22'), 'unresolved')
  state.text += row('172.16.0.22')
  clock.advance(10)
  t.equal(neighbors.stateOf('172.16.0.22'), 'reachable')
  t.end()
})

t.test('a machine that was switched off is noticed within 500 ms or 100 datagrams', (t) => {
  const { clock, state, neighbors } = world()
  state.text += row('172.16.0.21')
  t.equal(neighbors.stateOf('172.16.0.21'), 'reachable')
  state.text = header
  t.equal(neighbors.stateOf('172.16.0.21'), 'reachable')
  clock.advance(500)
  t.equal(neighbors.stateOf('172.16.0.21'), 'unresolved')
  state.text += row('172.16.0.21')
  clock.advance(10)
  t.equal(neighbors.stateOf('172.16.0.21'), 'reachable')
  state.text = header
  const states = Array.from({ length: 101 }, () => neighbors.stateOf('172.16.0.21'))
  t.equal(states.at(-1), 'unresolved')
  t.end()
})

t.test('the table is not read for each datagram', (t) => {
  const { clock, state, neighbors } = world()
  state.text += row('172.16.0.21')
  for (let count = 0; count < 1000; count++) {
    neighbors.stateOf('172.16.0.21')
    neighbors.stateOf(`172.16.0.${30 + (count % 80)}`)
    clock.advance(0.2)
  }
  t.ok(state.reads <= 45, `${state.reads} reads in 200 ms`)
  t.end()
})

t.test('without a neighbor table every address is reachable', (t) => {
  const neighbors = createNeighbors(fakeClock(), {
    table: () => {
      throw new Error('ENOENT')
    },
    interfaces,
  })
  t.equal(neighbors.stateOf('172.16.0.22'), 'reachable')
  t.end()
})

const exampleTable = `IP address       HW type     Flags       HW address            Mask     Device
172.16.0.21      0x1         0x2         00:50:56:96:37:C8     *        eth0
172.16.0.22      0x1         0x0         00:00:00:00:00:00     *        eth0
172.16.0.2       0x1         0x6         52:54:00:00:00:02     *        eth0
`

t.test('returns the MAC address of a complete entry', (t) => {
  const other = '172.16.0.21      0x1         0x2         00:50:56:96:37:c9     *        eth1\n'
  const table = parseNeighborTable(exampleTable + other)
  t.equal(table.get('172.16.0.21'), '00:50:56:96:37:c8', 'of the first interface')
  t.equal(table.get('172.16.0.2'), '52:54:00:00:00:02', 'a permanent entry')
  t.equal(table.get('172.16.0.22'), undefined, 'incomplete')
  t.equal(table.get('172.16.0.23'), undefined, 'behind a router')
  t.equal(parseNeighborTable('').get('172.16.0.21'), undefined)
  t.end()
})

t.test('the table of this machine is readable', async (t) => {
  t.equal(await createReadNeighbor(fakeClock())('192.0.2.255'), undefined)
})

t.test('each read of the open table starts at its first line', (t) => {
  const read = createTableReader()
  for (let time = 0; time < 3; time++) t.ok(read().startsWith(header), `read ${time}`)
  t.end()
})

t.test('concurrent clients share one read of the table, which is soon repeated', async (t) => {
  const clock = fakeClock()
  let reads = 0
  const read = createReadNeighbor(clock, () => Promise.resolve(reads++ === 0 ? exampleTable : header))
  t.same(await Promise.all([read('172.16.0.21'), read('172.16.0.21')]), Array(2).fill('00:50:56:96:37:c8'))
  clock.advance(49)
  t.equal(await read('172.16.0.21'), '00:50:56:96:37:c8')
  t.equal(reads, 1)
  clock.advance(1)
  t.equal(await read('172.16.0.21'), undefined)
  t.equal(reads, 2)
})
