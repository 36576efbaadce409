/** The ports that TFTP's transfers answer from: one way of choosing them, and a range that can be had. */
import type { Flaw } from '../flaw.ts'
import type { Rule } from './rule.ts'

/** A node takes one, and no machine may have more than a quarter of them: so four machines at the least. */
const leastPorts = 16
/** What is below needs a privilege. */
const firstUnprivileged = 1024

const oneWay: Rule = {
  needs: ['tftp'],
  check: ({ tftp }) =>
    tftp.singlePort && tftp.ports !== undefined
      ? [
          {
            path: ['tftp', 'singlePort'],
            expected: 'either this or ports: transfers answer from the request port or from the range',
            other: ['tftp', 'ports'],
          },
        ]
      : [],
}

const rangeSize: Rule = {
  needs: ['tftp'],
  check({ tftp: { ports } }): Flaw[] {
    if (ports === undefined) return []
    const { from, to } = ports
    if (from < firstUnprivileged) {
      return [{ path: ['tftp', 'ports', 'from'], expected: `a port from ${firstUnprivileged} on` }]
    }
    const least = from + leastPorts - 1
    if (to >= least) return []
    const expected = `a port from ${least} on: a range of ${leastPorts} ports at the least, each transfer takes one`
    return [{ path: ['tftp', 'ports', 'to'], expected }]
  },
}

const ownPorts: Rule = {
  needs: ['server', 'tftp'],
  check({ server, tftp: { ports } }): Flaw[] {
    if (ports === undefined) return []
    return (['dhcp', 'dhcpClient', 'tftp', 'dns'] as const)
      .filter((key) => server.ports[key] >= ports.from && server.ports[key] <= ports.to)
      .map((key) => ({
        path: ['tftp', 'ports'],
        got: `${ports.from} to ${ports.to}`,
        expected: `a range of its own: ${server.ports[key]} is the port of ${key}`,
        other: ['server', 'ports', key],
      }))
  },
}

export const transferPortRules = [oneWay, rangeSize, ownPorts]
