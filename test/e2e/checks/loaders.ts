/**
 * Other loaders of the one boot decision: PXELINUX on BIOS. The machines belong to a second appliance with
 * its own site.
 */
import { expectMatch } from '../expect.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import {
  bootLimitMs,
  loaderMachine,
  power,
  show,
  textOf,
  withSecondAppliance,
  type LoaderMachine,
  type SecondAppliance,
} from '../second-appliance.ts'
import { waitForLogFlush, type Server } from '../server.ts'
import type { VmOptions } from '../vm.ts'

const bios = loaderMachine('l1', 74, 'loader: pxelinux')
const appliance: SecondAppliance = { name: 'loaders', machines: [bios] }

export const loaderChecks: readonly Check[] = [
  {
    name: 'loaders: lpxelinux.0 installs a BIOS machine with its kernel and initramfs over HTTP',
    limitMs: 4 * bootLimitMs,
    run: (rig) => withSecondAppliance(rig, appliance, (server) => installs(rig, server, bios, 'bios')),
  },
]

async function installs(
  rig: Rig,
  server: Server,
  machine: LoaderMachine,
  firmware: VmOptions['firmware'],
): Promise<string> {
  const done = await power(rig, machine, firmware)
  const console = textOf(done)
  const where = `the console:\n${lastLines(console, 25)}\n`
  expectMatch(console, new RegExp(`slipway loaders/${machine.name}: installs as worker on /dev/vda`), where)
  expectMatch(console, /^E2E written$/m, where)
  expectMatch(console, /^E2E reported$/m, where)
  expectMatch(await show(rig, appliance, machine), /installed/, 'its state')
  await waitForLogFlush()
  const sent = server.lines.filter(({ node }) => node === `loaders/${machine.name}`)
  const files = sent.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
  expectMatch(files, /^tftp: file sent \/?\S*pxelinux\.cfg\/01-52-54-00-00-00-7\d$/m, 'the log')
  expectMatch(files, /^http: .* \/?\S*initramfs/m, 'the log')
  return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
}
