import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const module = fileURLToPath(new URL('../../src/host/heap.ts', import.meta.url))

/** Makes and releases values, as ten reloads do. @returns the size of the largest heap in octets */
function largestHeap(prepare: string): number {
  const script = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { getHeapStatistics } from 'node:v8'
    import { keepHeapsSmall } from ${JSON.stringify(module)}
    ${prepare}
    let served, most = 0
    for (let reload = 0; reload < 10; reload++) {
      const next = []
      for (let node = 0; node < 100_000; node++) next.push({ node, text: String(node), list: [reload] })
      served = next
      most = Math.max(most, getHeapStatistics().total_heap_size)
    }
    process.stdout.write(String(served.length && most))`
  const options = ['--max-semi-space-size=2', '--input-type=module', '--eval', script]
  return Number(execFileSync(process.execPath, options, { encoding: 'utf8' }))
}

t.test('garbage is collected before the heap grows, until a second after the last use', (t) => {
  const usual = largestHeap('')
  const small = largestHeap('keepHeapsSmall()')
  const overlapping = largestHeap('keepHeapsSmall()(); keepHeapsSmall(); await sleep(1200)')
  const ended = largestHeap('keepHeapsSmall()(); await sleep(1200)')
  t.ok(small < usual * 0.7, `${small} octets instead of ${usual}`)
  t.ok(overlapping < usual * 0.7, `${overlapping} octets`)
  t.ok(ended > small * 1.3, `${ended} octets`)
  t.end()
})
