/** A simulated machine that the site does not declare, against a complete server on loopback. */
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { startApp } from '../../src/app.ts'
import { simulate as command } from '../../src/cli/commands/simulate.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createLog } from '../../src/host/log.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import type { Model } from '../../src/plan/model.ts'
import { prepare } from '../../src/prepare.ts'
import { parseMac, type Mac } from '../../src/proto/address/mac.ts'
import { simulateUndeclared, type UndeclaredAnswer } from '../../src/simulate/undeclared.ts'
import { choosePorts } from '../../src/demo/demo-site.ts'
import { siteFolder, sitePath, siteText } from '../support/site-folder.ts'
import { keptTerminal } from '../support/terminal.ts'
import type { Firmware } from '../../src/simulate/dhcp-profiles.ts'

const mac = parseMac('52:54:00:12:34:56') as Mac
const sockets = createSockets({})
const inventory = `
inventory:
  addresses: { from: 192.0.2.240, to: 192.0.2.241 }
  kernel: inventory/vmlinuz
  initrd: inventory/initrd.img
`
const offsets = [21_000, 22_000, 23_000, 24_000, 25_000]

/** Waits a twentieth of the time for replies that do not come. */
const hasty = { ...systemClock, after: (ms: number, run: () => void) => systemClock.after(ms / 20, run) }

async function ready(path: string) {
  const prepared = await prepare(path)
  if (prepared.kind !== 'ready') throw new Error('the site has problems')
  return prepared
}

t.test('an undeclared machine and its server', async (t) => {
  const chosen = await choosePorts(sockets, offsets)
  if (chosen === undefined) throw new Error('no free ports')
  const { ports } = chosen
  const dir = t.testdir({
    ...siteFolder(siteText(ports, inventory)),
    inventory: { vmlinuz: 'inventory kernel', 'initrd.img': 'inventory initramfs' },
  })
  const path = sitePath(dir)
  const prepared = await ready(path)
  const app = await startApp({
    sitePath: path,
    prepared,
    sockets,
    store: openMemoryStore(),
    log: createLog('error', { write: () => undefined }),
    onLost: (error) => {
      throw error
    },
  })
  t.teardown(() => app.close(0))
  const boot = (
    model: Model,
    expected: UndeclaredAnswer['kind'],
    firmware: Firmware = 'uefi',
    clock = systemClock,
  ) => simulateUndeclared(model, { sockets, clock, source: '127.0.0.1', mac, firmware, expected })
  const change = async (text: string): Promise<Model> => {
    await writeFile(path, text)
    t.match(await app.reload(), { outcome: 'swapped' })
    return (await ready(path)).model
  }

  for (const firmware of ['uefi', 'bios', 'uefi-http'] as const) {
    await t.test(`${firmware}: boots the inventory system, and no address is reserved`, async (t) => {
      const { events, ...result } = await boot(prepared.model, 'inventory', firmware)
      t.match(result, { mac, firmware, isBooted: true, ending: 'boots the inventory system' })
      const isHttp = firmware === 'uefi-http'
      t.same(
        events.map(({ step }) => step),
        [
          'HTTP health',
          'DHCP firmware',
          isHttp ? 'HTTP loader' : 'TFTP loader',
          'DHCP iPXE',
          'HTTP script',
          'HTTP kernel',
          'HTTP initramfs',
        ],
      )
      const health = await (await fetch(`http://127.0.0.1:${ports.http}/health`)).text()
      t.match(JSON.parse(health), { status: /./ })
      t.notMatch(health, mac, 'it is not listed')
    })
  }

  await t.test('the command prints what slipway answers', async (t) => {
    const terminal = keptTerminal()
    t.equal(await command.run(['--mac', mac, path], terminal), 0)
    t.match(terminal.outLines, [
      '52:54:00:12:34:56  undeclared, UEFI',
      /HTTP health +the server runs/,
      /DHCP firmware +192\.0\.2\.24[01], efi\/snponly\.efi/,
    ])
    t.same(terminal.outLines.slice(-3), [
      '',
      '52:54:00:12:34:56 boots the inventory system, which reports its hardware for',
      '"slipway node adopt". Nothing was reserved or recorded.',
    ])
    const json = keptTerminal()
    t.equal(await command.run(['--mac', mac, '--firmware', 'bios', '--json', path], json), 0)
    t.match(JSON.parse(json.outLines.join('\n')), {
      site: 'lab',
      mac,
      firmware: 'bios',
      isBooted: true,
      answer: 'inventory',
      steps: [{ step: 'HTTP health' }],
    })
  })

  await t.test('a server that does something else than the site file is reported', async (t) => {
    const { isBooted, events } = await boot(prepared.model, 'none')
    t.equal(isBooted, false)
    t.match(
      events.at(-1)?.text,
      /^expected no reply to the undeclared machine 52:54:00:12:34:56, as the site file declares; got an offer of 192\.0\.2\.24[01]; check whether the server loaded/,
    )
    const others = siteText(ports, inventory.replaceAll('.24', '.25'))
    const moved = await boot(await change(others), 'inventory')
    t.equal(moved.isBooted, true)
    const stale = await boot(prepared.model, 'inventory')
    t.match(
      stale.events.at(-1)?.text,
      /^expected an address of inventory\.addresses \(192\.0\.2\.240 to 192\.0\.2\.241\); got 192\.0\.2\.25[01]; /,
    )
  })

  await t.test('a server that does not answer is distinguished from one that does not run', async (t) => {
    const plain = await change(siteText(ports))
    const none = await boot(plain, 'none', 'uefi', hasty)
    t.match(none, { isBooted: true, ending: 'gets no answer' })
    t.match(none.events, [{ step: 'HTTP health' }, { step: 'DHCP firmware', text: 'no reply within 7 s' }])
    const unexpected = await boot(prepared.model, 'inventory', 'uefi', hasty)
    t.match(
      unexpected.events.at(-1)?.text,
      /^expected an offer for the inventory boot of the undeclared machine 52:54:00:12:34:56; got no reply within 7 s; check slipway status/,
    )
    const away = { ...plain, endpoint: { ...plain.endpoint, ports: { ...ports, http: ports.http + 7 } } }
    t.match(await boot(away, 'none', 'uefi', hasty), { isBooted: false, events: [{ step: 'HTTP health' }] })
  })
})
