import t from 'tap'
import { drainFirst } from '../../src/install/drain-first.ts'
import type { Installs } from '../../src/install/installs.ts'

t.test('what other threads reported is recorded before the next step of a client', async (t) => {
  const calls: string[] = []
  const names = ['observe', 'boot', 'mayRead', 'callback', 'checkDisk', 'command'] as const
  const record = (name: string) => (first: unknown) => {
    calls.push(`${name} ${String(first)}`)
    return Promise.resolve(name)
  }
  const functions = Object.fromEntries([...names, 'list'].map((name) => [name, record(name)]))
  const installs = drainFirst(functions as unknown as Installs, () => void calls.push('drain'))
  for (const name of names) {
    const wrapped = installs as unknown as Record<string, (first: string) => unknown>
    t.equal(await wrapped[name]?.('n1'), name)
    t.same(calls.splice(0), ['drain', `${name} n1`])
  }
  installs.list()
  t.same(calls, ['list undefined'], 'what only reads the records does not wait')
})
