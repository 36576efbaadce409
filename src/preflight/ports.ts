/** Whether the ports are free, and which process has those that are not. */
import { failure, ok, warning, type Check, type Finding } from './check.ts'
import { portText, wantedPorts, type WantedPort } from './wanted-ports.ts'

export const portsCheck: Check = {
  name: 'ports',
  async run({ plan, probes, isServing }) {
    const ports = wantedPorts(plan)
    if (isServing) return [ok(`slipway listens on ${ports.map(portText).join(', ')}`)]
    const findings = await Promise.all(ports.map((port) => checkPort(port)))
    const problems = findings.filter((finding) => finding !== undefined)
    return problems.length > 0 ? problems : [ok(`${ports.map(portText).join(', ')} are free`)]

    async function checkPort(wanted: WantedPort): Promise<Finding | undefined> {
      const error = await probes.bind(wanted)
      const name = portText(wanted)
      switch (error) {
        case undefined:
        case 'EADDRNOTAVAIL': // the check of the network reports it
          return undefined
        case 'EADDRINUSE': {
          const holder = await probes.holder(wanted)
          // The socket units of slipway hold the ports while it does not run.
          if (holder === 'systemd')
            return warning('preflight.port-in-use', `systemd listens on ${name}`, socketUnits)
          const by = holder ?? 'another process'
          return failure('preflight.port-in-use', `${by} uses ${name}`)
        }
        case 'EACCES':
          return warning(
            'preflight.not-checked',
            `${name} needs a privilege`,
            'Run the command as root (sudo)',
          )
        default:
          return warning('preflight.not-checked', `${name} was not checked: ${error}`)
      }
    }
  },
}

const socketUnits =
  'Check with systemctl list-sockets that it is a slipway unit; if not, stop that socket unit'
