/** Hosts in the shapes that the API of the assisted service lists. */
import t from 'tap'
import { readHosts } from '../../src/assisted/hosts.ts'
import { assistedHost } from '../support/assisted-host.ts'

const read = (host: object) => readHosts(JSON.stringify([{ ...assistedHost, ...host }]))[0]!

t.test('MAC addresses come from the inventory, and times and stages are optional', (t) => {
  const inventory = JSON.stringify({
    hostname: 'w1',
    interfaces: [{ name: 'eno1', mac_address: '52:54:00:AA:00:01' }, { mac_address: 'junk' }, { name: 'lo' }],
  })
  t.same(read({ status: 'discovering', inventory }), {
    status: 'discovering',
    statusInfo: '',
    macs: ['52:54:00:aa:00:01'],
    failures: [],
    since: Date.UTC(2026, 10, 1, 10),
  })
  const bare = {
    status_info: null,
    status_updated_at: '0001-01-01T00:00:00.000Z',
    progress: null,
    inventory: 'x',
  }
  t.same(read({ status: 'discovering-unbound', ...bare }), {
    status: 'discovering-unbound',
    statusInfo: '',
    macs: [],
    failures: [],
  })
  for (const text of ['', '{}', '[{"status":1}]', '<html>'])
    t.throws(() => readHosts(text), { message: 'the response is not a list of hosts' })
  t.end()
})
