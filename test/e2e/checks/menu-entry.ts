/** A machine boots an entry of its own menu: iPXE shows the menu, and a key selects the entry. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectMatch } from '../expect.ts'
import { openKeyboard } from '../keyboard.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import type { LogLine } from '../server.ts'
import { domain } from '../site.ts'
import { boot } from '../vm.ts'
import { reload } from './reload.ts'

const node = { name: 'w4', role: 'worker', mac: '52:54:00:00:00:34', address: '172.16.0.34' } as const

/** Four times the duration of a boot on an idle machine. */
const limitMs = 120_000

export const menuEntryChecks: readonly Check[] = [
  {
    name: 'shapes: a key in the menu of a real iPXE boots an entry of the site, with the facts of the node',
    limitMs: limitMs + 10_000,
    async run(rig) {
      await reload(rig, { spareWorker: { ...node, settings: await menuSettings(rig) } })
      try {
        const console = await bootEntry(rig)
        expectMatch(console, RegExp(`ommand line: .*e2e\\.entry=${node.name}\\.${domain}`), 'the console')
        const seen = rig.server.lines.filter((line) => line.node === `ocp45/${node.name}`)
        expect(!seen.some(({ text }) => text.includes('"boot":"install"')), 'nothing was installed')
        return undefined
      } finally {
        await reload(rig)
      }
    },
  },
]

/** The kernel and the initramfs of the image, with other arguments than an installation. */
async function menuSettings({ payload, site }: Rig): Promise<string> {
  const names = await readdir(payload.imagesDir)
  const url = (pattern: RegExp) => `/images/${site.image}/${names.find((name) => pattern.test(name)) ?? ''}`
  const entry = [
    'title: Own kernel',
    'key: t',
    `kernel: ${url(/kernel/)}`,
    `initrd: ${url(/initramfs/)}`,
    'arguments: [console=ttyS0, "e2e.entry={{node.fqdn}}"]',
  ]
  return `boot: menu, menu: { timeoutSeconds: 0, entries: [{ ${entry.join(', ')} }] }`
}

/** Presses the key until the kernel of the entry starts. */
async function bootEntry(rig: Rig): Promise<string> {
  const dir = join(rig.dir, 'menu-entry')
  const monitor = join(rig.dir, 'menu-entry.sock')
  await mkdir(dir, { recursive: true })
  const stopped = new AbortController()
  const since = rig.server.lines.length
  const booting = boot(rig.network, {
    ...{ firmware: 'bios', mac: node.mac, tap: 'tap0', dir, monitor, limitMs, signal: stopped.signal },
    onLine(line) {
      if (/e2e\.entry=/.test(line) && /ommand line/.test(line)) stopped.abort()
    },
  })
  try {
    const isMenu = ({ text, node: of }: LogLine): boolean =>
      text.includes('"boot":"menu"') && of === `ocp45/${node.name}`
    await rig.server.waitFor('the menu', isMenu, { since, limitMs })
    const keyboard = await openKeyboard(monitor)
    const pressing = setInterval(() => {
      keyboard.press('t')
    }, 1000)
    const { console } = await booting
    clearInterval(pressing)
    keyboard.close()
    return console.map(({ text }) => text).join('\n')
  } finally {
    stopped.abort()
    await booting
  }
}
