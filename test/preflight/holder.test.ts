import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { findHolder, parseInodes } from '../../src/preflight/holder.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 650010AC:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0
   1: 650010AC:0036 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0
   2: 650010AC:0035 0100000A:1234 01 00000000:00000000 00:00000000 00000000     0        0 4713 2 0 0
`

t.test('returns the inodes of the sockets that listen on a port', (t) => {
  t.same(parseInodes(table, { transport: 'udp', port: 53 }), ['4711'])
  t.same(parseInodes(table, { transport: 'tcp', port: 53 }), [])
  t.end()
})

t.test('returns the process of a socket', async (t) => {
  const proc = t.testdir({ net: { udp: table }, 1: { fd: {} }, 812: { fd: {}, comm: 'dnsmasq\n' }, self: {} })
  mkdirSync(join(proc, '700'))
  symlinkSync('/dev/null', join(proc, '812/fd/0'))
  writeFileSync(join(proc, '812/fd/1'), '')
  const wanted = { service: 'dns', transport: 'udp', address: '', port: 53 } as const
  t.equal(await findHolder(wanted, proc), undefined, 'of another user')
  symlinkSync('socket:[4711]', join(proc, '812/fd/7'))
  t.equal(await findHolder(wanted, proc), 'dnsmasq (PID 812)')
  symlinkSync('socket:[4711]', join(proc, '1/fd/30'))
  t.equal(await findHolder(wanted, proc), 'systemd')
  t.equal(await findHolder({ ...wanted, port: 54 }, t.testdir()), undefined)
})

t.test('this process has its own ports', async (t) => {
  const udp = createSocket('udp4').bind(0, '127.0.0.1')
  const tcp = createServer().listen(0, '127.0.0.1')
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  const own = new RegExp(`\\(PID ${process.pid}\\)$`)
  const common = { service: 'http', address: '127.0.0.1' } as const
  t.match(await findHolder({ ...common, transport: 'udp', port: udp.address().port }), own)
  t.match(await findHolder({ ...common, transport: 'tcp', port: (tcp.address() as AddressInfo).port }), own)
  udp.close()
  tcp.close()
})
