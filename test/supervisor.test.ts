import t from 'tap'
import type { Component, Running, Shared } from '../src/component.ts'
import { CannotListen } from '../src/host/cannot-listen.ts'
import { createSupervisor } from '../src/supervisor.ts'
import { fakeClock } from './support/fake-clock.ts'

const taken = (name: string) =>
  new CannotListen(`cannot listen for ${name}`, { cause: Object.assign(new Error(), { code: 'EADDRINUSE' }) })

type Fake = Component & { isTaken: boolean; readonly calls: string[] }

function service(name: string, more: Partial<Component> & { isTaken?: boolean } = {}): Fake {
  const fake: Fake = {
    name,
    isTaken: false,
    calls: [],
    isWanted: () => true,
    ...more,
    start: () => {
      if (fake.isTaken) return Promise.reject(taken(name))
      fake.calls.push('start')
      const running: Running = {
        name,
        listening: name === 'haproxy' ? [] : [`udp ${name}`],
        apply: () => void fake.calls.push('apply'),
        problems: () => [{ code: `${name}.test`, text: `${name} has a problem` }],
        close: (graceMs) => void fake.calls.push(`close ${graceMs}`),
      }
      return Promise.resolve(running)
    },
  }
  return fake
}

function supervise(...components: Fake[]) {
  const clock = fakeClock()
  const events: string[] = []
  const record = ({ name }: { name?: string }, message: string) => void events.push(`${name}: ${message}`)
  const log = { info: record, error: record }
  const supervisor = createSupervisor(components, () => ({ clock, log }) as unknown as Shared)
  return { supervisor, clock, events }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('components start in order, apply the plan, and close together', async (t) => {
  const [dns, unwanted, dhcp] = [service('dns'), service('tftp', { isWanted: () => false }), service('dhcp')]
  const { supervisor, clock, events } = supervise(dns, unwanted, dhcp)
  await supervisor.start()
  await supervisor.apply()
  await supervisor.close(5)
  t.same(
    [dns.calls, unwanted.calls, dhcp.calls],
    [['start', 'apply', 'close 5'], [], ['start', 'apply', 'close 5']],
  )
  t.same(
    supervisor.running.map(({ name }) => name),
    ['dns', 'dhcp'],
  )
  t.same([clock.pending(), events], [0, []])
})

t.test(
  'a service without its port waits while the others serve, and starts when the port is free',
  async (t) => {
    const [tftp, dhcp] = [service('tftp', { isTaken: true }), service('dhcp')]
    const { supervisor, clock, events } = supervise(tftp, dhcp)
    await supervisor.start()
    t.same(supervisor.services(), { dhcp: true, tftp: false })
    t.same(supervisor.problems(), [
      { code: 'server.service-not-started', text: 'tftp does not run: cannot listen for tftp' },
      { code: 'dhcp.test', text: 'dhcp has a problem' },
    ])
    clock.advance(10_000)
    await turn()
    t.same(events, ['tftp: service not started'], 'the second attempt is not logged')
    tftp.isTaken = false
    clock.advance(10_000)
    await turn()
    t.same(events, ['tftp: service not started', 'tftp: service started'])
    t.same(tftp.calls, ['start', 'apply'])
    t.same([supervisor.services(), clock.pending()], [{ dhcp: true, tftp: true }, 0])
    await supervisor.close(0)
  },
)

t.test('a supervisor that is closed while a service waits does not start it', async (t) => {
  const [tftp, dhcp] = [service('tftp', { isTaken: true }), service('dhcp')]
  const { supervisor, clock } = supervise(tftp, dhcp)
  await supervisor.start()
  await supervisor.close(0)
  t.equal(clock.pending(), 0)
  t.same(tftp.calls, [])
})

t.test('without any service, or without an essential component, the start fails', async (t) => {
  const alone = supervise(service('haproxy'), service('dns', { isTaken: true }), service('control'))
  await t.rejects(alone.supervisor.start(), { message: 'cannot listen for dns' })
  const second = supervise(
    service('dns', { isTaken: true }),
    service('control', { isTaken: true, isEssential: true }),
  )
  await t.rejects(second.supervisor.start(), { message: 'cannot listen for dns' }, 'the port tells more')
  const essential = supervise(service('dns'), service('control', { isTaken: true, isEssential: true }))
  await t.rejects(essential.supervisor.start(), { message: 'cannot listen for control' })
  const lost = service('tftp')
  lost.start = () => Promise.reject(new CannotListen('this machine lacks the address'))
  await t.rejects(supervise(service('dns'), lost).supervisor.start(), {
    message: 'this machine lacks the address',
  })
  const broken = service('http')
  broken.start = () => Promise.reject(new Error('a bug'))
  await t.rejects(supervise(service('dns'), broken).supervisor.start(), { message: 'a bug' })
})
