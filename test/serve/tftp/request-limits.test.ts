import t from 'tap'
import type { TransferPorts } from '../../../src/plan/tftp.ts'
import { parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { parseCidr6, type Cidr6 } from '../../../src/proto/address/network6.ts'
import { classOf, isClient, limitsFor, whyBusy, type Occupant } from '../../../src/serve/tftp/request.ts'

const any: TransferPorts = { kind: 'any' }
const sixteen: TransferPorts = { kind: 'range', from: 30_000, to: 30_015 }
const thousand: TransferPorts = { kind: 'range', from: 30_000, to: 30_999 }
const twoThousand: TransferPorts = { kind: 'range', from: 30_000, to: 31_999 }
const single: TransferPorts = { kind: 'single' }

const node = '192.0.2.11'
const undeclared = '192.0.2.99'
const outside = '203.0.113.7'
const networks = [parseCidr('192.0.2.0/24') as Cidr]

/** Numbers of transfers in progress. */
type Load = {
  readonly all: number
  readonly ofClient: number
  readonly undeclared: number
  readonly outside?: number
}

/** Transfers in these numbers; `ofClient` are those of the client of the test. */
function occupants({ all, ofClient, undeclared, outside = 0 }: Load, address: string): Occupant[] {
  const client = classOf({ networks, nodeByAddress: new Map([[node, 'ocp45/m1']]) }, address)
  const fill = (count: number, each: Occupant) => Array.from({ length: Math.max(0, count) }, () => each)
  const own = fill(ofClient, { address, class: client })
  const others = fill(undeclared - (client === 'node' ? 0 : ofClient) - outside, {
    address: '192.0.2.77',
    class: 'local',
  })
  const far = fill(outside, { address: '203.0.113.8', class: 'outside' })
  const rest = all - own.length - others.length - far.length
  return [...own, ...others, ...far, ...fill(rest, { address: '192.0.2.12', class: 'node' })]
}

type Case = {
  readonly name: string
  readonly transfers: TransferPorts
  readonly address: string
  /** The last load that allows another transfer, the first that does not, and the reason. */
  readonly last: Load
  readonly full: Load
  readonly reason: string
}

const cases: readonly Case[] = [
  {
    name: 'one node has at most sixteen',
    transfers: any,
    address: node,
    last: { all: 15, ofClient: 15, undeclared: 0 },
    full: { all: 16, ofClient: 16, undeclared: 0 },
    reason: '16 transfers to 192.0.2.11 are in progress',
  },
  {
    name: 'so has one undeclared machine',
    transfers: any,
    address: undeclared,
    last: { all: 15, ofClient: 15, undeclared: 15 },
    full: { all: 16, ofClient: 16, undeclared: 16 },
    reason: '16 transfers to 192.0.2.99 are in progress',
  },
  {
    name: 'all undeclared addresses together have a quarter of the transfers',
    transfers: any,
    address: undeclared,
    last: { all: 400, ofClient: 0, undeclared: 255 },
    full: { all: 400, ofClient: 0, undeclared: 256 },
    reason: '256 transfers to undeclared addresses are in progress, try again later',
  },
  {
    name: 'nodes have the others',
    transfers: any,
    address: node,
    last: { all: 1023, ofClient: 0, undeclared: 256 },
    full: { all: 1024, ofClient: 0, undeclared: 256 },
    reason: '1024 transfers are in progress, try again later',
  },
  {
    name: 'a range allows as many transfers as ports, and one machine a quarter of them',
    transfers: sixteen,
    address: node,
    last: { all: 15, ofClient: 3, undeclared: 0 },
    full: { all: 15, ofClient: 4, undeclared: 0 },
    reason: '4 transfers to 192.0.2.11 are in progress',
  },
  {
    name: 'undeclared addresses have half of a range',
    transfers: sixteen,
    address: undeclared,
    last: { all: 15, ofClient: 3, undeclared: 7 },
    full: { all: 15, ofClient: 3, undeclared: 8 },
    reason: '8 transfers to undeclared addresses are in progress, try again later',
  },
  {
    name: 'a large range allows no more transfers than no range',
    transfers: twoThousand,
    address: node,
    last: { all: 1023, ofClient: 15, undeclared: 0 },
    full: { all: 1024, ofClient: 15, undeclared: 0 },
    reason: '1024 transfers are in progress, try again later',
  },
  {
    name: 'on one port an undeclared address can be many machines behind NAT',
    transfers: single,
    address: undeclared,
    last: { all: 255, ofClient: 255, undeclared: 255 },
    full: { all: 256, ofClient: 256, undeclared: 256 },
    reason: '256 transfers to 192.0.2.99 are in progress',
  },
  {
    name: 'on one port a node is one machine',
    transfers: single,
    address: node,
    last: { all: 15, ofClient: 15, undeclared: 0 },
    full: { all: 16, ofClient: 16, undeclared: 0 },
    reason: '16 transfers to 192.0.2.11 are in progress',
  },
  {
    name: 'a client outside the subnets has at most four',
    transfers: any,
    address: outside,
    last: { all: 3, ofClient: 3, undeclared: 3 },
    full: { all: 4, ofClient: 4, undeclared: 4 },
    reason: '4 transfers to 203.0.113.7 are in progress',
  },
  {
    name: 'all clients outside the subnets have at most 32',
    transfers: any,
    address: outside,
    last: { all: 31, ofClient: 0, undeclared: 31, outside: 31 },
    full: { all: 32, ofClient: 0, undeclared: 32, outside: 32 },
    reason: '32 transfers to addresses outside the subnets are in progress, try again later',
  },
]

for (const { name, transfers, address, last, full, reason } of cases) {
  t.test(name, (t) => {
    const plan = { transfers, networks, nodeByAddress: new Map([[node, 'ocp45/m1']]) }
    t.equal(whyBusy(plan, address, occupants(last, address)), undefined)
    t.equal(whyBusy(plan, address, occupants(full, address))?.reason, reason)
    t.end()
  })
}

t.test('a window is granted only where a forger cannot acknowledge it blindly', (t) => {
  const limits = (transfers: TransferPorts, address: string) =>
    limitsFor({ transfers, networks, mtus: [], nodeByAddress: new Map([[node, 'ocp45/m1']]) }, address)
      .maxWindowBlocks
  t.equal(limits(any, node), 64)
  t.equal(limits(any, undeclared), 64)
  t.equal(limits(any, outside), 1)
  t.equal(limits(thousand, node), 15, 'one block for 64 ports')
  t.equal(limits(sixteen, node), 1)
  t.equal(limits(sixteen, outside), 1)
  t.equal(limits(single, node), 1)
  t.equal(limits(single, outside), 1)
  t.end()
})

t.test('where a forger knows the port, a blind ACK leads to at most 23 octets for each of its own', (t) => {
  const plan = { transfers: single, networks, mtus: [], nodeByAddress: new Map() }
  const { maxBlockOctets, maxWindowBlocks } = limitsFor(plan, undeclared)
  const frame = (payload: number) => 14 + 20 + 8 + 4 + payload
  t.ok((maxWindowBlocks * frame(maxBlockOctets)) / frame(0) < 24)
  t.equal(limitsFor({ ...plan, transfers: any }, undeclared).maxBlockOctets, 1468)
  t.end()
})

t.test('only nodes, the subnets, this machine, and the declared networks are served', (t) => {
  const plan = {
    networks,
    clients: [parseCidr('198.51.100.0/24') as Cidr, parseCidr6('2001:db8:1::/48') as Cidr6],
    nodeByAddress: new Map([['203.0.113.1', 'ocp45/m1']]),
  }
  const served = [undeclared, '127.0.0.1', '198.51.100.9', '203.0.113.1', '2001:db8:1::9']
  t.same(
    [...served, outside, '2001:db8::1', ''].filter((address) => isClient(plan, address)),
    served,
  )
  t.end()
})
