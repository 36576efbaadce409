/** Runs slipway commands that use the local API of the running server. */
import { output } from '../process.ts'
import type { Rig } from '../rig.ts'
import { controlSocket, slipway } from '../server.ts'

/** Returns the output of the command. */
export async function control(rig: Rig, ...args: string[]): Promise<string> {
  const command = slipway(...args, '--control', controlSocket(rig.site.sitePath))
  return output(rig.network.inside('server', ...command))
}
