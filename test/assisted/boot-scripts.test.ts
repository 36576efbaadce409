/** The scripts of other installers: fetched when a node starts, shared by nodes that boot together, and kept. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { readdirSync, statSync } from 'node:fs'
import t from 'tap'
import { createBootScripts } from '../../src/assisted/boot-scripts.ts'
import type { BootPlan } from '../../src/plan/boot/boot-plan.ts'
import type { HttpPlan } from '../../src/plan/http/plan.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createLog } from '../../src/host/log.ts'
import { fakeClock } from '../support/fake-clock.ts'

const url = 'http://assisted.example.net/files?api_key=KEY'
const text = '#!ipxe\nboot\n'

function planOf(script: BootPlan): Pick<HttpPlan, 'scripts'> {
  const plan = () => script
  return {
    scripts: new Map([['/boot/c/n/install-worker.ipxe', { plan, body: '', node: 'c/n', boot: 'install' }]]),
  }
}

const scriptPlan = (source: string): BootPlan => ({
  kind: 'script',
  role: 'worker',
  source,
  arguments: [],
  handoverUrl: 'http://h/',
})

function world(directory?: string, source = url) {
  const lines: string[] = []
  const state = { answer: text as string | Error, fetches: 0 }
  const clock = fakeClock()
  const scripts = createBootScripts({
    directory,
    clock,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    fetchScript: async () => {
      state.fetches++
      await Promise.resolve()
      if (state.answer instanceof Error) throw state.answer
      return state.answer
    },
  })
  const check = () => scripts.check(planOf(scriptPlan(source)), 'c/n', 'worker')
  return { scripts, state, clock, lines, check }
}

t.test('nodes that boot together share one request, and a later one fetches again', async (t) => {
  const { scripts, state, clock, check } = world()
  t.same(await Promise.all([check(), check()]), [undefined, undefined])
  t.same([scripts.textOf(url), state.fetches], [text, 1])
  await check()
  t.equal(state.fetches, 1)
  clock.advance(10_000)
  await check()
  t.equal(state.fetches, 2)
})

t.test('a node waits until its server responds, and the reason has no key', async (t) => {
  const { state, check } = world()
  state.answer = new Error('assisted.example.net: connection refused')
  t.same(await check(), {
    kind: 'refused',
    code: 'install.script-unavailable',
    reason:
      'waits for the script http://assisted.example.net/files: assisted.example.net: connection refused',
  })
  state.answer = '<html>'
  t.match(await check(), { reason: /the response is not an iPXE script/ })
  state.answer = text
  t.equal(await check(), undefined)
})

t.test(
  'the last script is kept on disk for a server that does not respond, readable only by its owner',
  async (t) => {
    const directory = t.testdir()
    t.equal(await world(directory).check(), undefined)
    const [name = ''] = readdirSync(`${directory}/scripts`)
    t.equal(statSync(`${directory}/scripts/${name}`).mode & 0o777, 0o600)
    const { scripts, state, lines, check } = world(directory)
    state.answer = new Error('timed out')
    t.equal(await check(), undefined)
    t.equal(scripts.textOf(url), text)
    t.match(lines.join(''), 'boot script not fetched, using the last one')
    t.notMatch(lines.join(''), 'KEY')
  },
)

t.test('a state directory that cannot be written is logged, and the node boots', async (t) => {
  const directory = t.testdir({ scripts: 'a file' })
  const { lines, check } = world(directory)
  t.equal(await check(), undefined)
  t.match(lines.join(''), 'boot script not kept')
})

t.test('other plans, and a script from a file, are not fetched', async (t) => {
  const { scripts, state } = world()
  t.equal(await scripts.check(planOf({ kind: 'local' }), 'c/n', 'worker'), undefined)
  t.equal(await scripts.check(planOf({ ...scriptPlan('/x'), text } as BootPlan), 'c/n', 'worker'), undefined)
  t.equal(await scripts.check({ scripts: new Map() }, 'c/n', 'worker'), undefined)
  t.equal(state.fetches, 0)
})

t.test('a script comes over HTTP, and one that is too large does not', async (t) => {
  let size = 10
  const server = createServer((_, response) => response.end(`#!ipxe${' '.repeat(size)}`)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.teardown(() => server.close())
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const scripts = createBootScripts({
    directory: undefined,
    clock: systemClock,
    log: createLog('error', { write: () => undefined }),
  })
  const check = (each: string) => scripts.check(planOf(scriptPlan(each)), 'c/n', 'worker')
  t.equal(await check(source), undefined)
  t.equal(scripts.textOf(source)?.length, 16)
  size = 70_000
  t.match(await check(`${source}large`), { reason: /it has more than 65536 bytes/ })
})

t.test('a server that sends nothing delays a node for 8 s', async (t) => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const clock = fakeClock()
  const scripts = createBootScripts({
    directory: undefined,
    clock,
    log: createLog('error', { write: () => undefined }),
  })
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const arrived = once(server, 'request')
  const checked = scripts.check(planOf(scriptPlan(source)), 'c/n', 'worker')
  await arrived
  clock.advance(8000)
  t.match(await checked, { reason: /no response within 8 s/ })
})
