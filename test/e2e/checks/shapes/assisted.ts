/**
 * The script of another installer on real firmware: iPXE boots its kernel from another server, hands over to it, and the
 * next network boot of the machine starts its disk. The signed GRUB of Debian cannot read files by HTTP.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual, expectMatch } from '../../expect.ts'
import { addresses } from '../../network.ts'
import { lastLines } from '../../process.ts'
import type { Rig } from '../../rig.ts'
import type { Check } from '../../runner.ts'
import {
  bootLimitMs,
  loaderMachine,
  power,
  show,
  textOf,
  withSecondAppliance,
  type SecondAppliance,
} from '../../second-appliance.ts'
import type { LogLine, Server } from '../../server.ts'

const machine = loaderMachine('a1', 64, 'script: ../script.ipxe')
const appliance: SecondAppliance = { name: 'assisted', machines: [machine] }

/** The kernel and the initramfs of the first appliance, which is only a web server here. */
async function writeScript({ dir, payload, site }: Rig): Promise<void> {
  const files = await readdir(payload.imagesDir)
  const url = (part: string) =>
    `http://${addresses.server}/images/${site.image}/${files.find((name) => name.includes(part))}`
  await mkdir(join(dir, 'assisted'), { recursive: true })
  const lines = [
    '#!ipxe',
    `initrd --name initrd ${url('initramfs')}`,
    `kernel ${url('kernel')} initrd=initrd e2e.other`,
    'boot',
    '',
  ]
  await writeFile(join(dir, 'script.ipxe'), lines.join('\n'))
}

/** Powers the machine on again until it has its script. Its disk is empty, so it would not end by itself. */
async function nextScript(rig: Rig, server: Server): Promise<string> {
  const since = server.lines.length
  const end = new AbortController()
  const booting = power(rig, machine, 'bios', { signal: end.signal })
  const isScript = ({ msg, node }: LogLine) => msg === 'boot script served' && node === 'assisted/a1'
  try {
    const { text } = await server.waitFor('the next script', isScript, { since, limitMs: bootLimitMs })
    return (JSON.parse(text) as { boot: string }).boot
  } finally {
    end.abort()
    await booting
  }
}

export const assistedChecks: readonly Check[] = [
  {
    name: 'shapes: iPXE boots the script of another installer once, and then the disk',
    limitMs: 2 * bootLimitMs,
    async run(rig) {
      await writeScript(rig)
      return withSecondAppliance(rig, appliance, async (server) => {
        const since = server.lines.length
        const first = await power(rig, machine, 'bios')
        const console = textOf(first)
        const where = `the console:\n${lastLines(console, 25)}\n`
        expectMatch(console, /boots the installer that its script names, as worker/, where)
        expectMatch(console, /^E2E arguments .*e2e\.other console=ttyS0/m, where)
        expectMatch(await show(rig, appliance, machine), /installing/, 'its state')
        await server.waitFor('the handover', ({ msg }) => msg === 'node starts another installer', { since })
        expectEqual(await nextScript(rig, server), 'local', 'the next network boot')
        return `${((first.endedMs - first.startedMs) / 1000).toFixed(0)} s`
      })
    },
  },
]
