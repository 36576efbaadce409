import t from 'tap'
import type { Cidr } from '../../../src/proto/address/ip.ts'
import { parseCidr } from '../../../src/proto/address/ip.ts'
import { handleDatagram } from '../../../src/serve/dhcp/handle.ts'
import { maxReplyOctets } from '../../../src/serve/dhcp/reply.ts'
import type { Withheld } from '../../../src/serve/dhcp/withhold.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { plan } from '../../support/dhcp-service.ts'

const withheldOn = (network: string): Withheld[] => [
  { network: parseCidr(network) as Cidr, code: 'dhcp.not-leasing', reason: 'another server' },
]

function resultOf(packet: string, withheld: readonly Withheld[]) {
  const datagram = { payload: captured(packet), address: '172.16.0.61', port: 68 }
  const handled = handleDatagram(
    datagram,
    'unknown',
    plan,
    new Uint8Array(maxReplyOctets),
    () => true,
    withheld,
  )
  return handled.kind === 'result' ? handled.result : undefined
}

t.test(
  'a network with another server gets no OFFER and no NAK, but renewals and chosen offers get an ACK',
  (t) => {
    const here = withheldOn('172.16.0.0/24')
    const kindOf = (packet: string) => resultOf(packet, here)?.kind
    t.match(resultOf('OVMF PXE DISCOVER', here), {
      kind: 'ignored',
      about: {
        node: 'ocp4/master-1',
        code: 'dhcp.not-leasing',
        reason: 'another server',
        bootFile: undefined,
      },
    })
    t.equal(kindOf('dhclient REQUEST in INIT-REBOOT, wrong address'), 'ignored', 'no NAK')
    t.equal(kindOf('udhcpc REQUEST in RENEWING'), 'acknowledged')
    t.equal(kindOf('iPXE EFI REQUEST'), 'acknowledged')
    t.equal(kindOf('OVMF PXE DISCOVER, MAC not declared'), 'unknown-client')
    t.equal(resultOf('OVMF PXE DISCOVER', withheldOn('172.16.1.0/24'))?.kind, 'offered', 'another network')
    t.equal(resultOf('OVMF PXE DISCOVER', withheldOn('172.16.0.0/16'))?.kind, 'offered', 'another prefix')
    t.end()
  },
)
