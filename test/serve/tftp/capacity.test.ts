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
  /** How much of each load still lets a transfer begin, and what is said of one more. */
  readonly last: Load
  readonly full: Load
  readonly reason: string
}

const cases: readonly Case[] = [
  {
    name: 'one node has sixteen at the most',
    transfers: any,
    address: node,
    last: { all: 15, ofClient: 15, ofStrangers: 0 },
    full: { all: 16, ofClient: 16, ofStrangers: 0 },
    reason: '16 transfers to 192.0.2.11 are under way',
  },
  {
    name: 'so has one undeclared machine',
    transfers: any,
    address: stranger,
    last: { all: 15, ofClient: 15, ofStrangers: 15 },
    full: { all: 16, ofClient: 16, ofStrangers: 16 },
    reason: '16 transfers to 192.0.2.99 are under way',
  },
  {
    name: 'undeclared addresses have half of all places together',
    transfers: any,
    address: stranger,
    last: { all: 400, ofClient: 0, ofStrangers: 255 },
    full: { all: 400, ofClient: 0, ofStrangers: 256 },
    reason: '256 transfers to undeclared addresses are under way, ask again later',
  },
  {
    name: 'nodes have the places that those leave',
    transfers: any,
    address: node,
    last: { all: 511, ofClient: 0, ofStrangers: 256 },
    full: { all: 512, ofClient: 0, ofStrangers: 256 },
    reason: '512 transfers are under way, ask again later',
  },
  {
    name: 'a range has as many places as ports, of which one machine has a quarter',
    transfers: sixteen,
    address: node,
    last: { all: 15, ofClient: 3, ofStrangers: 0 },
    full: { all: 15, ofClient: 4, ofStrangers: 0 },
    reason: '4 transfers to 192.0.2.11 are under way',
  },
  {
    name: 'undeclared addresses have half of a range',
    transfers: sixteen,
    address: stranger,
    last: { all: 15, ofClient: 3, ofStrangers: 7 },
    full: { all: 15, ofClient: 3, ofStrangers: 8 },
    reason: '8 transfers to undeclared addresses are under way, ask again later',
  },
  {
    name: 'a large range allows no more than there may be without one',
    transfers: thousand,
    address: node,
    last: { all: 511, ofClient: 15, ofStrangers: 0 },
    full: { all: 512, ofClient: 15, ofStrangers: 0 },
    reason: '512 transfers are under way, ask again later',
  },
  {
    name: 'on one port an undeclared address may be a rack behind NAT',
    transfers: single,
    address: stranger,
    last: { all: 255, ofClient: 255, ofStrangers: 255 },
    full: { all: 256, ofClient: 256, ofStrangers: 256 },
    reason: '256 transfers to 192.0.2.99 are under way',
  },
  {
    name: 'and a node is one machine there too',
    transfers: single,
    address: node,
    last: { all: 15, ofClient: 15, ofStrangers: 0 },
    full: { all: 16, ofClient: 16, ofStrangers: 0 },
    reason: '16 transfers to 192.0.2.11 are under way',
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
