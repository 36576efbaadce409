/** `slipway capture`, without root in another namespace: tcpdump reads what the lanes of the running server recorded. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway } from '../server.ts'
import { client, domain, nodes } from '../site.ts'
import { addClientAddress, waitUntil } from './client.ts'

const loader = 'bios/undionly.kpxe'

export const captureChecks: readonly Check[] = [
  {
    name: 'operation: slipway capture records DNS and TFTP of one machine, and tcpdump reads the file',
    async run(rig) {
      await addClientAddress(rig)
      const file = join(rig.dir, 'client.pcap')
      await rm(file, { force: true })
      const socket = controlSocket(rig.site.sitePath)
      const lines: string[] = []
      const since = rig.server.lines.length
      const capture = rig.start(
        'server',
        'capture',
        slipway('capture', '--control', socket, '--timeout', '8s', '--output', file, client.mac),
        (line) => lines.push(line),
      )
      await rig.server.waitFor('the capture', ({ msg }) => msg === 'packet capture started', { since })
      // The lanes read the filter with their next message.
      await sleep(200)
      const asked = await rig.run('client', ['dig', '+short', `m1.${domain}`, `@${addresses.server}`])
      expectEqual(asked.stdout.trim(), nodes.m1.address, 'dig')
      const into = join(rig.dir, 'capture.download')
      await rig.run('client', ['tftp', '-m', 'binary', addresses.server, '-c', 'get', loader, into])
      await waitUntil('the end of the capture', () => lines.length > 0, 20_000)
      await capture.ended
      const { stdout, stderr } = await rig.run('server', ['tcpdump', '-n', '-vv', '-r', file])
      expectMatch(
        stdout,
        new RegExp(`${client.address}\\.\\d+ > ${addresses.server}\\.53: .* A\\? m1\\.`),
        'the query',
      )
      expectMatch(stdout, new RegExp(`A ${nodes.m1.address}`), 'the answer')
      expectMatch(stdout, /RRQ "[^"]+"/, 'the request of the file')
      expectMatch(stdout, /UDP, length 516\b/, 'a block, with its length on the wire')
      expectMatch(stdout, /\[udp sum ok\] UDP, length 4\b/, 'an acknowledgment')
      expect(!/bad udp cksum|bad cksum|truncated-ip/.test(stdout), `headers that tcpdump rejects: ${stderr}`)
      return lines.at(-1)
    },
  },
]
