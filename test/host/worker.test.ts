import { once } from 'node:events'
import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { runInBackground } from '../../src/host/worker.ts'

const program = new URL('../../src/host/worker.ts', import.meta.url).href

t.test('a worker runs after the threads that answer requests', async (t) => {
  const before = getPriority()
  const code = `
    const { getPriority } = require('node:os')
    import(${JSON.stringify(program)}).then(({ runInBackground }) => {
      runInBackground()
      require('node:worker_threads').parentPort.postMessage(getPriority())
    })`
  const worker = new Worker(code, { eval: true })
  const [priority] = (await once(worker, 'message')) as [number]
  t.equal(priority, Math.max(10, before))
  t.equal(getPriority(), before, 'the other threads keep theirs')
  await worker.terminate()
})

t.test('a worker that may not change its priority runs as before', (t) => {
  const refused = () => {
    throw new Error('setpriority EPERM')
  }
  t.doesNotThrow(() => runInBackground(refused))
  t.end()
})
