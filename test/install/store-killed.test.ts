import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openStore } from '../../src/install/store.ts'

const now = Date.UTC(2026, 0, 1)

t.test('a process killed a hundred times in mid-write loses nothing that it said was kept', async (t) => {
  const dir = t.testdir()
  const child = fileURLToPath(new URL('../support/writing-child.ts', import.meta.url))
  let said = 0
  for (let round = 0; round < 100; round++) {
    const writing = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: writing.stdout })
    const wanted = said + 1 + (round % 4)
    lines.on('line', (line) => {
      said = Number(line)
      if (said >= wanted) writing.kill('SIGKILL')
    })
    await Promise.all([once(writing, 'exit'), once(lines, 'close')])
    if (writing.signalCode !== 'SIGKILL') t.fail(`round ${round}: the process ended by itself`)
    const store = openStore(dir, now)
    const { lastSequence, states, loss } = store
    store.close()
    if (loss !== undefined) t.fail(`round ${round}: ${loss}`)
    if (lastSequence < said) t.fail(`round ${round}: ${said} was kept, ${lastSequence} is there`)
    if (states.get('ocp45/m1')?.since !== lastSequence)
      t.fail(`round ${round}: state and observation disagree`)
    said = lastSequence
  }
  t.ok(said >= 100, `${said} transactions`)
})
