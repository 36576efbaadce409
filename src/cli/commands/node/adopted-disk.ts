/** The option --disk of `slipway node adopt`: a path, a hint, or the disk that the machine reported in an inventory boot. */
import type { UnknownClient } from '../../../serve/dhcp/unknown-clients.ts'
import { diskSettings } from '../../../site/disk-section.ts'
import type { Adoption } from '../../../site/edit/add.ts'
import { askControl, ControlProblem } from '../../client.ts'
import { UsageError } from '../../command.ts'
import { diskSetting, onlyDisk } from '../../text/inventory.ts'

/** Returns the disk to write; `undefined` without the option. @throws {UsageError | ControlProblem} */
export async function adoptedDisk(
  text: string | undefined,
  macs: readonly string[],
  control: string,
): Promise<Adoption['disk']> {
  if (text === undefined) return undefined
  if (text === 'reported') return reportedDisk(macs, control)
  const [, hint, value] = /^(wwn|serialNumber)=(.+)$/.exec(text) ?? []
  const { success, data } = diskSettings.disk.safeParse(hint === undefined ? text : { [hint]: value })
  if (success) return data
  throw new UsageError(
    `--disk: expected the path of a disk, wwn=WWN, serialNumber=NUMBER, or reported, not ${JSON.stringify(text)}`,
  )
}

async function reportedDisk(macs: readonly string[], control: string): Promise<Adoption['disk']> {
  const seen = await askControl<UnknownClient[]>(control, '/v1/nodes/seen')
  const report = seen.find(({ mac, inventory }) => macs.includes(mac) && inventory !== undefined)?.inventory
  if (report === undefined) {
    throw new ControlProblem(
      `${macs.join(', ')} did not report its disks: boot it from the network with the section inventory in the site file`,
    )
  }
  const disk = onlyDisk(report)
  if (typeof disk === 'string') throw new ControlProblem(disk)
  return diskSetting(disk)
}
