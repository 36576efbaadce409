/** Real sockets on loopback, bound here or passed to a child process as systemd passes them. */
import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import t, { type Test } from 'tap'
import { createSockets, udpPort, takeListenFds } from '../../src/host/sockets.ts'
import type { Datagram, UdpPort } from '../../src/host/udp.ts'

const loopback = { address: '127.0.0.1', port: 0 }
const sockets = createSockets({})

async function bound(t: Test, options = {}): Promise<UdpPort> {
  const port = await sockets.bindUdp({ ...loopback, ...options })
  t.teardown(() => port.close())
  return port
}

const nextBatch = (port: UdpPort) =>
  new Promise<Datagram>((resolve) => {
    port.receive(([datagram]) => resolve({ ...datagram!, payload: Uint8Array.from(datagram!.payload) }))
  })

t.test('a datagram arrives with its sender, and send copies the payload before it returns', async (t) => {
  const [from, to] = [await bound(t), await bound(t)]
  const arrived = nextBatch(to)
  const payload = Uint8Array.of(1, 2, 3)
  from.send(payload, to.local.address, to.local.port)
  payload.fill(9)
  t.same(await arrived, { payload: Uint8Array.of(1, 2, 3), address: '127.0.0.1', port: from.local.port })
})

t.test('receive replaces the handler', async (t) => {
  const [from, to] = [await bound(t), await bound(t)]
  let calls = 0
  to.receive(() => {
    calls++
  })
  const arrived = nextBatch(to)
  from.send(Uint8Array.of(7), to.local.address, to.local.port)
  t.equal((await arrived).payload[0], 7)
  t.equal(calls, 0, 'the old handler is not called')
})

t.test('IPv6 addresses get an IPv6 socket', async (t) => {
  const [from, to] = [await bound(t, { address: '::1' }), await bound(t, { address: '::1' })]
  const arrived = nextBatch(to)
  from.send(Uint8Array.of(6), '::1', to.local.port)
  t.equal((await arrived).address, '::1')
})

const failures = [
  {
    name: 'port 0, which a forged datagram can have as its source',
    address: '127.0.0.1',
    port: 0,
    code: 'ERR_SOCKET_BAD_PORT',
  },
  {
    name: 'a name, because only literal addresses are accepted',
    address: 'localhost',
    port: 9,
    code: 'EINVAL',
  },
  { name: 'a broadcast address without broadcast', address: '255.255.255.255', port: 9, code: 'EACCES' },
]

for (const { name, address, port, code } of failures) {
  t.test(`a send that fails is reported and never thrown: ${name}`, async (t) => {
    const from = await bound(t)
    const error = await new Promise<Error>((resolve) => {
      from.send(Uint8Array.of(1), address, port)
      from.send(Uint8Array.of(1), address, port, resolve)
    })
    t.match(error, { code })
  })
}

t.test('a send on a closed socket is reported and never thrown', async (t) => {
  const from = await bound(t)
  await from.close()
  await from.close()
  const error = await new Promise<Error>((resolve) => from.send(Uint8Array.of(1), '127.0.0.1', 9, resolve))
  t.match(error, { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' })
})

t.test("a peer's closed port (ICMP port unreachable) does not disturb the socket", async (t) => {
  const [gone, peer] = [await bound(t), await bound(t)]
  await gone.close()
  const failures: Error[] = []
  const port = await bound(t, { onLost: (error: Error) => failures.push(error) })
  port.send(Uint8Array.of(1), '127.0.0.1', gone.local.port, (error) => failures.push(error))
  const arrived = nextBatch(port)
  peer.send(Uint8Array.of(2), '127.0.0.1', port.local.port)
  t.equal((await arrived).payload[0], 2)
  t.same(failures, [])
})

t.test('a lost socket is reported once, and closed', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const lost: string[] = []
  const port = udpPort(socket, { onLost: (error) => lost.push(error.message) })
  socket.emit('error', new Error('recvmsg ENOMEM'))
  socket.emit('error', new Error('recvmsg ENOMEM'))
  await port.close()
  t.same(lost, ['recvmsg ENOMEM'])
})

t.test('broadcast lets a datagram go to a broadcast address', async (t) => {
  const to = await bound(t, { address: '0.0.0.0' })
  const from = await bound(t, { broadcast: true })
  const arrived = nextBatch(to)
  // Bound to 127.0.0.1, so the limited broadcast leaves by the loopback interface.
  from.send(Uint8Array.of(5), '127.255.255.255', to.local.port)
  t.equal((await arrived).payload[0], 5)
})

t.test('two sockets share a port when both request it', async (t) => {
  const first = await bound(t, { address: '0.0.0.0', reuseAddress: true })
  const second = await bound(t, { port: first.local.port, reuseAddress: true })
  t.equal(second.local.port, first.local.port)
})

t.test('a UDP port in use is an error with a remedy', async (t) => {
  const { port } = (await bound(t)).local
  const message = `another process uses the port; find it with: ss -lunp 'sport = :${port}'`
  await t.rejects(sockets.bindUdp({ address: '127.0.0.1', port }), {
    name: 'CannotListen',
    message: `cannot listen on udp 127.0.0.1:${port}: ${message}`,
  })
  await t.rejects(sockets.udp('dns', { address: '127.0.0.1', port }), {
    message: `cannot listen on udp 127.0.0.1:${port} for dns: ${message}`,
  })
})

t.test('an address of another machine is an error with a remedy', async (t) => {
  await t.rejects(sockets.bindUdp({ address: '192.0.2.1', port: 0 }), {
    message:
      'cannot listen on udp 192.0.2.1:0: no interface of this machine has the address 192.0.2.1; ' +
      'correct server.address in the site file, or add the address to an interface',
  })
})

t.test('without systemd, udp and tcp bind the requested address', async (t) => {
  t.equal(sockets.isAdopted('dns'), false)
  const ports = await sockets.udp('dns', loopback)
  t.equal(ports.length, 1)
  await ports[0]!.close()
  const server = createServer()
  const listened = t.capture(server, 'listen', server.listen.bind(server))
  await sockets.tcp('dns', server, { ...loopback, backlog: 64 })
  t.teardown(() => server.close())
  t.match(listened(), [{ args: [{ host: '127.0.0.1', backlog: 64 }] }])
  const { port } = server.address() as AddressInfo
  await t.rejects(sockets.tcp('dns', createServer(), { address: '127.0.0.1', port }), {
    name: 'CannotListen',
    message:
      `cannot listen on tcp 127.0.0.1:${port} for dns: ` +
      `another process uses the port; find it with: ss -ltnp 'sport = :${port}'`,
  })
  t.equal(server.listenerCount('error'), 0, 'what happens to the server later is its own business')
})

/**
 * Starts test/support/activated-process.ts with these sockets as descriptors 3, 4, …; resolves with its report.
 *
 * @param shared called while the sockets are open on both sides; afterwards the child has them alone
 */
async function adoptedBy(t: Test, passed: (Socket | Server)[], args: string[] = [], shared = () => {}) {
  // Node has no public way to a socket's descriptor.
  const fds = passed.map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd)
  const script = new URL('../support/activated-process.ts', import.meta.url).pathname
  const names = passed.map(() => 'dns').join(':')
  const child = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, script, ...args], {
    env: { ...process.env, LISTEN_FDS: String(passed.length), LISTEN_FDNAMES: names },
    stdio: ['ignore', 'pipe', 'inherit', ...fds],
  })
  t.teardown(() => child.kill())
  const [line] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
  shared()
  for (const socket of passed) socket.close()
  return JSON.parse(line) as Record<string, unknown>
}

async function openUdp(type: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> {
  const socket = createSocket(type).bind(0, type === 'udp4' ? '127.0.0.1' : '::1')
  await once(socket, 'listening')
  return socket
}

async function openTcp(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

t.test(
  'sockets that systemd passed are served: two of datagrams and one of streams under one name',
  async (t) => {
    const [first, second, stream] = [await openUdp(), await openUdp(), await openTcp()]
    const udp = [first.address().port, second.address().port]
    const tcp = (stream.address() as AddressInfo).port
    t.match(await adoptedBy(t, [first, stream, second], ['tcp']), {
      adopted: true,
      udp: udp.map((port) => ({ address: '127.0.0.1', port })),
      tcp: { port: tcp },
      inheritedByChildren: [],
    })
    const client = await bound(t)
    for (const port of udp) {
      const echo = nextBatch(client)
      client.send(Uint8Array.of(42), '127.0.0.1', port)
      t.same(await echo, { payload: Uint8Array.of(42), address: '127.0.0.1', port })
    }
    const [greeting] = (await once(connect(tcp, '127.0.0.1').setEncoding('utf8'), 'data')) as [string]
    t.equal(greeting, 'hello')
  },
)

t.test('a lane answers on the sockets that systemd passed', async (t) => {
  const [first, second, stream] = [await openUdp(), await openUdp(), await openTcp()]
  const udp = [first.address().port, second.address().port]
  t.match(await adoptedBy(t, [first, stream, second], ['lane', 'tcp']), {
    udp: udp.map((port) => ({ address: '127.0.0.1', port })),
    tcp: { address: '127.0.0.1' },
    inheritedByChildren: [],
  })
  const client = await bound(t)
  for (const port of udp) {
    const echo = nextBatch(client)
    client.send(Buffer.from('a'), '127.0.0.1', port)
    t.match(await echo, { payload: Uint8Array.from(Buffer.from('lane: a')), port })
  }
})

t.test('a socket keeps the receive buffer that systemd set', async (t) => {
  const socket = await openUdp()
  socket.setRecvBufferSize(50_000)
  const before = socket.getRecvBufferSize()
  await adoptedBy(t, [socket], [], () => t.equal(socket.getRecvBufferSize(), before))
})

const misfits = [
  {
    name: 'only a stream socket for datagrams',
    open: async () => [await openTcp()],
    args: [],
    problem: 'none is a datagram socket; add ListenDatagram=',
  },
  {
    name: 'only datagram sockets for a stream',
    open: async () => [await openUdp()],
    args: ['tcp'],
    problem: 'expected one stream socket, got 0; set one ListenStream=',
  },
  {
    name: 'a datagram socket requested as a stream',
    open: async () => [await openUdp()],
    args: ['tcp-first'],
    problem: 'listen EINVAL: invalid argument; expected a stream socket (ListenStream=)',
  },
  {
    name: 'two streams',
    open: async () => [await openUdp(), await openTcp(), await openTcp()],
    args: ['tcp'],
    problem: 'expected one stream socket, got 2; set one ListenStream=',
  },
  {
    name: 'an IPv6 datagram socket',
    open: async () => [await openUdp('udp6')],
    args: [],
    problem: 'expected IPv4 sockets; set ListenDatagram=0.0.0.0:0',
  },
  {
    name: 'an IPv6 datagram socket for a lane',
    open: async () => [await openUdp('udp6')],
    args: ['lane'],
    problem: 'expected IPv4 sockets; set ListenDatagram=0.0.0.0:0',
  },
  {
    name: 'only a stream socket for a lane',
    open: async () => [await openTcp()],
    args: ['lane'],
    problem: 'none is a datagram socket; add ListenDatagram=',
  },
]

for (const { name, open, args, problem } of misfits) {
  t.test(`unusable sockets are an error: ${name}`, async (t) => {
    t.same(await adoptedBy(t, await open(), args), {
      error: `cannot use the sockets that systemd passed as dns: ${problem}`,
    })
  })
}

const cases = [
  {
    name: 'descriptors count from 3 and keep the order of the units',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'dhcp:tftp:http' },
    passed: { dhcp: [3], tftp: [4], http: [5] },
  },
  {
    name: 'one name can have several descriptors, for example one DHCP socket per interface',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'dhcp:dns:dhcp' },
    passed: { dhcp: [3, 5], dns: [4] },
  },
  {
    name: 'descriptors without names are called unknown',
    environment: { LISTEN_PID: '7', LISTEN_FDS: '2' },
    passed: { unknown: [3, 4] },
  },
  {
    name: 'descriptors of another process are ignored',
    environment: { LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'dhcp' },
    passed: {},
  },
  { name: 'without systemd there are no descriptors', environment: {}, passed: {} },
]

for (const { name, environment, passed } of cases) {
  t.test(name, (t) => {
    t.same(Object.fromEntries(takeListenFds(environment, 7)), passed)
    t.end()
  })
}

t.test('the variables are removed, so that child processes do not use them', (t) => {
  const environment = {
    LISTEN_PID: '8',
    LISTEN_PIDFDID: '1',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'dhcp',
    HOME: '/root',
  }
  takeListenFds(environment, 7)
  t.same(environment, { HOME: '/root' })
  t.end()
})
