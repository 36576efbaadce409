import t from 'tap'
import type { Ipv4 } from '../../src/proto/address/ip.ts'
import type { Model, NodeModel } from '../../src/plan/model.ts'
import type { DhcpMessage } from '../../src/proto/dhcp/message.ts'
import { OptionCode } from '../../src/proto/dhcp/option-table.ts'
import { encodeAddresses, encodeSeconds } from '../../src/proto/dhcp/values/number.ts'
import { encodeText } from '../../src/proto/dhcp/values/text.ts'
import {
  bootFileOf,
  checkHttpOffer,
  checkIpxeOffer,
  checkProxyOffer,
  checkLease,
  checkPxeOffer,
} from '../../src/simulate/dhcp-reply.ts'
import { address, clientMessage } from '../support/dhcp-message.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const model = exampleModel()
const m1 = model.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
const { subnetMask, router, domainServer, hostName, domainName, ntpServers, leaseTime } = OptionCode

const complete: ReadonlyMap<number, Uint8Array> = new Map([
  [subnetMask, encodeAddresses([address('255.255.255.0')])],
  [router, encodeAddresses([address('192.0.2.1')])],
  [domainServer, encodeAddresses([address('192.0.2.2')])],
  [hostName, encodeText('m1.ocp45.example.net')],
  [domainName, encodeText('ocp45.example.net')],
  [leaseTime, encodeSeconds(86_400)],
])

/** A reply with everything that m1 needs, but for `changes`; `undefined` leaves an option out. */
function reply(changes: readonly (readonly [number, Uint8Array | undefined])[] = []): DhcpMessage {
  const options = new Map<number, Uint8Array | undefined>([...complete, ...changes])
  return {
    ...clientMessage({}),
    yiaddr: m1.address as Ipv4,
    options: [...options].flatMap(([code, value]) => (value === undefined ? [] : [{ code, value }])),
  }
}

t.test('a lease with the declared values is accepted', (t) => {
  checkLease(reply(), m1, model, true)
  t.end()
})

const look = 'in the site file, and whether the server loaded it (slipway reload)'
const cases: { name: string; message: DhcpMessage; problem: string }[] = [
  {
    name: 'no address',
    message: { ...reply(), yiaddr: address('0.0.0.0') },
    problem:
      'expected the reserved address 192.0.2.11; got no address; ' +
      'check mac and address of ocp45/m1 in the site file, and whether the server loaded it (slipway reload)',
  },
  {
    name: "another's address",
    message: { ...reply(), yiaddr: address('192.0.2.12') },
    problem:
      'expected the reserved address 192.0.2.11; got 192.0.2.12; ' +
      'check mac and address of ocp45/m1 in the site file, and whether the server loaded it (slipway reload)',
  },
  {
    name: 'no subnet mask',
    message: reply([[subnetMask, undefined]]),
    problem: `expected option 1 (Subnet Mask) 255.255.255.0; got none; check cidr of the subnet ${look}`,
  },
  {
    name: 'another router',
    message: reply([[router, encodeAddresses([address('192.0.2.254')])]]),
    problem: `expected option 3 (Router) 192.0.2.1; got 192.0.2.254; check gateway of the subnet ${look}`,
  },
  {
    name: 'an additional resolver',
    message: reply([[domainServer, encodeAddresses([address('192.0.2.2'), address('192.0.2.3')])]]),
    problem: `expected option 6 (Domain Server) 192.0.2.2; got 192.0.2.2, 192.0.2.3; check dns of the subnet ${look}`,
  },
  {
    name: 'the short name',
    message: reply([[hostName, encodeText('m1')]]),
    problem: `expected option 12 (Hostname) m1.ocp45.example.net; got m1; check name of the node ${look}`,
  },
  {
    name: 'no domain',
    message: reply([[domainName, undefined]]),
    problem:
      'expected option 15 (Domain Name) ocp45.example.net; got none; ' +
      `check domain of the cluster or the subnet ${look}`,
  },
  {
    name: 'a short lease',
    message: reply([[leaseTime, encodeSeconds(600)]]),
    problem: `expected option 51 (Address Time) 86400; got 600; check leaseSeconds of the subnet ${look}`,
  },
  {
    name: 'time servers that the site does not declare',
    message: reply([[ntpServers, encodeAddresses([address('192.0.2.9')])]]),
    problem: `expected no option 42 (NTP Servers); got 192.0.2.9; check ntp of the subnet ${look}`,
  },
  {
    name: 'an option with an invalid length',
    message: reply([[router, Uint8Array.of(1, 2, 3)]]),
    problem:
      'expected a readable option 3 (Router); ' +
      'got option 3 (Router) has 3 octets, expected a multiple of 4, at least 4 at octet 0; ' +
      'check the server, and report this bug',
  },
]
for (const { name, message, problem } of cases) {
  t.test(`refused: ${name}`, (t) => {
    t.throws(() => checkLease(message, m1, model, true), { name: 'BootProblem', message: problem })
    t.end()
  })
}

t.test('the keys of the subnet determine the expected values', (t) => {
  const site = exampleSite()
  const subnet = { cidr: '192.0.2.0/24', domain: 'lab.example.net', dns: ['192.0.2.53'], ntp: ['192.0.2.9'] }
  const own: Model = exampleModel({ ...site, subnets: [subnet] as unknown as typeof site.subnets })
  const node = own.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
  const message = reply([
    [router, undefined],
    [domainServer, encodeAddresses([address('192.0.2.53')])],
    [domainName, encodeText('lab.example.net')],
    [ntpServers, encodeAddresses([address('192.0.2.9')])],
  ])
  checkLease(message, node, own, true)
  t.end()
})

t.test('the boot file is option 67, else the header field, else none (RFC 2132 §9.5)', (t) => {
  const file = encodeText('efi/ipxe.efi')
  t.equal(bootFileOf({ ...reply([[OptionCode.bootFileName, file]]), file: 'other' }), 'efi/ipxe.efi')
  t.equal(bootFileOf({ ...reply(), file: 'other' }), 'other')
  t.equal(bootFileOf(reply()), undefined)
  t.end()
})

t.test('option 60 without option 43 is refused: UEFI stops with PXE-E16', (t) => {
  const pxe = encodeText('PXEClient')
  checkPxeOffer(reply())
  checkPxeOffer(reply([[OptionCode.vendorClass, encodeText('HTTPClient')]]))
  checkPxeOffer(
    reply([
      [OptionCode.vendorClass, pxe],
      [43, Uint8Array.of(6, 1, 8, 255)],
    ]),
  )
  t.throws(() => checkPxeOffer(reply([[OptionCode.vendorClass, pxe]])), {
    message:
      'expected no option 60 "PXEClient" without option 43 (UEFI stops with PXE-E16); got option 60 alone; ' +
      'check the server, and report this bug',
  })
  t.end()
})

t.test(
  'beside another DHCP server, an offer has no address, and PXEClient or HTTPClient in option 60',
  (t) => {
    const named = (name: string) => reply([[OptionCode.vendorClass, encodeText(name)]])
    for (const name of ['PXEClient', 'HTTPClient'])
      checkProxyOffer({ ...named(name), yiaddr: address('0.0.0.0') })
    t.throws(() => checkProxyOffer({ ...named('PXEClient'), yiaddr: address('192.0.2.11') }), {
      message:
        'expected a boot file without an address (dhcp: proxy); got 192.0.2.11; ' +
        'check dhcp of the subnet in the site file, and whether the server was restarted since',
    })
    const problem = (got: string) =>
      `expected option 60 "PXEClient" or "HTTPClient"; got ${got}; check the server, and report this bug`
    t.throws(() => checkProxyOffer({ ...reply(), yiaddr: address('0.0.0.0') }), { message: problem('none') })
    t.throws(() => checkProxyOffer({ ...named('other'), yiaddr: address('0.0.0.0') }), {
      message: problem('other'),
    })
    t.end()
  },
)

t.test('UEFI HTTP Boot ignores an offer without HTTPClient', (t) => {
  checkHttpOffer(reply([[OptionCode.vendorClass, encodeText('HTTPClient')]]))
  const problem = (got: string) =>
    `expected option 60 "HTTPClient"; got ${got}; check the server, and report this bug`
  t.throws(() => checkHttpOffer(reply()), { message: problem('none') })
  t.throws(() => checkHttpOffer(reply([[OptionCode.vendorClass, encodeText('PXEClient')]])), {
    message: problem('PXEClient'),
  })
  t.end()
})

t.test('an offer to iPXE without no-pxedhcp is refused', (t) => {
  checkIpxeOffer(reply([[OptionCode.ipxe, Uint8Array.of(176, 1, 1)]]))
  const problem = (got: string) =>
    `expected option 175 with no-pxedhcp (iPXE waits 3 s without it); got ${got}; check the server, and report this bug`
  t.throws(() => checkIpxeOffer(reply()), { message: problem('none') })
  t.throws(() => checkIpxeOffer(reply([[OptionCode.ipxe, Uint8Array.of(176, 1, 0)]])), {
    message: problem('0'),
  })
  t.end()
})
