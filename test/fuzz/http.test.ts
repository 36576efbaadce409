/** HTTP: sends mutated requests to the service on a real socket, with secret files next to the served ones. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { systemClock } from '../../src/host/clock.ts'
import { startHttp } from '../../src/serve/http/service.ts'
import { httpWorld } from '../support/http-service.ts'
import { fuzz } from './campaign.ts'
import { watchFailures } from './failures.ts'
import { replaced, type Mutator } from './mutate.ts'
import { exchange, exchangeAll } from './streams.ts'

const secret = 'secret content'
const world = httpWorld(t)
mkdirSync(join(world.dir, 'images/.cache'))
for (const hidden of [
  'secret',
  'images/.hidden',
  'images/sub/secret',
  'images/.cache/secret',
  'ignition/secret',
]) {
  writeFileSync(join(world.dir, hidden), secret)
}

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const requests = [
  'GET /boot/ocp45/m1/boot.ipxe HTTP/1.1\r\nHost: 192.0.2.2\r\nUser-Agent: iPXE/1.0.0\r\nConnection: keep-alive\r\n\r\n',
  `GET ${image} HTTP/1.1\r\nHost: 192.0.2.2\r\nRange: bytes=0-3,5-7\r\nIf-Range: "x"\r\n\r\n`,
  `HEAD ${image} HTTP/1.1\r\nHost: 192.0.2.2\r\nIf-None-Match: "x"\r\nIf-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\n`,
  'GET //boot/ocp45/m1/master.ign HTTP/1.0\r\n\r\n',
  'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'POST /boot/ocp45/m1/boot.ipxe HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'PUT /images/rhcos/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
]

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const targets = [
  ...[
    '/images/rhcos/../../secret',
    '/images/rhcos/..%2f..%2fsecret',
    '/images/rhcos/%2e%2e/secret',
    '/images/rhcos/.hidden',
  ],
  ...[
    '/images/rhcos/sub/secret',
    '/images/rhcos/sub%2fsecret',
    '/images/rhcos/.cache%5csecret',
    '/images/..',
    '/images/__proto__/x',
  ],
  ...[
    '/boot/ocp45/m1/secret',
    '/boot/ocp45/m1/..%2fsecret',
    '/%',
    '/%00',
    '/images/rhcos/%00',
    '//',
    '*',
    'http://x/health',
    '',
  ],
  ...[
    image,
    `${image}?x=%ff`,
    `${image}#x`,
    `/${'a'.repeat(300)}`,
    '/constructor',
    '/boot/ocp45/__proto__/boot.ipxe',
  ],
]
const headers = [
  ...[
    'Range: bytes=-1',
    'Range: bytes=9-0',
    'Range: bytes=99-',
    'Range: bytes=0-0,0-0,0-0',
    'Range: octets=1',
    'Range: bytes=',
  ],
  ...[
    'Host: ',
    'Host: a\r\nHost: b',
    'Content-Length: -1',
    'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked, identity',
  ],
  ...[
    'If-Modified-Since: never',
    'Expect: everything',
    'X: \u0000',
    `X: ${'x'.repeat(9000)}`,
    'Accept-Encoding: gzip',
    ' folded',
    'Connection: close',
  ],
]

/** Applies `change` to the lines of the request. */
function lines(
  change: (all: string[], at: number, other: string) => readonly string[],
  from: readonly string[],
): Mutator {
  return (octets, random) => {
    const all = Buffer.from(octets).toString('latin1').split('\r\n')
    return latin1(change(all, random.below(all.length), random.pick(from)).join('\r\n'))
  }
}

const mutators: readonly Mutator[] = [
  lines(([first = '', ...rest], _at, target) => [first.replace(/ [^ ]*/, ` ${target}`), ...rest], targets),
  lines(
    ([first = '', ...rest], _at, method) => [first.replace(/^[^ ]*/, method), ...rest],
    ['get', 'HEAD', 'TRACE', 'CONNECT', 'PRI', '\u0000'],
  ),
  lines(
    ([first = '', ...rest], _at, version) => [first.replace(/[^ ]*$/, version), ...rest],
    ['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 x', ''],
  ),
  lines(([first = '', ...rest], _at, header) => [first, header, ...rest], headers),
  lines((all, at) => [...all.slice(0, at), ...all.slice(at + 1)], ['']),
  lines((all, at) => [...all.slice(0, at), all[at] ?? '', ...all.slice(at)], ['']),
  (octets, random) => {
    const at = octets.indexOf(random.pick([10, 13, 32, 58]), random.below(octets.length + 1))
    return at < 0 ? octets : replaced(octets, at, at + 1, random.octets(random.below(3)))
  },
]

/** The status codes that the service uses. */
const statuses = new Set([200, 206, 304, 400, 403, 404, 405, 408, 411, 412, 413, 414, 416, 417, 431])

async function serve(inputs: readonly Uint8Array[]): Promise<void> {
  const counters = new Counters()
  const { failures, log, onLost } = watchFailures()
  const service = await startHttp({
    plan: () => world.plan,
    health: () => ({ site: 'lab' }),
    installs: world.options.installs,
    ignitionFiles: world.options.ignitionFiles,
    metrics: () => '',
    sockets: createSockets({}),
    log,
    counters,
    clock: systemClock,
    onLost,
  })
  const port = Number(service.listening[0]?.split(':')[1])
  try {
    await exchangeAll(inputs, 16, async (input) => {
      const reply = (await exchange(port, input)).toString('latin1')
      if (reply === '') return
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1])
      if (!statuses.has(status)) throw new Error(`unexpected response ${JSON.stringify(reply.slice(0, 60))}`)
      if (reply.includes(secret)) throw new Error('the response contains a secret')
    })
    const last = await exchange(port, latin1('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))
    if (!last.toString().startsWith('HTTP/1.1 200 ')) throw new Error('no response after these inputs')
  } finally {
    await service.close(1000)
  }
  if (failures.length > 0) throw new Error(failures[0])
  if (counters.get('http.bugs') > 0) throw new Error('a request failed')
}

fuzz(t, {
  protocol: 'http',
  captures: requests.map(latin1),
  mutators,
  maxOctets: 12_000,
  shortRuns: 500,
  batch: 250,
  serve,
})
