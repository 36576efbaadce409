/** The keys `menu` of the site file: the interactive boot menu. */
import { z } from 'zod'
import { seconds } from './scalars.ts'

export const menuEntries = [
  'bootstrap',
  'master',
  'arbiter',
  'single',
  'worker',
  'local',
  'shell',
  'reboot',
] as const

export const menuSection = z
  .strictObject({
    default: z
      .enum(menuEntries)
      .default('local')
      .meta({ description: 'entry that is selected if no key is pressed' }),
    timeoutSeconds: seconds(0, 86_400)
      .default(30)
      .meta({ description: 'time until the default is selected; 0 waits for a key forever' }),
  })
  .meta({ description: 'interactive boot menu' })
