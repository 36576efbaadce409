import fc from 'fast-check'
import t from 'tap'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { readRequest } from '../../../src/serve/dhcp/request.ts'
import { strangerFacts } from '../../../src/serve/dhcp/unknown-clients.ts'
import { clientMessage } from '../../support/dhcp-message.ts'

const mac = '00:00:5e:00:53:99' as Mac
type Fields = Parameters<typeof clientMessage>[0]
const factsOf = (fields: Fields) => strangerFacts(mac, readRequest(clientMessage(fields)))

const relayed = [1, 7, ...Buffer.from('Eth1/14'), 2, 6, 0, 0x1b, 0x54, 0, 0, 1]

const cases: { name: string; fields: Fields; facts: object }[] = [
  {
    name: 'that says nothing',
    fields: {},
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
  {
    name: 'that is an installed system has a name, without NULs and without what a terminal would obey',
    fields: { options: [[12, 'old\x1b-web\0'], [60, 'dhcpcd\x07']] }, // prettier-ignore
    facts: { mac, vendorClass: 'dhcpcd?', architecture: undefined, hostName: 'old?-web', relay: undefined },
  },
  {
    name: 'whose name is empty has none',
    fields: { options: [[12, '\0']] },
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
  {
    name: 'behind a switch that relays is at one of its ports (RFC 3046 §3.1)',
    fields: { giaddr: '198.51.100.1', options: [[82, relayed]] },
    facts: {
      mac,
      vendorClass: '',
      architecture: undefined,
      relay: { address: '198.51.100.1', circuitId: 'Eth1/14', remoteId: '00:1b:54:00:00:01' },
    },
  },
  {
    name: 'behind a relay agent that says no more',
    fields: { giaddr: '198.51.100.1' },
    facts: { mac, vendorClass: '', architecture: undefined, relay: { address: '198.51.100.1' } },
  },
  {
    name: 'without a relay agent has no port: option 82 is a note of its switch to itself',
    fields: { options: [[82, relayed]] },
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
]
for (const { name, fields, facts } of cases) {
  t.test(`a machine ${name}`, (t) => {
    t.same(factsOf(fields), facts)
    t.end()
  })
}

t.test('whatever a machine says of itself is short and printable', (t) => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 250 })
  fc.assert(
    fc.property(octets, octets, octets, (name, vendorClass, circuit) => {
      const { hostName = '', ...rest } = factsOf({
        giaddr: '198.51.100.1',
        options: [
          [12, name],
          [60, vendorClass],
          [82, [1, circuit.length, ...circuit]],
        ],
      })
      for (const text of [hostName, rest.vendorClass, rest.relay?.circuitId ?? '']) {
        if (!/^[\x20-\x7e]{0,128}$/.test(text)) throw new Error(JSON.stringify(text))
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})
