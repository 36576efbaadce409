import t from 'tap'
import type { NodeModel } from '../../src/plan/model.ts'
import {
  formatBoot,
  formatSummary,
  type OutputStyle,
  Timeline,
  type SimulatedBoot,
} from '../../src/simulate/timeline.ts'
import { formatBytes } from '../../src/text/format.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { exampleModel } from '../support/model.ts'

const m1 = exampleModel().nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
const output: OutputStyle = { columns: 80, usesColor: false }

/** Steps of so many milliseconds each; the last one fails when there is a problem. */
async function boot(
  steps: readonly [step: string, ms: number, octets: number, text: string][],
  problem?: string,
) {
  const clock = fakeClock()
  const timeline = new Timeline(clock)
  for (const [step, ms, octets, text] of steps) {
    await timeline.step(step, () => {
      clock.advance(ms)
      return Promise.resolve({ value: undefined, octets, text })
    })
  }
  if (problem !== undefined) {
    const failing = timeline.step('HTTP kernel', () => Promise.reject(new Error(problem)))
    await failing.catch((error: unknown) => timeline.fail((error as Error).message))
  }
  return timeline.finish(m1, 'uefi', problem === undefined ? 'installs to /dev/sda' : '')
}

const fine: [string, number, number, string][] = [
  ['DHCP firmware', 12, 658, '192.0.2.11, efi/ipxe.efi'],
  ['TFTP loader', 480, 850_528, 'efi/ipxe.efi by 1468 x 4'],
  ['HTTP rootfs', 1100, 17 * 1024 ** 2, 'rhcos-417.94.202410090854-0-live-rootfs.x86_64.img'],
]

t.test('a boot in 80 columns', async (t) => {
  t.same(formatBoot(await boot(fine), output), [
    'ocp45/m1  master, UEFI, 00:00:5e:00:53:11',
    '     0 ms   DHCP firmware  192.0.2.11, efi/ipxe.efi               658 B    12 ms',
    '    12 ms   TFTP loader    efi/ipxe.efi by 1468 x 4           830.6 KiB   480 ms',
    '   492 ms   HTTP rootfs    rhcos-417.94.202410090854-0-live-…  17.0 MiB    1.1 s',
    '    1.6 s ✓ installs to /dev/sda                               17.8 MiB    1.6 s',
  ])
})

t.test('no line is wider than the terminal or the maximum width', async (t) => {
  const result = await boot(fine)
  const widest = (columns: number) =>
    Math.max(...formatBoot(result, { ...output, columns }).map((line) => line.length))
  t.equal(widest(80), 80)
  t.equal(widest(100), 100)
  t.equal(widest(300), 100)
})

t.test('a problem is printed completely, below the failed step', async (t) => {
  const problem = "expected 200 for GET http://192.0.2.2/kernel; got 404 Not Found; check the server's log"
  const result = await boot(fine.slice(0, 1), problem)
  t.equal(result.isBooted, false)
  t.same(formatBoot(result, output), [
    'ocp45/m1  master, UEFI, 00:00:5e:00:53:11',
    '     0 ms   DHCP firmware  192.0.2.11, efi/ipxe.efi               658 B    12 ms',
    '    12 ms ✗ HTTP kernel                                                     0 ms',
    '             expected 200 for GET http://192.0.2.2/kernel; got 404 Not Found;',
    "             check the server's log",
  ])
})

t.test('colors do not change the text', async (t) => {
  const results = [await boot(fine), await boot(fine.slice(0, 1), 'expected a; got b; check c')]
  for (const result of results) {
    const colored = formatBoot(result, { ...output, usesColor: true })
    t.equal(colored[0], '\u001b[1mocp45/m1\u001b[22m  master, UEFI, 00:00:5e:00:53:11')
    const plain = colored.map((line) => line.replaceAll(/\u001b\[\d+m/g, '')) // eslint-disable-line no-control-regex
    t.same(plain, formatBoot(result, output))
  }
})

t.test('the summary has counts and names', async (t) => {
  const booted = await boot(fine)
  const failed = await boot(fine.slice(0, 1), 'expected a; got b; check c')
  const early: SimulatedBoot = { ...failed, events: [] }
  t.equal(
    formatSummary({ boots: [booted, booted], durationMs: 2345 }, output),
    '2 of 2 nodes booted: 35.6 MiB in 2.3 s',
  )
  t.equal(
    formatSummary({ boots: [booted, failed, early], durationMs: 20 }, output),
    '1 of 3 nodes booted: 17.8 MiB in 20 ms; not booted: ocp45/m1 (HTTP kernel), ocp45/m1 (power-on)',
  )
  t.same(formatBoot(early, output), ['ocp45/m1  master, UEFI, 00:00:5e:00:53:11'])
})

t.test('sizes have a readable unit', (t) => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 ** 2 * 1.5, '1.5 MiB'],
    [1024 ** 3, '1.0 GiB'],
    [1024 ** 5, '1024.0 TiB'],
  ]
  for (const [octets, text] of cases) t.equal(formatBytes(octets), text)
  t.end()
})
