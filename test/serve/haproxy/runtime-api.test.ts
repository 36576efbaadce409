import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { queryHaproxy } from '../../../src/serve/haproxy/runtime-api.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHaproxy, socketFolder } from '../../support/fake-haproxy.ts'

t.test('one command, one reply', async (t) => {
  const haproxy = await fakeHaproxy(t)
  haproxy.answer = () => 'Pid: 7\n'.repeat(100_000)
  const answer = await queryHaproxy(haproxy.path, 'show info', systemClock)
  t.same(answer, { kind: 'answer', text: 'Pid: 7\n'.repeat(100_000) })
  t.same(haproxy.questions, ['show info'])
})

t.test('a missing socket, and a socket without a listener', async (t) => {
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

t.test('a socket without permission', { skip: isRoot && 'root may do everything' }, async (t) => {
  const haproxy = await fakeHaproxy(t)
  await chmod(haproxy.path, 0)
  t.same(await queryHaproxy(haproxy.path, 'show info', systemClock), {
    kind: 'unreachable',
    reason: `no permission for ${haproxy.path}: put slipway's user into the socket's group (usermod --append --groups haproxy slipway)`,
  })
})

t.test('a path that is too long for a socket', async (t) => {
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
