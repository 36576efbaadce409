import t from 'tap'
import { linux, type Libc } from '../../src/host/lane/libc.ts'
import { solicitRouters } from '../../src/preflight/solicit-routers.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { hex } from '../support/hex.ts'
import { libcOf } from '../host/lane/lane-sockets.ts'

const advertisement = hex('8600 0000 40c0 0708 00000000 00000000')
const errno = { EPERM: 1, EAGAIN: 11, ENETUNREACH: 101 } as const

/** Calls with a socket of the test, which receives the messages: each is from fe80::1 on the loopback interface. */
async function scripted(messages: readonly Uint8Array[], calls: Partial<Libc> = {}) {
  const real = await libcOf()
  const waiting = [...messages]
  const sent: string[] = []
  let headers: DataView | undefined
  const buffers: Uint8Array[] = []
  let last = 0
  const libc: Libc = {
    ...real,
    address(buffer) {
      buffers.push(buffer)
      return real.address(buffer)
    },
    socket: () => 99,
    setsockopt: () => 0,
    close: () => 0,
    errno: () => last,
    sendto(_fd, payload, length, _flags, address) {
      sent.push(`${payload[0]} ${length} ${address[8]?.toString(16)}${address[9]} %${address[24]}`)
      return length
    },
    recvmmsg(_fd, start) {
      const next = waiting.shift()
      last = errno.EAGAIN
      if (next === undefined) return -1
      const memory = buffers.find((buffer) => real.address(buffer) === start) as Uint8Array
      headers = new DataView(memory.buffer)
      const name = Number(headers.getBigUint64(0, true) - start)
      const vector = Number(headers.getBigUint64(16, true) - start)
      const data = Number(headers.getBigUint64(vector, true) - start)
      memory.set([linux.AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80], name)
      memory[name + 23] = 1
      memory[name + 24] = 1
      memory.set(next, data)
      headers.setUint32(56, next.length, true)
      return 1
    },
    ...calls,
  }
  return { libc, sent, fail: (code: number) => (last = code) }
}

async function solicit(libc: Parameters<typeof solicitRouters>[1]['libc'], name = 'lo') {
  const clock = fakeClock()
  const found = solicitRouters(name, { libc, clock })
  for (let step = 0; step < 50; step++) {
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return found
}

t.test('routers are solicited twice, and their advertisements collected', async (t) => {
  const other = hex('8700 0000 00000000')
  const { libc, sent } = await scripted([other, hex('8600 00'), advertisement, advertisement])
  t.same(await solicit(libc), { routers: new Map([['fe80::1', { isManaged: true, prefixes: [] }]]) })
  t.same(sent, ['133 8 ff2 %1', '133 8 ff2 %1'])
})

t.test('advertisements of another interface do not count', async (t) => {
  const { libc } = await scripted([advertisement])
  t.same(await solicit(libc, 'ens4'), { routers: new Map() })
})

t.test('the reason is reported where routers cannot be solicited', async (t) => {
  t.same(await solicit({ reason: 'SLIPWAY_LANES is off' }), { problem: 'SLIPWAY_LANES is off' })
  const refused = await scripted([], { socket: () => -1 })
  refused.fail(errno.EPERM)
  t.same(await solicit(refused.libc), { problem: 'it needs root' })
  refused.fail(24)
  t.same(await solicit(refused.libc), { problem: 'socket EMFILE' })
  const unreachable = await scripted([], { sendto: () => -1 })
  unreachable.fail(errno.ENETUNREACH)
  t.same(await solicit(unreachable.libc), { problem: 'sendto ENETUNREACH' })
})
