/** `slipway node …`: what is done about one machine. */
import { UsageError, type Command } from './command.ts'
import { adopt, adoptUsage } from './node-adopt.ts'

export const node: Command = {
  name: 'node',
  summary: 'write a machine that was seen into the site file (node adopt)',
  usage: adoptUsage,

  run([what, ...args], terminal) {
    if (what !== 'adopt') throw new UsageError('node takes adopt')
    return adopt(args, terminal)
  },
}
