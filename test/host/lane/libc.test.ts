import t from 'tap'
import { linux, load, loadLibc, systemError, writeAddress } from '../../../src/host/lane/libc.ts'

t.test('the functions of the C library can be called', async (t) => {
  const libc = await loadLibc()
  if ('reason' in libc) throw new Error(libc.reason)
  t.equal(await loadLibc(), libc, 'they are loaded once')
  t.equal(libc.close(-1), -1)
  const error = systemError('close', libc.errno())
  t.match(error, { code: 'EBADF', syscall: 'close', message: 'close EBADF' })
  const fd = libc.eventfd(3, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  const value = new Uint8Array(8)
  t.equal(libc.read(fd, value, value.length), 8)
  t.equal(value[0], 3)
  t.equal(libc.close(fd), 0)
  await libc.trim()
})

t.test('the reason is reported where lanes are not available', async (t) => {
  const koffi = () => import('koffi')
  t.same(await load('off', 'x64', koffi), { reason: 'SLIPWAY_LANES is off' })
  t.same(await load(undefined, 's390x', koffi), { reason: 'the processor is s390x' })
  const missing = () => Promise.reject(new Error('Cannot find the native Koffi module'))
  t.same(await load(undefined, 'arm64', missing), { reason: 'Cannot find the native Koffi module' })
})

t.test('an address is written as the kernel reads it', (t) => {
  t.same([...writeAddress(new Uint8Array(16), '172.16.0.101', 4011)].slice(0, 9), [
    ...[2, 0],
    ...[15, 171],
    ...[172, 16, 0, 101],
    0,
  ])
  const reused = writeAddress(Uint8Array.of(2, 0, 0, 0, 255, 255, 255, 255), '10.0.0.9', 69)
  t.same([...reused], [...[2, 0, 0, 69], ...[10, 0, 0, 9]])
  t.equal(systemError('bind', 99_999).code, 'errno 99999')
  t.end()
})
