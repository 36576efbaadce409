/**
 * The network of the installation of Debian: one bridge with the appliance, a server of files, a router, and a tap for the machine.
 *
 *     appliance ---- bridge ---- files
 *        router ----'    '---- tap
 */
import { createNamespaces, type Namespaces } from '../namespaces.ts'

const namespaces = ['bridge', 'appliance', 'files', 'router'] as const

export type SystemsNamespace = (typeof namespaces)[number]
export type SystemsNetwork = Pick<Namespaces<SystemsNamespace>, 'inside' | 'ip' | 'nameOf' | 'close'>

export const addresses = { appliance: '172.16.0.101', files: '172.16.0.120' } as const

export const web1 = { name: 'web1', mac: '52:54:00:00:05:21', address: '172.16.0.21' } as const

export const tap = 'tap-web1'
export const routerInterface = 'rtr0'

export async function createSystemsNetwork(): Promise<SystemsNetwork> {
  const network = await createNamespaces(namespaces)
  const { ip, nameOf, close } = network
  try {
    await ip('bridge', 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip('bridge', 'link set br0 up')
    for (const [namespace, name] of [
      ['appliance', 'srv0'],
      ['files', 'fil0'],
      ['router', routerInterface],
    ] as const) {
      await ip('bridge', `link add to-${namespace} type veth peer name ${name} netns ${nameOf(namespace)}`)
      await ip('bridge', `link set to-${namespace} master br0 up`)
      await ip(namespace, `link set ${name} up`)
    }
    await ip('bridge', `tuntap add dev ${tap} mode tap`)
    await ip('bridge', `link set ${tap} master br0 up`)
    await ip('appliance', `addr add ${addresses.appliance}/24 dev srv0`)
    await ip('files', `addr add ${addresses.files}/24 dev fil0`)
  } catch (error) {
    await close()
    throw error
  }
  return network
}
