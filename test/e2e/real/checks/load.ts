/** Many objects in the cluster do not delay the answers of slipway to the machines that boot. */
import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual } from '../../expect.ts'
import { output, run } from '../../process.ts'
import type { Check } from '../../runner.ts'
import type { ProbeResult } from '../answer-probe.ts'
import { source } from '../cache.ts'
import { addresses, domain, nodes, probe } from '../network.ts'
import type { RealRig } from '../rig.ts'
import { createAsNode, servingRequest, waitForApproval } from './requests.ts'

const counts = { nodes: 500, requests: 2000 } as const
const limitMs = 50

export const loadChecks: readonly Check<RealRig>[] = [
  {
    name: `real: ${counts.requests} pending requests and ${counts.nodes} nodes: DNS and DHCP answer in less than ${limitMs} ms`,
    limitMs: 300_000,
    async run(rig) {
      const { controlPlane, network } = rig
      const pem = join(rig.dir, 'many.pem')
      const subject = `/O=system:nodes/CN=system:node:many.${domain}`
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        join(rig.dir, 'many.key'),
      ]
      await writeFile(pem, await output(['openssl', 'req', '-new', ...key, '-subj', subject]))
      const seconds = 45
      const probing = run(
        network.inside(
          'peer',
          process.execPath,
          source('answer-probe.ts'),
          addresses.appliance,
          ...[...[probe.address, probe.mac, `api.${domain}`, String(seconds)]],
        ),
        { limitMs: 120_000 },
      )
      await sleep(1000)
      const creating = [controlPlane.dir, String(counts.nodes), String(counts.requests), pem]
      const created = await run(
        network.inside('control', process.execPath, source('create-objects.ts'), ...creating),
        { limitMs: 120_000 },
      )
      expectEqual(created.status, 0, `creation of the objects (${created.stdout}${created.stderr})`)
      const probed = await probing
      expectEqual(probed.status, 0, `the probe (${probed.stdout}${probed.stderr})`)
      const result = JSON.parse(probed.stdout) as ProbeResult
      for (const kind of ['dns', 'dhcp'] as const) {
        const { p99, count, lost } = result[kind]
        expect(count > 100, `${kind}: only ${count} answers`)
        expectEqual(lost, 0, `${kind}: lost answers`)
        expect(
          p99 < limitMs,
          `${kind}: p99 ${p99} ms, expected less than ${limitMs} (${probed.stdout.trim()})`,
        )
      }
      // Between all these, a valid request.
      await controlPlane.kubectl('delete', 'csr', '-l', 'many=yes', '--wait=false')
      await createAsNode(rig, nodes.w1, servingRequest(nodes.w1, 'after-many'))
      await waitForApproval(rig, 'after-many', 120_000)
      await controlPlane.kubectl('delete', 'node', '-l', 'many=yes', '--wait=false')
      const { dns, dhcp } = result
      return `created in ${(created.durationMs / 1000).toFixed(0)} s; p99 DNS ${dns.p99} ms, DHCP ${dhcp.p99} ms; slowest ${dns.max} and ${dhcp.max} ms`
    },
  },
]
