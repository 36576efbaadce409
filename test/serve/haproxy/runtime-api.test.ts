import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { systemClock } from '../../../src/host/clock.ts'
import { queryHaproxy, parseStat } from '../../../src/serve/haproxy/runtime-api.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHaproxy, socketFolder, statText } from '../../support/fake-haproxy.ts'

t.test('each command gets one reply', async (t) => {
  const haproxy = await fakeHaproxy(t)
  haproxy.answer = () => 'Pid: 7\n'.repeat(100_000)
  const answer = await queryHaproxy(haproxy.path, 'show info', systemClock)
  t.same(answer, { kind: 'answer', text: 'Pid: 7\n'.repeat(100_000) })
  t.same(haproxy.questions, ['show info'])
})

t.test('a missing socket and a socket without a listener are reported', async (t) => {
  const folder = await socketFolder(t)
  const path = join(folder, 'none.sock')
  t.same(await queryHaproxy(path, 'show info', systemClock), {
    kind: 'unreachable',
    reason: `socket ${path} does not exist: start HAProxy, or set haproxy.socket to its stats socket`,
  })
  const file = join(folder, 'file')
  await writeFile(file, '')
  t.same(await queryHaproxy(file, 'show info', systemClock), {
    kind: 'unreachable',
    reason: `connection to ${file} refused: start HAProxy`,
  })
})

const isRoot = process.getuid?.() === 0

t.test('a socket without permission is reported', { skip: isRoot && 'root may do everything' }, async (t) => {
  const haproxy = await fakeHaproxy(t)
  await chmod(haproxy.path, 0)
  t.same(await queryHaproxy(haproxy.path, 'show info', systemClock), {
    kind: 'unreachable',
    reason: `no permission for ${haproxy.path}: put slipway's user into the socket's group (usermod --append --groups haproxy slipway)`,
  })
})

t.test('a path that is too long for a socket is reported', async (t) => {
  const path = `/${'x'.repeat(200)}`
  const answer = await queryHaproxy(path, 'show info', systemClock)
  t.match(answer, {
    kind: 'unreachable',
    reason: /^connection to HAProxy on \/x{200} failed: |^socket \/x{200} does not exist/,
  })
})

/** A socket that does with its clients as `serve` says. */
async function odd(t: Test, serve: Parameters<typeof createServer>[1]): Promise<string> {
  const path = join(await socketFolder(t), 'odd.sock')
  const server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  return path
}

t.test('a HAProxy that does not reply times out after two seconds', async (t) => {
  const clock = fakeClock()
  const heard = Promise.withResolvers<undefined>()
  const path = await odd(t, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => heard.resolve(undefined))
  })
  const answer = queryHaproxy(path, 'show stat', clock)
  await heard.promise
  clock.advance(2000)
  t.same(await answer, { kind: 'unreachable', reason: `HAProxy does not answer on ${path} within 2 s` })
  t.equal(clock.pending(), 0)
})

t.test('an endless reply is discarded', async (t) => {
  const path = await odd(t, (socket) => {
    socket.on('error', () => {})
    const more = (): void => {
      while (!socket.destroyed && socket.write('x'.repeat(65_536)));
    }
    socket.on('drain', more)
    more()
  })
  t.same(await queryHaproxy(path, 'show stat', systemClock), {
    kind: 'unreachable',
    reason: `HAProxy's reply on ${path} is larger than 4194304 bytes`,
  })
})

t.test('decodes the statistics of HAProxy 2.6', (t) => {
  const text = readFileSync(new URL('../../fixtures/haproxy/show-stat.csv', import.meta.url), 'utf8')
  const stats = parseStat(text)
  t.same(
    stats.map(({ isTested }) => isTested),
    [true, true, true, true],
  )
  t.match(stats, [
    { backend: 'kubeapi', server: 'm1', status: 'UP', seconds: 4, connections: 0, reason: '' },
    {
      backend: 'kubeapi',
      server: 'm2',
      status: 'DOWN',
      seconds: 6,
      connections: 0,
      reason: 'connection refused',
    },
    {
      backend: 'kubeapi',
      server: 'm3',
      status: 'DOWN',
      seconds: 5,
      connections: 0,
      reason: 'health check returned status 503',
    },
    { backend: 'kubeapi', server: 'bs', status: 'MAINT', seconds: 6, connections: 0, reason: '' },
  ])
  t.end()
})

/** backend, server, qcur, scur, status, lastchg, check_status, check_code, last_chk, check_desc */
const rows = [
  {
    name: 'a check in progress does not hide the result of the last one',
    row: ['b', 's', '', '0', 'DOWN', '3', '* L4TOUT', '', '', 'Layer4 timeout'],
    stat: { status: 'DOWN', seconds: 3, connections: 0, reason: 'connection timed out' },
  },
  {
    name: 'texts with commas and quotes (RFC 4180 §2)',
    row: ['b', 's', '', '0', 'DOWN 1/2', '3', 'L6RSP2', '', '"Wrong ""thing"", twice"', ''],
    stat: { status: 'DOWN', seconds: 3, connections: 0, reason: 'wrong "thing", twice' },
  },
  {
    name: "an unknown result is reported in HAProxy's words, without control characters",
    row: ['b', 's', '', '0', 'DOWN', '3', 'L9NEW', '', '', `New\x1b[2J\x9bthing ${'long '.repeat(40)}`],
    stat: {
      status: 'DOWN',
      seconds: 3,
      connections: 0,
      reason: `new [2J thing ${'long '.repeat(22)}`.slice(0, 120),
    },
  },
  {
    name: 'one that is down although its check passes has no reason',
    row: ['b', 's', '', '0', 'NOLB', '3', 'L7OK', '200', '', 'Layer7 check passed'],
    stat: { status: 'NOLB', seconds: 3, connections: 0, reason: '' },
  },
  {
    name: 'one that was not checked yet',
    row: ['b', 's', '', '0', 'UP', '3', '* INI', '', '', 'Initializing'],
    stat: { status: 'UP', isTested: false, seconds: 3, connections: 0, reason: '' },
  },
  {
    name: 'invalid numbers are omitted',
    row: ['b', 's', '', 'many', 'UP', '-1', '', '', '', ''],
    stat: { status: 'UP', seconds: 0, connections: 0, reason: '' },
  },
  {
    name: 'a line that ends early',
    row: ['b', 's', '', '4', 'no check'],
    stat: { status: 'no', seconds: 0, connections: 4, reason: '' },
  },
]

for (const { name, row, stat } of rows) {
  t.test(name, (t) => {
    t.same(parseStat(statText([row])), [{ backend: 'b', server: 's', isTested: true, ...stat }])
    t.end()
  })
}

t.test(
  'groups and lines without a name or a status are left out, and so is an answer without columns',
  (t) => {
    const left = [
      ['b', 'BACKEND', '', '0', 'UP'],
      ['', 's', '', '0', 'UP'],
      ['b', '', '', '0', 'UP'],
      ['b', 's', '', '0', ''],
    ]
    t.same(parseStat(statText(left)), [])
    t.same(parseStat('Unknown command.\n'), [])
    t.same(parseStat(''), [])
    t.end()
  },
)

t.test('arbitrary text decodes to servers with names or to nothing', (t) => {
  const line = fc.array(fc.oneof(fc.string(), fc.constantFrom('"', ',', '""', 'UP', '\n')), { maxLength: 20 })
  fc.assert(
    fc.property(line, (words) => {
      const stats = parseStat(`# pxname,svname,status,scur,lastchg,check_status,last_chk\n${words.join(',')}`)
      return stats.every(
        ({ backend, server, reason }) => backend !== '' && server !== '' && reason.length <= 120,
      )
    }),
    { numRuns: 300 },
  )
  t.end()
})
