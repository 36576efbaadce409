/** A balancer with three workers, and a fake HAProxy that executes commands and reads its file on a reload. */
import { readFileSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { compileHaproxy } from '../../src/plan/haproxy/compile.ts'
import type { HaproxyPlan } from '../../src/plan/haproxy/plan.ts'
import { renderHaproxy } from '../../src/plan/haproxy/render.ts'
import { createBalancer } from '../../src/serve/haproxy/balancer.ts'
import { fakeClock } from './fake-clock.ts'
import { fakeHaproxy, statText, type FakeHaproxy } from './fake-haproxy.ts'
import { exampleModel, exampleSite } from './model.ts'

export type Workers = { workers: readonly string[]; part?: boolean; reload?: boolean }

export const all: Workers = { workers: ['w1', 'w2', 'w3'] }
export const withoutW3: Workers = { workers: ['w1', 'w2'] }

/** Simulates the servers of the backend `workerhttp`, with state and connections. */
function simulateServers(running: string, haproxy: FakeHaproxy) {
  let loaded: string | undefined
  const servers = new Map<string, { status: string; connections: number }>()
  const states: Readonly<Record<string, string>> = { drain: 'DRAIN', maint: 'MAINT', ready: 'UP' }
  const load = (): void => {
    const text = readFileSync(running, 'utf8')
    if (text === loaded) return
    loaded = text
    servers.clear()
    for (const [, name = '', out] of text.matchAll(/^ {2}server (w\d) \S+:80( disabled)?$/gm)) {
      servers.set(name, { status: out === undefined ? 'UP' : 'MAINT', connections: 0 })
    }
  }
  const refuse = { reason: '' }
  haproxy.answer = (question) => {
    load()
    const [, name = '', state = ''] = /^set server workerhttp\/(\w+) state (\w+)$/.exec(question) ?? []
    const server = servers.get(name)
    if (server !== undefined) {
      if (refuse.reason !== '') return `${refuse.reason}\n`
      server.status = states[state] as string
    }
    if (question !== 'show stat') return '\n'
    return statText(
      [...servers].map(([server, { status, connections }]) => [
        ...['workerhttp', server, '0', String(connections), status, '480', 'L7OK'],
      ]),
    )
  }
  /** Sets the number of connections of a server. */
  const connect = (name: string, connections: number): void => {
    load()
    servers.get(name)!.connections = connections
  }
  const down = (name: string): void => {
    load()
    servers.get(name)!.status = 'DOWN'
  }
  return {
    connect,
    down,
    refuse,
    states: () => [...servers].map(([name, { status }]) => `${name} ${status}`),
  }
}

/** Starts a balancer that has applied a site with all three workers. */
export async function balancedWorkers(t: Test) {
  const directory = t.testdir({ haproxy: '#!/bin/sh\ntest ! -e "${0%/*}/refused"\n' })
  const at = (name: string): string => join(directory, name)
  await chmod(at('haproxy'), 0o755)
  const haproxy = await fakeHaproxy(t)
  const planOf = ({ workers, part = false, reload = true }: Workers): HaproxyPlan => {
    const site = exampleSite()
    site.clusters[0]!.nodes = workers.map((name) => {
      const mac = `00:00:5e:00:53:3${name.slice(1)}`
      return { name, role: 'worker', mac, address: `192.0.2.3${name.slice(1)}` }
    })
    const command = `echo reload >> ${at('reloads')}; test ! -e ${at('broken')} && cp ${at('haproxy.cfg')} ${at('running')}`
    const section = {
      file: at('haproxy.cfg'),
      socket: haproxy.path,
      ...(reload ? { reload: command } : {}),
      ...(part ? { with: [at('haproxy.cfg')] } : {}),
    }
    const whole = compileHaproxy(exampleModel({ ...site, haproxy: section } as typeof site)).plan!
    return { ...whole, backends: whole.backends.filter(({ name }) => name === 'workerhttp') }
  }
  for (const name of ['haproxy.cfg', 'running']) await writeFile(at(name), renderHaproxy(planOf(all)))
  await writeFile(at('reloads'), '')
  const { connect, down, refuse, states } = simulateServers(at('running'), haproxy)
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  const [counters, clock] = [new Counters(), fakeClock(Date.UTC(2026, 10, 21, 10, 30))]
  const create = (out: ReadonlySet<string> = new Set()) =>
    createBalancer({ log, counters, clock, program: at('haproxy'), out })
  const balancer = create()
  t.teardown(() => balancer.close())
  t.same(await balancer.apply(planOf(all)), { outcome: 'unchanged' })

  async function until(what: string, isReached: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 30_000
    while (!(await isReached())) {
      if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  /** Advances the clock past a poll of HAProxy, so that the next one is due in 5 s. */
  const poll = async (ms = 5000): Promise<void> => {
    const before = balancer.state().servers
    clock.advance(ms)
    const isOver = () => balancer.state().servers !== before && clock.nextDelay() === 5000
    await until('a poll of HAProxy', isOver)
  }
  return {
    balancer,
    create,
    haproxy,
    planOf,
    connect,
    down,
    refuse,
    states,
    lines,
    counters,
    clock,
    at,
    until,
    poll,
    messages: () => lines.map(({ msg }) => msg),
    runtimeCommands: () => haproxy.questions.filter((question) => question.startsWith('set')),
    reloads: async () => (await readFile(at('reloads'), 'utf8')).split('\n').length - 1,
    /** Returns the servers in the file. */
    file: async () =>
      [...(await readFile(at('haproxy.cfg'), 'utf8')).matchAll(/^ {2}server (w\d) \S+:80(.*)$/gm)].map(
        ([, name, rest]) => `${name}${rest}`,
      ),
    leaving: () =>
      balancer
        .state()
        .servers.filter(({ isLeaving }) => isLeaving)
        .map(({ sentence }) => sentence),
  }
}
