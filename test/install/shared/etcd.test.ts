/** The client of etcd's gateway against servers that fail in the ways of real members. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import {
  createEtcd,
  EtcdRefused,
  EtcdUnreachable,
  type WatchEvent,
} from '../../../src/install/shared/etcd.ts'
import { makeAuthority } from '../../support/certificates.ts'

type Handler = (path: string, body: string, response: ServerResponse) => void

async function member(t: Test, handle: Handler) {
  const world = { requests: 0 }
  const server = createServer((request: IncomingMessage, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      world.requests++
      handle(request.url ?? '', body, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { ...world, world, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const good: Handler = (_path, _body, response) => response.end('{"header":{"revision":"7"},"succeeded":true}')
const silent: Handler = () => {}
const noLeader: Handler = (_path, _body, response) => {
  response.statusCode = 503
  response.end('{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}')
}
const unknownLease: Handler = (_path, _body, response) => {
  response.statusCode = 404
  response.end('{"message":"etcdserver: requested lease not found","code":5}')
}
const base64 = (text: string) => Buffer.from(text).toString('base64')

function client(t: Test, ...endpoints: string[]) {
  const etcd = createEtcd({ endpoints }, systemClock)
  t.teardown(() => etcd.close())
  return etcd
}

for (const [what, handle] of Object.entries({ 'is paused': silent, 'has no leader': noLeader })) {
  t.test(`requests go to the next member when one ${what}, and stay there`, async (t) => {
    const [first, second] = [await member(t, handle), await member(t, good)]
    const etcd = client(t, first.url, second.url)
    t.match(await etcd.call('/v3/kv/txn', {}), { succeeded: true })
    t.match(await etcd.call('/v3/kv/txn', {}), { succeeded: true })
    t.equal(first.world.requests, 1)
  })
}

t.test('a request without an answer ends within its limit', async (t) => {
  const etcd = client(t, (await member(t, silent)).url, (await member(t, silent)).url, 'http://127.0.0.1:1')
  const startedAt = performance.now()
  await t.rejects(etcd.call('/v3/kv/txn', {}, 2000), EtcdUnreachable)
  const tookMs = performance.now() - startedAt
  // Attempts that ignore the limit do not end.
  t.ok(tookMs < 15_000, `${Math.round(tookMs)} ms`)
})

t.test('a request that etcd refused is not sent to another member', async (t) => {
  const [first, second] = [await member(t, unknownLease), await member(t, good)]
  await t.rejects(client(t, first.url, second.url).call('/v3/kv/txn', {}), {
    name: 'EtcdRefused',
    grpcCode: 5,
  })
  t.equal(second.world.requests, 0)
})

t.test('missing certificates are a reason, not a crash', async (t) => {
  const etcd = createEtcd({ endpoints: ['https://127.0.0.1:1'], ca: '/nowhere/ca.crt' }, systemClock)
  t.teardown(() => etcd.close())
  await t.rejects(etcd.call('/v3/kv/txn', {}, 300), {
    name: 'EtcdUnreachable',
    message: /\/nowhere\/ca\.crt/,
  })
})

t.test('a request has the client certificate, and a renewed one applies to the next request', async (t) => {
  const authority = makeAuthority()
  const { certificate: cert, key } = authority.server('IP:127.0.0.1')
  const callers: unknown[] = []
  const server = createTlsServer(
    { cert, key, ca: authority.certificate, requestCert: true },
    ({ socket }, response) => {
      if (socket instanceof TLSSocket) callers.push(socket.getPeerCertificate().subject.CN)
      good('', '', response)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dir = t.testdir({ 'ca.crt': authority.certificate })
  const files = { ca: join(dir, 'ca.crt'), cert: join(dir, 'etcd.crt'), key: join(dir, 'etcd.key') }
  const renew = (name: string): void => {
    const pair = authority.client(`/CN=${name}`)
    writeFileSync(files.cert, pair.certificate)
    writeFileSync(files.key, pair.key)
  }
  const { port } = server.address() as AddressInfo
  const etcd = createEtcd({ endpoints: [`https://127.0.0.1:${port}`], ...files }, systemClock)
  t.teardown(() => {
    etcd.close()
    server.closeAllConnections()
    server.close()
  })
  renew('first')
  t.match(await etcd.call('/v3/kv/txn', {}), { succeeded: true })
  await etcd.call('/v3/kv/txn', {})
  renew('second')
  await etcd.call('/v3/kv/txn', {})
  t.same(callers, ['first', 'first', 'second'])
})

t.test('a reply that is not from etcd counts as one of a member that failed', async (t) => {
  for (const text of ['<h1>Bad gateway</h1>', '{}']) {
    const proxy = await member(t, (_path, _body, response) => {
      response.statusCode = 502
      response.end(text)
    })
    await t.rejects(client(t, proxy.url).call('/v3/kv/txn', {}, 50), {
      name: 'EtcdUnreachable',
      message: `${proxy.url}: HTTP status 502`,
    })
    t.match(await client(t, proxy.url, (await member(t, good)).url).call('/v3/kv/txn', {}), {
      succeeded: true,
    })
  }
})

t.test('a watch ends with its member', async (t) => {
  const { url } = await member(t, (_path, _body, response) => response.end('{"result":{"created":true}}\n'))
  await t.rejects(
    client(t, url).watch('/p/', 1, 400, () => {}),
    { name: 'EtcdUnreachable', message: 'the watch ended' },
  )
})

t.test('a list reads all its pages at one revision', async (t) => {
  const bodies: Record<string, string>[] = []
  const { url } = await member(t, (_path, body, response) => {
    bodies.push(JSON.parse(body) as Record<string, string>)
    const at = bodies.length
    const kv = { key: base64(`/p/${at}`), value: base64(`v${at}`), mod_revision: String(at) }
    response.end(JSON.stringify({ header: { revision: '9' }, kvs: [kv], more: at < 2 }))
  })
  const { entries, revision } = await client(t, url).list('/p/')
  t.same(
    entries.map(({ key, value }) => [key, value]),
    [
      ['/p/1', 'v1'],
      ['/p/2', 'v2'],
    ],
  )
  t.equal(revision, 9)
  t.match(bodies, [{ range_end: base64('/p0') }, { key: base64('/p/1\0'), revision: '9' }])
})

t.test(
  'a watch reports puts and deletes, also in pieces, and ends when it is silent or compacted',
  async (t) => {
    const event = (type: string | undefined, key: string) => ({
      ...(type !== undefined && { type }),
      kv: { key: base64(key), value: base64('v'), mod_revision: '5' },
    })
    const line = (result: object) => `${JSON.stringify({ result })}\n`
    const { url } = await member(t, (_path, _body, response) => {
      const text =
        line({ created: true }) + line({ events: [event(undefined, '/p/a'), event('DELETE', '/p/b')] })
      response.write(text.slice(0, 40))
      setTimeout(() => response.write(text.slice(40)), 50)
    })
    const events: WatchEvent[] = []
    const etcd = client(t, url)
    await t.rejects(
      etcd.watch('/p/', 1, 400, (each) => events.push(each)),
      { message: /received nothing for 0\.4 s/ },
    )
    t.match(events, [
      { kind: 'put', entry: { key: '/p/a', value: 'v', revision: 5 } },
      { kind: 'delete', entry: { key: '/p/b' } },
    ])
    const compacted = await member(t, (_path, _body, response) => {
      response.write(line({ canceled: true, compact_revision: '12' }))
    })
    await t.rejects(
      client(t, compacted.url).watch('/p/', 1, 400, () => {}),
      EtcdRefused,
    )
  },
)
