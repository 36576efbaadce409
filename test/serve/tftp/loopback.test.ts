/** Transfers over real sockets on loopback, with independent clients: curl, and a small lockstep client. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { Counters } from '../../../src/host/counters.ts'
import { silentLog } from '../../support/silent-log.ts'
import { bound, fetchLockstep } from '../../support/tftp-lockstep.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { TftpPlan, TransferPorts } from '../../../src/plan/tftp.ts'
import { startTftp } from '../../../src/serve/tftp/service.ts'

const run = promisify(execFile)
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) ^ (at >> 9)))

const hasCurl = await run('curl', ['--version']).then(
  ({ stdout }) => /\btftp\b/.test(stdout),
  () => false,
)

async function serve(t: Test, transfers: TransferPorts = { kind: 'any' }) {
  const plan: TftpPlan = {
    address: '127.0.0.1',
    port: 0,
    transfers,
    files: new Map(),
    missing: new Map(),
    root: t.testdir({ 'image.bin': content, exact: content.subarray(0, 1024), one: content.subarray(0, 1) }),
    networks: [],
    mtus: [],
    nodeByAddress: new Map(),
  }
  const service = await startTftp({
    plan: () => plan,
    sockets: createSockets({}),
    log: silentLog(),
    counters: new Counters(),
    clock: systemClock,
    onLost(error) {
      throw error
    },
  })
  t.teardown(() => service.close(0))
  return { port: Number(/\d+$/.exec(service.listening[0]!)), root: plan.root as string }
}

t.test('curl gets files of any size', { skip: !hasCurl && 'no curl with tftp' }, async (t) => {
  const { port, root } = await serve(t)
  const fetch = async (file: string, ...more: string[]) => {
    const args = ['-sS', '--max-time', '20', ...more, `tftp://127.0.0.1:${port}/${file}`]
    return (await run('curl', args, { encoding: 'buffer' })).stdout
  }
  t.equal((await fetch('image.bin')).equals(content), true)
  t.equal((await fetch('image.bin', '--tftp-blksize', '1468')).equals(content), true)
  t.equal((await fetch('image.bin', '--tftp-blksize', '8192')).equals(content), true, 'blksize is lowered')
  t.equal((await fetch('exact')).equals(content.subarray(0, 1024)), true)
  t.equal((await fetch('one', '--tftp-no-options')).equals(content.subarray(0, 1)), true)
  await t.rejects(fetch('nothing'), { code: 68 }, 'CURLE_TFTP_NOTFOUND')
  await t.rejects(fetch('', '-T', join(root, 'one')), { code: 69 }, 'CURLE_TFTP_PERM')
})

t.test('serves lockstep clients with and without options', async (t) => {
  const { port } = await serve(t)
  const plain = fetchLockstep(port, '\0\x01image.bin\0octet\0', 512)
  const large = fetchLockstep(port, '\0\x01image.bin\0OCTET\0BLKSIZE\x001432\0', 1432)
  t.equal((await plain).equals(content), true)
  t.equal((await large).equals(content), true)
})

t.test('one port: twenty clients at once get replies from that port only', async (t) => {
  const { port } = await serve(t, { kind: 'single' })
  const requests = Array.from({ length: 20 }, (_, index) => {
    const blksize = 512 + index * 16
    return fetchLockstep(port, `\0\x01image.bin\0octet\0blksize\0${blksize}\0`, blksize)
  })
  for (const received of await Promise.all(requests)) t.equal(received.equals(content), true)
})

t.test('curl through one port, and through a range', { skip: !hasCurl && 'no curl with tftp' }, async (t) => {
  const first = await bound()
  const from = first.address().port
  first.close()
  // Other programs can use some of these ports, which are then skipped.
  for (const transfers of [{ kind: 'single' }, { kind: 'range', from, to: from + 63 }] as const) {
    const { port } = await serve(t, transfers)
    const args = ['-sS', '--max-time', '20', '--tftp-blksize', '1400', `tftp://127.0.0.1:${port}/image.bin`]
    const { stdout } = await run('curl', args, { encoding: 'buffer' })
    t.equal(stdout.equals(content), true, transfers.kind)
  }
})

for (const transfers of [{ kind: 'any' }, { kind: 'single' }] as const) {
  t.test(`one machine floods, another boots (${transfers.kind})`, async (t) => {
    const { port } = await serve(t, transfers)
    const flood = await Promise.all(Array.from({ length: 64 }, () => bound()))
    t.teardown(() => {
      for (const socket of flood) socket.close()
    })
    const pour = () => {
      for (const socket of flood) socket.send('\0\x01image.bin\0octet\0timeout\x00255\0', port, '127.0.0.1')
    }
    pour()
    const pouring = setInterval(pour, 5)
    const received = await fetchLockstep(port, '\0\x01image.bin\0octet\0blksize\x001024\0', 1024, '127.0.0.2')
    clearInterval(pouring)
    t.equal(received.equals(content), true)
  })
}
