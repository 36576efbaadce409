/** Four TFTP clients with different options fetch a loader; missing files, other paths, and writes get an error. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { type LogLine } from '../server.ts'
import { sha256 } from '../site.ts'
import { addClientAddress, runStub } from './client.ts'

const loader = 'bios/undionly.kpxe'
const loaderFile = '/usr/lib/ipxe/undionly.kpxe'
const largeLoader = 'efi/ipxe.efi'
const largeLoaderFile = '/usr/lib/ipxe/ipxe.efi'

type Client = {
  readonly name: string
  readonly original: string
  readonly command: (rig: Rig, into: string) => readonly string[]
}

const url = (name: string): string => `tftp://${addresses.server}/${name}`

const clients: readonly Client[] = [
  {
    name: 'curl without options, blocks of 512 octets',
    original: loaderFile,
    command: (_, into) => ['curl', '-sS', '--tftp-no-options', '-o', into, url(loader)],
  },
  {
    name: 'curl with blksize, tsize, and timeout',
    original: largeLoaderFile,
    command: (_, into) => ['curl', '-sS', '--tftp-blksize', '1428', '-o', into, url(largeLoader)],
  },
  {
    name: 'tftp-hpa in octet mode',
    original: loaderFile,
    command: (_, into) => ['tftp', '-m', 'binary', addresses.server, '-c', 'get', loader, into],
  },
  {
    name: 'busybox tftp with blksize',
    original: largeLoaderFile,
    command: (rig, into) => [
      ...[rig.payload.busybox, 'tftp', '-g', '-b', '1400'],
      ...['-r', largeLoader, '-l', into, addresses.server],
    ],
  },
]

export const tftpChecks: readonly Check[] = [
  ...clients.map(({ name, original, command }): Check => ({
    name: `tftp: ${name}`,
    async run(rig) {
      await addClientAddress(rig)
      const into = join(rig.dir, 'tftp.download')
      await rm(into, { force: true })
      const { status, stderr, durationMs } = await rig.run('client', command(rig, into))
      expectEqual(status, 0, `exit code (${stderr.trim()})`)
      expectEqual(sha256(await readFile(into)), sha256(await readFile(original)), 'SHA-256')
      return `${durationMs.toFixed(0)} ms`
    },
  })),
  {
    name: 'tftp: twelve concurrent transfers',
    async run(rig) {
      const digest = sha256(await readFile(largeLoaderFile))
      const files = Array.from({ length: 12 }, (_, index) => join(rig.dir, `tftp.${index}`))
      const transfers = files.map((into) => rig.run('client', ['curl', '-sS', '-o', into, url(largeLoader)]))
      for (const { status, stderr } of await Promise.all(transfers)) expectEqual(status, 0, stderr.trim())
      for (const file of files) {
        expectEqual(sha256(await readFile(file)), digest, file)
        await rm(file)
      }
      return undefined
    },
  },
  {
    name: 'tftp: a missing file, a path outside the loaders, and a write get an error',
    async run(rig) {
      // curl: 68 is ERROR 1 (file not found), 69 ERROR 2 (access violation).
      expectEqual(await exitCode(rig, url('no-such-file')), 68, 'a missing file')
      for (const name of ['../../etc/passwd', '/../etc/passwd', '//%2fetc/passwd']) {
        const status = await exitCode(rig, url(name))
        expect(status === 68 || status === 69, `${name}: curl's exit code is ${status}`)
      }
      const upload = join(rig.dir, 'tftp.upload')
      await writeFile(upload, 'content')
      const put = await rig.run('client', [
        'tftp',
        '-m',
        'binary',
        addresses.server,
        '-c',
        'put',
        upload,
        'x',
      ])
      expectMatch(put.stdout + put.stderr, /Error code 2/, 'tftp put')
      return undefined
    },
  },
  {
    name: 'tftp: a transfer ends at the first time-out if the client has closed its port',
    async run(rig) {
      await addClientAddress(rig)
      const since = rig.server.lines.length
      const request = Buffer.from(`\0\x01${largeLoader}\0octet\0blksize\x001024\0`).toString('hex')
      await runStub(rig, 'tftp-requests', addresses.server, [{ packet: request, then: 'leave' }])
      const isEnd = ({ reason = '' }: LogLine) => reason.includes('ICMP port unreachable')
      const { reason } = await rig.server.waitFor('the end', isEnd, { since, limitMs: 8_000 })
      return reason
    },
  },
]

async function exitCode(rig: Rig, from: string): Promise<number | undefined> {
  const { status } = await rig.run('client', [
    'curl',
    '-sS',
    '--path-as-is',
    '-m',
    '10',
    '-o',
    '/dev/null',
    from,
  ])
  return status
}
