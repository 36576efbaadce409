import t from 'tap'
import { withIpv6 } from '../../../src/serve/tftp/listen6.ts'
import type { TftpServer, TftpService } from '../../../src/serve/tftp/listen.ts'
import { classOf } from '../../../src/serve/tftp/request.ts'
import { ownAddress } from '../../../src/serve/tftp/transfer-ports.ts'
import { compileTftp } from '../../../src/plan/tftp.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { ipv6Model } from '../../support/ipv6-site.ts'
import { exampleModel } from '../../support/model.ts'

const { plan } = compileTftp(ipv6Model())

function first(closed: string[]): TftpService {
  return {
    name: 'tftp',
    listening: ['udp 192.0.2.2:69'],
    lane: {} as TftpService['lane'],
    apply: () => Promise.resolve(),
    drain: () => undefined,
    close: () => Promise.resolve(void closed.push('first')),
  }
}

t.test('TFTP also receives requests on the IPv6 address', async (t) => {
  const sockets = memorySockets()
  const closed: string[] = []
  const received: string[] = []
  const server: TftpServer = {
    receive: (_from, { address }) => void received.push(address),
    active: () => 0,
    async close(_graceMs, closePorts) {
      await closePorts()
      closed.push('second')
    },
  }
  const service = await withIpv6({ sockets, onLost: () => {}, plan: () => plan }, first(closed), () => server)
  t.same(service.listening, ['udp 192.0.2.2:69', 'udp [fd00:16::101]:69'])
  const client = await sockets.bindUdp({ address: 'fd00:16::11', port: 1024 })
  client.send(Uint8Array.of(0, 1), 'fd00:16::101', 69)
  await sockets.settled()
  t.same(received, ['fd00:16::11'])
  await service.close(0)
  await client.close()
  t.same(closed.toSorted(), ['first', 'second'])
  t.same(sockets.open(), [])
})

t.test('without an IPv6 address, the service is unchanged; if its port is taken, it is closed', async (t) => {
  const sockets = memorySockets()
  const closed: string[] = []
  const service = first(closed)
  const none = { sockets, onLost: () => {}, plan: () => compileTftp(exampleModel()).plan }
  const noServer = () => {
    throw new Error('not needed')
  }
  t.equal(await withIpv6(none, service, noServer), service)
  const taken = { ...sockets, udp: () => Promise.reject(new Error('taken')) }
  await t.rejects(withIpv6({ ...none, sockets: taken, plan: () => plan }, service, noServer), /taken/)
  t.same(closed, ['first'])
})

t.test('IPv6 clients: their class, and the address that they use', (t) => {
  t.same(
    ['fd00:16::11', 'fd00:16::5', 'fd00:16::101', '2001:db8::1', 'nonsense'].map((each) =>
      classOf(plan, each),
    ),
    ['node', 'local', 'local', 'outside', 'outside'],
  )
  t.equal(classOf(compileTftp(exampleModel()).plan, 'fd00:16::5'), 'outside')
  t.equal(ownAddress(plan, 'fd00:16::11'), 'fd00:16::101')
  t.equal(ownAddress(plan, '192.0.2.11'), '192.0.2.2')
  t.end()
})
