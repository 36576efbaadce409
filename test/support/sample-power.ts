/** The power of the sample nodes: `ocp45/w1` has a BMC, and `ocp45/m1` one that refuses the password. */
import type { Power, PowerReport } from '../../src/bmc/power.ts'

export const samplePowerReport: PowerReport = {
  node: 'ocp45/w1',
  bmc: '172.16.0.201',
  protocol: 'redfish',
  isManaged: false,
  readAt: 1000,
  power: 'on',
  manufacturer: 'Contoso',
  model: 'R1',
  serial: 'ABC123',
  uuid: '4c4c4544-0031-3010-8031-b4c04f4e3132',
  progress: 'OSRunning',
  bootOverride: { target: 'Pxe', isOnce: true },
}

/** @param requests gets a line for each command */
export function samplePower(requests: string[] = []): Power {
  const about = (node: string) => {
    if (node === 'ocp45/w1') return samplePowerReport
    if (node === 'ocp45/m1') {
      const reason =
        'BMC 172.16.0.202 refused the user name or the password (HTTP 401): correct the credentials file'
      return { code: 'bmc.credentials-refused', reason } as const
    }
    return { code: 'bmc.not-declared', reason: `the site declares no BMC for ${node}: add bmc` } as const
  }
  return {
    report: (node) => Promise.resolve(about(node)),
    inventory(node) {
      const found = about(node)
      return Promise.resolve('reason' in found ? found : { ...found, macs: [] })
    },
    command(node, { action = 'boot', boot = '', user }) {
      requests.push(`power ${node} ${action} ${boot} ${user}`)
      return Promise.resolve(about(node))
    },
    trust(node, fingerprint, user) {
      requests.push(`trust ${node} ${fingerprint} ${user}`)
      const refusal = about(node)
      return Promise.resolve('reason' in refusal ? refusal : { fingerprint })
    },
    lastReport: (node) => (node === 'ocp45/w1' ? samplePowerReport : undefined),
    isManaged: (node) => node === 'ocp45/m1',
  }
}
