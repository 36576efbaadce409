/** TFTP with curl: 60 machines fetch a loader of 1 MiB at the same time. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, TestedServer } from './benchmark.ts'
import { download, type Downloads } from './downloads.ts'
import { serverAddress } from './network.ts'
import { median } from './statistics.ts'

const file = 'loader.efi'
const sixty: Downloads = {
  perClient: 15,
  url: `tftp://${serverAddress}/${file}`,
  octets: 1024 * 1024,
  // The block size that firmware requests on Ethernet.
  options: ['--tftp-blksize', '1468'],
}

export const tftpdHpa: TestedServer = {
  name: 'tftpd-hpa',
  command: ({ tftpRoot }) => [
    ...['in.tftpd', '--listen', '--foreground', '--address', `${serverAddress}:69`],
    ...['--user', 'root', '--secure', tftpRoot],
  ],
}

export const atftpd: TestedServer = {
  name: 'atftpd',
  command: ({ tftpRoot }) => [
    ...[join(import.meta.dirname, '.work/atftpd/usr/sbin/atftpd'), '--daemon', '--no-fork'],
    ...[
      '--bind-address',
      serverAddress,
      '--user',
      'root.root',
      '--maxthread',
      '1000',
      '--verbose=0',
      tftpRoot,
    ],
  ],
}

export const tftp: Benchmark = {
  key: 'tftp',
  title: 'TFTP, 60 x 1 MiB in parallel',
  unit: 's',
  work: 'MiB',
  better: 'less',
  port: { transport: 'udp', number: 69 },
  peers: [tftpdHpa, atftpd],
  targets: [{ peer: 'atftpd', ratio: 1.25 }],
  prepare: ({ tftpRoot }) => writeFile(join(tftpRoot, file), randomBytes(sixty.octets)),
  warmUp: async (network) => {
    for (let time = 0; time < 2; time++) await download(network, sixty)
  },
  async measure(network) {
    const times: number[] = []
    for (let time = 0; time < 5; time++) times.push(await download(network, sixty))
    return { value: median(times), done: times.length * 60 }
  },
}
