/** The command that the benchmarks measure is that of the packages. */
import t from 'tap'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launcherOptions, ownCheckout, serveCommand } from '../../bench/slipway.ts'

t.test('benchmarks start Node.js with the options of the launcher', async (t) => {
  const launcher = await readFile(join(ownCheckout, 'bin/slipway'), 'utf8')
  t.equal(launcher.match(/"\$options"/g)?.length, 2, 'each Node.js gets them')
  const options = ['--max-semi-space-size=2']
  t.same(launcherOptions(ownCheckout), options)
  t.match(serveCommand(ownCheckout, '/run/bench'), [
    ...['env', 'CACHE_DIRECTORY=/run/bench/cache', 'SLIPWAY_DHCP_PROBE=off', process.execPath, ...options],
    ...[join(ownCheckout, 'dist/main.js'), 'serve'],
  ])
})

t.test('a checkout whose launcher has no options is measured without them', async (t) => {
  const checkout = t.testdir()
  await mkdir(join(checkout, 'bin'))
  await writeFile(join(checkout, 'bin/slipway'), 'exec node main.js\n')
  t.same(launcherOptions(checkout), [])
})
