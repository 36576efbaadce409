/** A HAProxy whose reload does not end: it delays neither the start nor other reloads. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Shared } from '../../../src/component.ts'
import { components } from '../../../src/components.ts'
import { createBalancer } from '../../../src/serve/haproxy/balancer.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { machine } from '../../support/haproxy-files.ts'
import { until } from '../../support/until.ts'

t.test('changes that come during a reload are applied together', async (t) => {
  const { directory, context, counters, lines, withReload } = await machine(t)
  const hangs = join(directory, 'hangs')
  writeFileSync(hangs, '')
  const plan = withReload(`while test -e ${hangs}; do sleep 0.02; done`)
  const balancer = createBalancer(context)
  t.teardown(() => balancer.close())
  const first = balancer.apply(plan)
  await until(() => counters.get('haproxy.written') === 1)
  t.match(balancer.state(), { isChanging: true })
  const later = [1, 2, 3, 4, 5].map((number) => balancer.apply({ ...plan, site: `site ${number}` }))
  t.equal(new Set(later).size, 1)
  rmSync(hangs)
  t.match(await first, { outcome: 'reloaded' })
  t.match(await later[0], { outcome: 'reloaded' })
  t.equal(counters.get('haproxy.reloads'), 2, 'one reload for five changes')
  t.notOk(balancer.state().isChanging)
  t.equal(lines.filter(({ msg }) => msg === 'HAProxy reloaded').length, 2)
})

t.test('a start waits 2 s for HAProxy, a reload 5 s', async (t) => {
  const clock = fakeClock()
  const balancer = { apply: () => new Promise(() => {}), close: () => {}, state: () => ({}) }
  const shared = { plan: () => ({ haproxy: {} }), balancer, clock } as unknown as Shared
  const component = await components.find(({ name }) => name === 'haproxy')!.start(shared)
  for (const limitMs of [2000, 5000, 5000]) {
    let hasEnded = false
    const applied = Promise.resolve(component.apply?.()).then(() => (hasEnded = true))
    clock.advance(limitMs - 1)
    await new Promise(setImmediate)
    t.equal(hasEnded, false)
    clock.advance(1)
    await applied
    t.equal(clock.pending(), 0)
  }
})
