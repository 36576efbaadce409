/** Commands that ask the running server over its local API. */
import { output } from '../process.ts'
import type { Rig } from '../rig.ts'
import { controlSocket, slipway } from '../server.ts'

/** What the command says. */
export async function control(rig: Rig, ...words: string[]): Promise<string> {
  const command = slipway(...words, '--control', controlSocket(rig.site.sitePath))
  return output(rig.network.inside('server', ...command))
}
