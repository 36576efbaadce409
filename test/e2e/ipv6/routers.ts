/** The check `routers` of `slipway preflight`, with radvd on the server. */
import { expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import type { Ipv6Rig } from './rig.ts'

export const routersCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: slipway preflight finds the router advertisements of radvd',
  limitMs: 60_000,
  async run(rig) {
    const { stdout } = await rig.run('server', slipway('preflight', rig.sitePath), { limitMs: 50_000 })
    const [line] = expectMatch(
      stdout,
      /^ok +routers +1 router on fd00:16::\/64 \(srv0\), with the M flag:\s+fe80::\S+$/m,
      'slipway preflight',
    )
    return line.replace(/\s+/g, ' ')
  },
}
