import t from 'tap'
import type { Sockets, UdpPort } from '../../../src/host/udp.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { running } from '../../support/dhcp-service.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'

t.test('with adopted sockets, a reply leaves through the socket of the request', async (t) => {
  const network = memorySockets()
  const adopted: UdpPort[] = []
  const sockets: Sockets = {
    ...network,
    isAdopted: (name) => name === 'dhcp',
    udp: async (_name, options) => {
      for (const address of ['172.16.0.101', '172.16.1.101']) {
        adopted.push(await network.bindUdp({ ...options, address }))
      }
      return adopted
    },
  }
  const { service } = await running({ sockets })
  t.same(service.listening, ['udp 172.16.0.101:67', 'udp 172.16.1.101:67'])
  const client = await network.bindUdp({ address: '172.16.0.61', port: 68 })
  const heard = inbox(client)
  client.send(captured('udhcpc REQUEST in RENEWING'), '172.16.1.101', 67)
  await network.settled()
  t.same(
    heard.all.map(({ address }) => address),
    ['172.16.1.101'],
  )
})

t.test('the loss of a socket is reported', async (t) => {
  const network = memorySockets()
  const bound: UdpPort[] = []
  const sockets: Sockets = {
    ...network,
    bindUdp: async (options) => {
      const port = await network.bindUdp(options)
      bound.push(port)
      return port
    },
  }
  const { lost } = await running({ sockets })
  network.lose(bound[0] as UdpPort, new Error('gone'))
  t.same(
    lost.map(({ message }) => message),
    ['gone'],
  )
})

t.test('another DHCP server on the port is an error, even if it shares its socket', async (t) => {
  const network = memorySockets()
  await network.bindUdp({ address: '0.0.0.0', port: 67, reuseAddress: true })
  await t.rejects(running({ sockets: network }), { message: 'bind EADDRINUSE 0.0.0.0:67' })
  t.same(network.open(), ['0.0.0.0:67'])
})

t.test('when the second socket cannot be opened, the first is closed again', async (t) => {
  const network = memorySockets()
  const sockets: Sockets = { ...network, bindUdp: () => Promise.reject(new Error('no such address')) }
  await t.rejects(running({ sockets }), { message: 'no such address' })
  t.same(network.open(), [])
})
