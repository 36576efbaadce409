/** The check `routers` of `slipway preflight` and `slipway doctor`, with radvd on the server, and on another machine too. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway } from '../server.ts'
import { relay6, type Ipv6Rig } from './rig.ts'

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

const foreignPrefix = '2001:db8:66::/64'

/** Changes the addresses of all machines on the network for some seconds. */
export const foreignRouterCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: slipway preflight and slipway doctor name the radvd of another machine, and what to do',
  limitMs: 90_000,
  async run(rig) {
    const { name } = relay6.near
    const link = await rig.run('relay', ['ip', '-6', '-o', 'addr', 'show', 'dev', name, 'scope', 'link'])
    const [, address = ''] = expectMatch(link.stdout, /inet6 (fe80::\S+)\//, 'the link-local address')
    const file = join(rig.dir, 'foreign-radvd.conf')
    const lifetimes = 'AdvValidLifetime 30; AdvPreferredLifetime 10;'
    const settings = `AdvSendAdvert on; AdvDefaultLifetime 0; prefix ${foreignPrefix} { ${lifetimes} };`
    await writeFile(file, `interface ${name} { ${settings} };\n`)
    const pidFile = join(rig.dir, 'foreign-radvd.pid')
    const radvd = rig.start('relay', 'foreign-radvd', [
      'radvd',
      '-n',
      '-m',
      'stderr',
      '-C',
      file,
      '-p',
      pidFile,
    ])
    try {
      const text = `${address} advertises ${foreignPrefix} on fd00:16::/64 (srv0), and nodes choose addresses there that the site does not have`
      const remedy = `Stop them on that machine: "ip neigh show ${address}" prints its MAC address. If it is your router, add ${foreignPrefix} to subnets6`
      const control = controlSocket(rig.sitePath)
      for (const command of [slipway('preflight', rig.sitePath), slipway('doctor', '--control', control)]) {
        const { stdout } = await rig.run('server', command, { limitMs: 40_000 })
        const shown = stdout.replace(/\s+/g, ' ')
        const what = command.join(' ')
        expectEqual(shown.includes(text), true, `${what} shows "${text}":\n${stdout}`)
        expectEqual(shown.includes(remedy), true, `${what} shows "${remedy}":\n${stdout}`)
      }
      const neighbor = await rig.run('server', ['ip', 'neigh', 'show', address])
      return expectMatch(neighbor.stdout, /lladdr \S+/, 'ip neigh')[0]
    } finally {
      await radvd.stop()
    }
  },
}
