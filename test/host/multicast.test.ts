import { networkInterfaces } from 'node:os'
import t from 'tap'
import { createSockets } from '../../src/host/sockets.ts'

t.test('a socket joins a group on an interface, and again without an error', async (t) => {
  const name = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
    addresses.some(({ address }) => address === '::1'),
  )?.[0]
  if (name === undefined) {
    t.comment('no interface has an IPv6 address')
    return
  }
  const [port] = await createSockets({}).udp('dhcp6', { address: '::', port: 0 })
  t.teardown(() => port?.close())
  port?.join?.('ff02::1:2', name)
  port?.join?.('ff02::1:2', name)
  t.throws(() => port?.join?.('nonsense', name))
})
