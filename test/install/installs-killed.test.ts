/** A process that is killed at any moment of an installation, and what its successor decides. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openStore } from '../../src/install/open-store.ts'
import { installsWorld } from '../support/installs.ts'
import { uninstrumented } from '../support/uninstrumented.ts'

const child = fileURLToPath(new URL('../support/installing-child.ts', import.meta.url))
const key = 'ocp45/m1'
/** `KILL_ROUNDS=100 npx tap test/install/installs-killed.test.ts` tries more moments. */
const rounds = Number(process.env['KILL_ROUNDS'] ?? 4)

/** Kills the process some time after a number of steps. @returns its last step */
async function killed(dir: string, steps: number, delayMs: number): Promise<string> {
  const running = spawn(...uninstrumented(process.execPath, child, dir), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: running.stdout })
  let count = 0
  let last = ''
  lines.on('line', (line) => {
    last = line
    if (++count === steps) setTimeout(() => running.kill('SIGKILL'), delayMs)
  })
  await Promise.all([once(running, 'exit'), once(lines, 'close')])
  if (running.signalCode !== 'SIGKILL') throw new Error('the process ended before it was killed')
  return last
}

t.test('a machine that may have its Ignition file boots its disk after kill -9', async (t) => {
  const home = t.testdir()
  const results = await Promise.all(
    Array.from({ length: 4 }, async (_, worker) => {
      const dir = join(home, String(worker))
      const found: string[] = []
      for (let round = 0; round < rounds; round++) {
        const last = await killed(dir, 1 + ((round + worker) % 9), round % 4)
        const store = openStore(dir, { now: Date.now(), site: 'lab' })
        if (store.problems.length > 0) throw new Error(store.problems[0]?.text)
        const { installs } = installsWorld({ store })
        const { mode } = installs.list()[1] as { mode: string }
        const { kind } = await installs.boot(key, { isSkipping: false })
        installs.close()
        found.push(`${last} ${mode} ${kind}`)
      }
      return found
    }),
  )
  for (const found of results.flat()) {
    const [last, , kind] = found.split(' ')
    // `armed`: nothing was sent, or the next installation is armed. `script`: its disk is unchanged, or may be written.
    if (last === 'ignition' || last === 'written')
      t.ok(kind === 'local' || found.startsWith('written install'), found)
    else t.ok(kind === 'install' || kind === 'local', found)
  }
  t.equal(results.flat().length, 4 * rounds)
})
