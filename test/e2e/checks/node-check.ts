/** The script of `slipway preflight --from-node`, run as the node by dash and by busybox alone. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientInterface } from '../network.ts'
import { output } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway, withResolver } from '../server.ts'
import { client, domain, nodes } from '../site.ts'
import { flushClientAddresses, setClientMac } from './client.ts'

const { w1 } = nodes

export const nodeCheckChecks: readonly Check[] = [
  {
    name: 'node-check: a node with a correct network has no failure, with dash and curl, and with busybox alone',
    run: asNode(async (check) => {
      for (const shell of ['dash', 'busybox'] as const) {
        const { status, stdout } = await check(shell)
        for (const name of ['address', 'route', 'names', 'images', 'clock']) {
          expectMatch(stdout, new RegExp(`^ok +${name} `, 'm'), `${name} with ${shell}`)
        }
        expectMatch(stdout, new RegExp(`api\\.${domain} is `), `the names with ${shell}`)
        expectMatch(stdout, /, 0 failures\n$/, `the summary of ${shell}`)
        expectEqual(status, 0, `the exit status of ${shell}`)
      }
    }),
  },
  {
    name: 'node-check: a path with a smaller MTU, a stopped resolver, and a missing address are failures',
    run: asNode(async (check, rig) => {
      const mtu = (bytes: number): Promise<unknown> =>
        rig.run('server', ['ip', 'link', 'set', 'srv0', 'mtu', String(bytes)])
      await mtu(1400)
      try {
        expectMatch(
          (await check('dash')).stdout,
          /^failure +mtu +packets of 1500 bytes do not reach/m,
          'the MTU',
        )
      } finally {
        await mtu(1500)
      }
      const names = await check('dash', '192.0.2.53')
      expectMatch(names.stdout, new RegExp(`^failure +names +api\\.${domain} is not found`, 'm'), 'the names')
      expectEqual(names.status, 1, 'the exit status')
      await flushClientAddresses(rig)
      expectMatch(
        (await check('dash')).stdout,
        /^failure +address +no interface has 172\.16\.0\.31$/m,
        'the address',
      )
    }),
  },
]

type RunCheck = (
  shell: 'dash' | 'busybox',
  resolver?: string,
) => Promise<{ readonly status: number | undefined; readonly stdout: string }>

/** Gives the client the MAC address and the address of w1. */
function asNode(test: (check: RunCheck, rig: Rig) => Promise<void>): Check['run'] {
  return async (rig) => {
    const dir = join(rig.dir, 'node-check')
    await mkdir(join(dir, 'bin'), { recursive: true })
    // The only programs of a small rescue system.
    for (const applet of [
      'ip',
      'sed',
      'grep',
      'cat',
      'head',
      'tail',
      'tr',
      'sort',
      'date',
      'wget',
      'nslookup',
      'ping',
      'timeout',
    ]) {
      await symlink(rig.payload.busybox, join(dir, 'bin', applet)).catch(() => undefined)
    }
    const script = await output(
      slipway('preflight', '--from-node', w1.name, rig.site.sitePath, '--registry', 'registry.invalid'),
    )
    const check: RunCheck = async (shell, resolver = addresses.server) => {
      const file = join(dir, 'resolv.conf')
      await writeFile(file, `nameserver ${resolver}\noptions timeout:1 attempts:1\n`)
      const command =
        shell === 'dash'
          ? ['dash', '-s']
          : ['env', '-i', `PATH=${join(dir, 'bin')}`, rig.payload.busybox, 'sh', '-s']
      return rig.run('client', [...withResolver(file), ...command], { input: script, limitMs: 60_000 })
    }
    const ip = (...args: string[]): Promise<unknown> => rig.run('client', ['ip', ...args])
    await setClientMac(rig, w1.mac)
    await flushClientAddresses(rig)
    await ip('address', 'add', `${w1.address}/24`, 'dev', clientInterface)
    await ip('route', 'replace', 'default', 'via', '172.16.0.254')
    try {
      await test(check, rig)
      return undefined
    } finally {
      await flushClientAddresses(rig)
      await setClientMac(rig, client.mac)
    }
  }
}
