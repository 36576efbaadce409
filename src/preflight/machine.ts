/** This machine: its addresses, carrier, MTU, clock, SELinux, free space, and state directory. */
import { formatCidr, formatIpv4, cidrContains, parseIpv4, type Cidr } from '../proto/address/ip.ts'
import { formatBytes } from '../text/format.ts'
import { failure, ok, warning, type Check, type CheckContext, type Finding } from './check.ts'

/** Returns the name and the address of the interface that is attached to a network. */
export function interfaceOf(
  { probes }: Pick<CheckContext, 'probes'>,
  network: Cidr,
): { readonly name: string; readonly address: string } | undefined {
  for (const [name, addresses = []] of Object.entries(probes.interfaces())) {
    for (const { address: text } of addresses) {
      const address = parseIpv4(text)
      if (address !== undefined && cidrContains(network, address)) return { name, address: text }
    }
  }
  return undefined
}

/** What nodes use unless the site gives them another MTU. */
const ethernetMtu = 1500

export const networkCheck: Check = {
  name: 'network',
  async run(context) {
    const { model, plan, probes } = context
    const address = formatIpv4(plan.endpoint.address)
    if (!probes.hasAddress(address)) {
      return [failure('preflight.address-missing', `no interface has server.address ${address}`)]
    }
    const findings = await Promise.all(
      model.site.subnets.map(async ({ cidr, mtu }): Promise<Finding[]> => {
        const attached = interfaceOf(context, cidr)
        if (attached === undefined) return []
        const { name } = attached
        const [carrier, own] = await Promise.all(
          ['carrier', 'mtu'].map((file) => probes.read(`/sys/class/net/${name}/${file}`)),
        )
        const where = `${name} (${formatCidr(cidr)})`
        const size = Number(own)
        const expected = mtu ?? ethernetMtu
        return [
          ...(carrier?.trim() === '0' ? [failure('preflight.no-carrier', `${where} has no carrier`)] : []),
          ...(own !== undefined && size < expected
            ? [
                warning(
                  'preflight.mtu-too-small',
                  `${where} has an MTU of ${size}, its nodes ${mtu === undefined ? 'use' : 'get'} ${expected}`,
                ),
              ]
            : []),
        ]
      }),
    )
    const problems = findings.flat()
    return problems.length > 0 ? problems : [ok(`${address} is on this machine, and the interfaces are up`)]
  },
}

export const clockCheck: Check = {
  name: 'clock',
  async run({ probes }) {
    const { kind, output } = await probes.run('timedatectl', [
      'show',
      '--property=NTPSynchronized',
      '--value',
    ])
    if (kind === 'done' && output === 'yes') return [ok('the clock is synchronized')]
    if (kind === 'done' && output === 'no') {
      return [warning('preflight.clock-not-synchronized', 'the clock of this machine is not synchronized')]
    }
    const isSynchronized = (await probes.read('/run/systemd/timesync/synchronized')) !== undefined
    if (isSynchronized) return [ok('the clock is synchronized')]
    return [
      warning(
        'preflight.not-checked',
        'cannot determine whether the clock is synchronized',
        'Compare it: date -u',
      ),
    ]
  },
}

export const selinuxCheck: Check = {
  name: 'selinux',
  async run({ plan, probes }) {
    const enforcing = await probes.read('/sys/fs/selinux/enforce')
    if (enforcing?.trim() !== '1') return [ok('SELinux does not enforce a policy')]
    if (plan.haproxy === undefined)
      return [ok('SELinux enforces a policy, and the site does not use HAProxy')]
    const { kind, output } = await probes.run('getsebool', ['haproxy_connect_any'])
    if (kind !== 'done')
      return [warning('preflight.not-checked', 'the SELinux boolean haproxy_connect_any cannot be read')]
    if (output.endsWith(' on')) return [ok('SELinux lets HAProxy connect to the nodes')]
    return [failure('preflight.selinux-denies', 'the SELinux boolean haproxy_connect_any is off')]
  },
}

const mebibyte = 1024 * 1024
const freeSpace = { failure: 50 * mebibyte, warning: 500 * mebibyte }

export const diskCheck: Check = {
  name: 'disk',
  async run({ model, probes, state }) {
    const directories = [state, ...Object.values(model.site.images).map(({ dir }) => dir)]
    const findings = await Promise.all(
      [...new Set(directories)].map(async (directory): Promise<Finding | undefined> => {
        const free = await probes.freeBytes(directory).catch(() => undefined)
        if (free === undefined || free >= freeSpace.warning) return undefined
        const report = free < freeSpace.failure ? failure : warning
        return report('preflight.disk-full', `${directory} has ${formatBytes(free)} of free space`)
      }),
    )
    const problems = findings.filter((finding) => finding !== undefined)
    return problems.length > 0 ? problems : [ok('the state and image directories have free space')]
  },
}

export const stateCheck: Check = {
  name: 'state',
  async run({ probes, state }) {
    const problem = await probes.writeProblem(state)
    if (problem === undefined) return [ok(`${state} can be written`)]
    return [failure('preflight.state-not-writable', `${state} ${problem}`)]
  },
}
