import t from 'tap'
import type { TransferPorts } from '../../../src/plan/tftp.ts'
import { whyBusy, type Load } from '../../../src/serve/tftp/service.ts'

const any: TransferPorts = { kind: 'any' }
const sixteen: TransferPorts = { kind: 'range', from: 30_000, to: 30_015 }
const thousand: TransferPorts = { kind: 'range', from: 30_000, to: 30_999 }
const single: TransferPorts = { kind: 'single' }

const node = '192.0.2.11'
const stranger = '192.0.2.99'

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
    address: stranger,
    last: { all: 15, ofClient: 15, undeclared: 15 },
    full: { all: 16, ofClient: 16, undeclared: 16 },
    reason: '16 transfers to 192.0.2.99 are in progress',
  },
  {
    name: 'all undeclared addresses together have half of the transfers',
    transfers: any,
    address: stranger,
    last: { all: 400, ofClient: 0, undeclared: 255 },
    full: { all: 400, ofClient: 0, undeclared: 256 },
    reason: '256 transfers to undeclared addresses are in progress, try again later',
  },
  {
    name: 'nodes have the others',
    transfers: any,
    address: node,
    last: { all: 511, ofClient: 0, undeclared: 256 },
    full: { all: 512, ofClient: 0, undeclared: 256 },
    reason: '512 transfers are in progress, try again later',
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
    address: stranger,
    last: { all: 15, ofClient: 3, undeclared: 7 },
    full: { all: 15, ofClient: 3, undeclared: 8 },
    reason: '8 transfers to undeclared addresses are in progress, try again later',
  },
  {
    name: 'a large range allows no more transfers than no range',
    transfers: thousand,
    address: node,
    last: { all: 511, ofClient: 15, undeclared: 0 },
    full: { all: 512, ofClient: 15, undeclared: 0 },
    reason: '512 transfers are in progress, try again later',
  },
  {
    name: 'on one port an undeclared address can be many machines behind NAT',
    transfers: single,
    address: stranger,
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
]

for (const { name, transfers, address, last, full, reason } of cases) {
  t.test(name, (t) => {
    const plan = { transfers, nodeByAddress: new Map([[node, 'ocp45/m1']]) }
    t.equal(whyBusy(plan, address, last), undefined)
    t.equal(whyBusy(plan, address, full), reason)
    t.end()
  })
}
