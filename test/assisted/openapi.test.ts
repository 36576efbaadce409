/** What slipway requests and reads of the assisted service exists in the API of that service. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { fetchHosts } from '../../src/assisted/client.ts'
import { eventOf } from '../../src/assisted/host-event.ts'
import { readHosts } from '../../src/assisted/hosts.ts'
import { assistedHost } from '../support/assisted-host.ts'
import { assistedApi, hostProblems, operationOf } from '../support/assisted-openapi.ts'

const infraEnv = '6e6c4b5a-3f0e-4a2c-9d1b-0f8f7c3a5d21'
const { Host } = assistedApi.models

t.test('the request of slipway is an operation of the API, and returns hosts', async (t) => {
  const requests: (readonly [string, string])[] = []
  const server = createServer(({ method, url }, response) => {
    requests.push([method ?? '', url ?? ''])
    response.end('[]')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  await fetchHosts({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, infraEnv })
  for (const [method, url] of requests) {
    t.ok(url.startsWith(`${assistedApi.basePath}/`))
    t.same(operationOf(method, url.slice(assistedApi.basePath.length)), { query: [], response: 'HostList' })
  }
  t.equal(requests.length, 1)
})

t.test('the requests in the documents, the example, and the site schema are operations of the API', (t) => {
  const files = ['docs/assisted.md', 'config/examples/assisted.yaml', 'src/site/script-section.ts']
  let count = 0
  for (const file of files) {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    for (const [, path = '', query] of text.matchAll(/(\/v2\/[\w/-]+)(?:\?(\w+)=)?/g)) {
      count++
      const operation = operationOf('GET', path)
      t.ok(operation, `${file}: ${path}`)
      if (query !== undefined) t.ok(operation?.query.includes(query), `${file}: ${query}`)
    }
  }
  t.equal(count, 5)
  t.end()
})

t.test('the host of the tests is one that the service can send', (t) => {
  t.same(hostProblems({ ...assistedHost, status: 'known' }), [])
  const host = {
    ...assistedHost,
    href: undefined,
    status: 'gone',
    mac: '',
    progress: { current_stage: 'Sleeping' },
  }
  t.same(hostProblems(host), [
    'Host lacks href',
    'HostProgressInfo.current_stage is never "Sleeping"',
    'Host.status is never "gone"',
    'Host has no mac',
  ])
  t.end()
})

t.test('every field that slipway reads is one of the API', (t) => {
  const inventory = { interfaces: [{ mac_address: '52:54:00:aa:00:01' }] }
  const values = {
    status: 'insufficient',
    status_info: 'not ready',
    status_updated_at: '2026-11-01T10:00:00.000Z',
    inventory: JSON.stringify(inventory),
    validations_info: JSON.stringify({ hardware: [{ status: 'failure', message: 'no memory' }] }),
    progress: { current_stage: 'Rebooting', installation_percentage: 42 },
  }
  const host = { ...assistedHost, ...values }
  t.same(hostProblems(host), [])
  const read = readHosts(JSON.stringify([host]))[0]
  t.same(read, {
    status: 'insufficient',
    statusInfo: 'not ready',
    since: Date.UTC(2026, 10, 1, 10),
    macs: ['52:54:00:aa:00:01'],
    failures: ['no memory'],
    stage: 'Rebooting',
    percentage: 42,
  })
  t.end()
})

t.test('each state of the API is progress, an installed disk, or an error', (t) => {
  const states = Host.values['status'] ?? []
  const ofWord = (wanted: string) =>
    states.filter((status) => {
      const [host] = readHosts(JSON.stringify([{ ...assistedHost, status }]))
      return host !== undefined && eventOf(host).word === wanted
    })
  t.same(ofWord('assisted-installed'), ['installed', 'added-to-existing-cluster'])
  t.same(ofWord('assisted-failed'), [
    'preparing-failed',
    'installing-pending-user-action',
    'resetting-pending-user-action',
    'error',
    'cancelled',
    'unbinding-pending-user-action',
  ])
  t.equal(ofWord('assisted').length, states.length - 8)
  t.end()
})
