import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openStore } from '../../src/install/open-store.ts'
import { uninstrumented } from '../support/uninstrumented.ts'

const now = Date.UTC(2026, 0, 1)
const child = fileURLToPath(new URL('../support/record-writer.ts', import.meta.url))
/** Beside each other, because most of the time a process waits for the disk. */
const stores = 10
const rounds = 10

t.test(
  'a process that is killed a hundred times while it writes loses nothing that it reported as written',
  async (t) => {
    const dir = t.testdir()
    const last = await Promise.all(
      Array.from({ length: stores }, (_, index) => killRepeatedly(join(dir, String(index)))),
    )
    for (const sequence of last) t.ok(sequence >= rounds, `${sequence} transactions`)
  },
)

/**
 * @returns the last of its transactions
 * @throws when one was lost, or a process was not killed
 */
async function killRepeatedly(dir: string): Promise<number> {
  let printed = 0
  for (let round = 0; round < rounds; round++) {
    const fail = (sentence: string): never => {
      throw new Error(`round ${round}: ${sentence}`)
    }
    const writing = spawn(...uninstrumented(process.execPath, child, dir), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: writing.stdout })
    const wanted = printed + 1 + (round % 4)
    lines.on('line', (line) => {
      printed = Number(line)
      if (printed >= wanted) writing.kill('SIGKILL')
    })
    await Promise.all([once(writing, 'exit'), once(lines, 'close')])
    if (writing.signalCode !== 'SIGKILL') fail('the process ended before it was killed')
    const store = openStore(dir, { now })
    const { lastSequence, states, incomplete } = store
    store.close()
    if (incomplete !== undefined) fail(incomplete)
    if (lastSequence < printed) fail(`${printed} was written, ${lastSequence} is stored`)
    if (states.get('00:00:5e:00:53:11')?.since !== lastSequence) fail('state and observation disagree')
    printed = lastSequence
  }
  return printed
}
